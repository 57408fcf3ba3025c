import { and, desc, eq, inArray, lt, sql, type SQL } from "../drizzle.ts";
import { deliveries, deliveryAttempts, webhookEndpoints } from "../schema/events.ts";
import type { Database } from "./database.ts";

export type DeliveryStatus = "due" | "delivered" | "parked" | "canceled";

export interface DeliveryRow {
  readonly id: string;
  readonly endpointId: string;
  readonly url: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly failures: number;
  readonly nextAttemptAt: Date;
  /** An attempt is under way. */
  readonly isClaimed: boolean;
  readonly lastAttemptAt: Date | null;
  readonly lastStatus: number | null;
  readonly lastLatencyMs: number | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly deliveredAt: Date | null;
}

const COLUMNS = {
  id: deliveries.id,
  endpointId: deliveries.endpointId,
  url: webhookEndpoints.url,
  eventId: deliveries.eventId,
  eventType: deliveries.eventType,
  status: deliveries.status,
  attempts: deliveries.attempts,
  failures: deliveries.failures,
  nextAttemptAt: deliveries.nextAttemptAt,
  isClaimed: sql<boolean>`coalesce(${deliveries.claim} IS NOT NULL AND ${deliveries.nextAttemptAt} > now(), false)`,
  lastAttemptAt: deliveries.lastAttemptAt,
  lastStatus: deliveries.lastStatus,
  lastLatencyMs: deliveries.lastLatencyMs,
  lastError: deliveries.lastError,
  createdAt: deliveries.createdAt,
  deliveredAt: deliveries.deliveredAt,
} as const;

const toEndpoint = and(
  eq(webhookEndpoints.merchantId, deliveries.merchantId),
  eq(webhookEndpoints.id, deliveries.endpointId),
);

export interface DeliveryPage {
  readonly merchantId: number;
  readonly endpointId?: string;
  readonly status?: DeliveryStatus;
  /** Deliveries of these events alone. */
  readonly eventIds?: readonly string[];
  readonly beforeId: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function listDeliveries(db: Database, page: DeliveryPage): Promise<readonly DeliveryRow[]> {
  const conditions: SQL[] = [eq(deliveries.merchantId, page.merchantId)];
  if (page.beforeId !== null) conditions.push(lt(deliveries.id, page.beforeId));
  if (page.endpointId !== undefined) conditions.push(eq(deliveries.endpointId, page.endpointId));
  // Written out: a partial index is used only where the plan can see that it fits.
  if (page.status !== undefined) conditions.push(sql`${deliveries.status} = ${sql.raw(`'${page.status}'`)}`);
  if (page.eventIds !== undefined) conditions.push(inArray(deliveries.eventId, [...page.eventIds]));
  return await db
    .select(COLUMNS)
    .from(deliveries)
    .innerJoin(webhookEndpoints, toEndpoint)
    .where(and(...conditions))
    .orderBy(desc(deliveries.id))
    .limit(page.limit);
}

export interface AttemptRow {
  readonly attempt: number;
  readonly at: Date;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly error: string | null;
  readonly excerpt: string | null;
}

export interface DeliveryWithAttempts extends DeliveryRow {
  /** Oldest first; the newest of them when there are very many. */
  readonly history: readonly AttemptRow[];
}

const MAX_ATTEMPTS_SHOWN = 200;

export async function findDelivery(db: Database, merchantId: number, id: string): Promise<DeliveryWithAttempts | null> {
  const [row] = await db
    .select(COLUMNS)
    .from(deliveries)
    .innerJoin(webhookEndpoints, toEndpoint)
    .where(and(eq(deliveries.merchantId, merchantId), eq(deliveries.id, id)))
    .limit(1);
  if (row === undefined) return null;
  const newest = await db
    .select({
      attempt: deliveryAttempts.attempt,
      at: deliveryAttempts.at,
      status: deliveryAttempts.status,
      latencyMs: deliveryAttempts.latencyMs,
      error: deliveryAttempts.error,
      excerpt: deliveryAttempts.excerpt,
    })
    .from(deliveryAttempts)
    .where(and(eq(deliveryAttempts.merchantId, merchantId), eq(deliveryAttempts.deliveryId, id)))
    .orderBy(desc(deliveryAttempts.attempt))
    .limit(MAX_ATTEMPTS_SHOWN);
  return { ...row, history: newest.toReversed() };
}
