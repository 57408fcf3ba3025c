import { and, desc, eq, isNull, lt, sql } from "drizzle-orm";
import { webhookEndpoints } from "../schema/events.ts";
import type { Database } from "./database.ts";

export interface EndpointRow {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
  readonly enabled: boolean;
  readonly disabledReason: string | null;
  readonly secretGeneration: number;
  readonly previousSecretUntil: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Deliveries that wait for an attempt, and those whose attempts are spent. */
  readonly due: number;
  readonly parked: number;
  /** Since when the oldest of the due ones has waited. */
  readonly oldestDueAt: Date | null;
}

/** A backlog is counted up to here: a number for people, not worth reading a million index entries for. */
export const MAX_COUNTED = 10_000;

// Columns of the outer table are written out: in a query of one table Drizzle names them without it, and the inner one's would be meant.
const waiting = (status: "due" | "parked") => sql<number>`(
  SELECT count(*)::int FROM (
    SELECT FROM deliveries d WHERE d.merchant_id = webhook_endpoints.merchant_id AND d.endpoint_id = webhook_endpoints.id
      AND d.status = ${sql.raw(`'${status}'`)} LIMIT ${sql.raw(String(MAX_COUNTED))}
  ) counted)`;

const COLUMNS = {
  id: webhookEndpoints.id,
  url: webhookEndpoints.url,
  events: webhookEndpoints.events,
  description: webhookEndpoints.description,
  enabled: webhookEndpoints.enabled,
  disabledReason: webhookEndpoints.disabledReason,
  secretGeneration: webhookEndpoints.secretGeneration,
  previousSecretUntil:
    sql<Date | null>`CASE WHEN ${webhookEndpoints.previousSecretUntil} > now() THEN ${webhookEndpoints.previousSecretUntil} END`.mapWith(
      webhookEndpoints.previousSecretUntil,
    ),
  createdAt: webhookEndpoints.createdAt,
  updatedAt: webhookEndpoints.updatedAt,
  due: waiting("due"),
  parked: waiting("parked"),
  oldestDueAt: sql<Date | null>`(
    SELECT e.created_at FROM (
      SELECT o.event_id FROM deliveries o WHERE o.merchant_id = webhook_endpoints.merchant_id
        AND o.endpoint_id = webhook_endpoints.id AND o.status = 'due' ORDER BY o.next_attempt_at LIMIT 1
    ) first JOIN events e ON e.merchant_id = webhook_endpoints.merchant_id AND e.id = first.event_id)`.mapWith(
    webhookEndpoints.createdAt,
  ),
} as const;

export interface EndpointPage {
  readonly merchantId: number;
  readonly beforeId: string | null;
  readonly limit: number;
}

/** The merchant's endpoints that are not deleted, newest first. */
export async function listEndpoints(
  db: Database,
  { merchantId, beforeId, limit }: EndpointPage,
): Promise<readonly EndpointRow[]> {
  return await db
    .select(COLUMNS)
    .from(webhookEndpoints)
    .where(
      and(
        eq(webhookEndpoints.merchantId, merchantId),
        isNull(webhookEndpoints.deletedAt),
        beforeId === null ? undefined : lt(webhookEndpoints.id, beforeId),
      ),
    )
    .orderBy(desc(webhookEndpoints.id))
    .limit(limit);
}

export async function findEndpoint(db: Database, merchantId: number, id: string): Promise<EndpointRow | null> {
  const [row] = await db
    .select(COLUMNS)
    .from(webhookEndpoints)
    .where(
      and(eq(webhookEndpoints.merchantId, merchantId), eq(webhookEndpoints.id, id), isNull(webhookEndpoints.deletedAt)),
    )
    .limit(1);
  return row ?? null;
}
