import { and, desc, eq, isNull, lt, sql } from "../drizzle.ts";
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
  /** Until then an earlier secret signs too; null when none does. */
  readonly previousSecretUntil: Date | null;
  /** Nothing is sent before, as the endpoint asked; null when it did not. */
  readonly notBefore: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Deliveries that wait for an attempt, and those whose attempts are spent. */
  readonly due: number;
  readonly parked: number;
  /** When the oldest of the due ones was put on its way. */
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
  previousSecretUntil: sql<Date | null>`(
    SELECT to_timestamp(max(s.until) / 1000) FROM json_to_recordset(webhook_endpoints.retiring_secrets) AS s(until float8)
    WHERE s.until > extract(epoch FROM now()) * 1000)`.mapWith(webhookEndpoints.createdAt),
  notBefore:
    sql<Date | null>`CASE WHEN ${webhookEndpoints.notBefore} > now() THEN ${webhookEndpoints.notBefore} END`.mapWith(
      webhookEndpoints.notBefore,
    ),
  createdAt: webhookEndpoints.createdAt,
  updatedAt: webhookEndpoints.updatedAt,
  due: waiting("due"),
  parked: waiting("parked"),
  oldestDueAt: sql<Date | null>`(
    SELECT min(o.scheduled_at) FROM deliveries o WHERE o.merchant_id = webhook_endpoints.merchant_id
      AND o.endpoint_id = webhook_endpoints.id AND o.status = 'due')`.mapWith(webhookEndpoints.createdAt),
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
