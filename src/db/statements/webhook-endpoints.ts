/** What merchants do with their webhook endpoints and deliveries. */
import type { Sql } from "../client.ts";

export interface NewEndpoint {
  readonly merchantId: number;
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
}

/** False when the merchant has `limit` endpoints already. Two at the same moment may pass the limit by one. */
export async function insertEndpoint(sql: Sql, endpoint: NewEndpoint, limit: number): Promise<boolean> {
  const { merchantId, id, url, events, description } = endpoint;
  const inserted = await sql`
    INSERT INTO webhook_endpoints (merchant_id, id, url, events, description)
    SELECT ${merchantId}::int, ${id}::uuid, ${url}, ${toTextArray(sql, events)}, ${description}::text
    WHERE (SELECT count(*) FROM webhook_endpoints WHERE merchant_id = ${merchantId} AND deleted_at IS NULL) < ${limit}::int`;
  return inserted.count > 0;
}

/** Arrays go as text: see `connectDatabase`. */
const toTextArray = (sql: Sql, texts: readonly string[]) =>
  sql`ARRAY(SELECT json_array_elements_text(${JSON.stringify(texts)}::text::json))`;

export interface EndpointKey {
  readonly merchantId: number;
  readonly id: string;
}

/** What is left out stays. */
export interface EndpointChanges {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly description?: string | null;
  readonly enabled?: boolean;
}

/** False when there is no such endpoint. One that is enabled again gets what it missed meanwhile when it is redelivered. */
export async function updateEndpoint(
  sql: Sql,
  { merchantId, id }: EndpointKey,
  { url, events, description, enabled }: EndpointChanges,
): Promise<boolean> {
  const updated = await sql`
    UPDATE webhook_endpoints SET
      url = coalesce(${url ?? null}::text, url),
      events = ${events === undefined ? sql`events` : toTextArray(sql, events)},
      description = ${description === undefined ? sql`description` : sql`${description}::text`},
      enabled = coalesce(${enabled ?? null}::boolean, enabled),
      disabled_reason = CASE ${enabled ?? null}::boolean WHEN true THEN NULL WHEN false THEN coalesce(disabled_reason, 'merchant')
        ELSE disabled_reason END,
      updated_at = now()
    WHERE merchant_id = ${merchantId} AND id = ${id} AND deleted_at IS NULL`;
  return updated.count > 0;
}

/** False when there is no such endpoint. What was on its way there is canceled. */
export async function deleteEndpoint(sql: Sql, { merchantId, id }: EndpointKey): Promise<boolean> {
  const deleted = await sql`
    UPDATE webhook_endpoints SET deleted_at = now(), enabled = false, updated_at = now()
    WHERE merchant_id = ${merchantId} AND id = ${id} AND deleted_at IS NULL`;
  if (deleted.count === 0) return false;
  await endDueDeliveries(sql, { merchantId, id }, "canceled");
  return true;
}

const END_AT_A_TIME = 5_000;

/**
 * What still waits for an endpoint that is closed. In statements of their own, after the endpoint's row is let go: the
 * relay of all merchants waits for that row, and a backlog of a million takes longer than a statement may. The relay
 * locks the row while it makes deliveries, so what it made before the endpoint closed is committed by now and found.
 * In the order of their ids, as results are written: two that lock the same rows must not wait for each other.
 */
export async function endDueDeliveries(
  sql: Sql,
  { merchantId, id }: EndpointKey,
  status: "canceled" | "parked",
): Promise<void> {
  for (;;) {
    const ended = await sql`
      UPDATE deliveries d SET status = ${status}, claim = NULL
      FROM (
        SELECT o.id FROM deliveries o
        JOIN webhook_endpoints w ON w.merchant_id = o.merchant_id AND w.id = o.endpoint_id AND NOT w.enabled
        WHERE o.merchant_id = ${merchantId} AND o.endpoint_id = ${id} AND o.status = 'due'
        ORDER BY o.id LIMIT ${END_AT_A_TIME}::int FOR UPDATE OF o
      ) n
      WHERE d.merchant_id = ${merchantId} AND d.id = n.id`;
    if (ended.count < END_AT_A_TIME) return;
  }
}

/** The generation of the new secret; null when there is no such endpoint. The old secret signs along for a while. */
export async function rotateSecret(
  sql: Sql,
  { merchantId, id }: EndpointKey,
  overlapMs: number,
): Promise<number | null> {
  const [row] = await sql<{ generation: number }[]>`
    UPDATE webhook_endpoints SET secret_generation = secret_generation + 1, updated_at = now(),
      previous_secret_until = now() + ${overlapMs}::float8 * interval '1 ms'
    WHERE merchant_id = ${merchantId} AND id = ${id} AND deleted_at IS NULL
    RETURNING secret_generation AS generation`;
  return row?.generation ?? null;
}

/** `ready`: due now. `closed`: its endpoint is disabled or deleted. */
export type Redelivery = "ready" | "closed" | "unknown";

/** Puts a delivery at the start of its schedule. One that is being sent at this moment just goes on. */
export async function redeliverOne(sql: Sql, merchantId: number, deliveryId: string): Promise<Redelivery> {
  const [row] = await sql<{ open: boolean }[]>`
    WITH wanted AS (
      SELECT d.id, w.enabled AND w.deleted_at IS NULL AS open FROM deliveries d
      JOIN webhook_endpoints w ON w.merchant_id = d.merchant_id AND w.id = d.endpoint_id
      WHERE d.merchant_id = ${merchantId} AND d.id = ${deliveryId}
    ), renewed AS (
      UPDATE deliveries d SET status = 'due', failures = 0,
        claim = CASE WHEN d.next_attempt_at > now() THEN d.claim END,
        next_attempt_at = CASE WHEN d.claim IS NOT NULL AND d.next_attempt_at > now() THEN d.next_attempt_at ELSE now() END
      FROM wanted n WHERE d.merchant_id = ${merchantId} AND d.id = n.id AND n.open
    )
    SELECT open FROM wanted`;
  if (row === undefined) return "unknown";
  return row.open ? "ready" : "closed";
}

export interface RedeliveryRange extends EndpointKey {
  /** By the event's time. */
  readonly from: Date | null;
  readonly to: Date | null;
  readonly statuses: readonly ("delivered" | "parked" | "canceled")[];
  readonly limit: number;
}

/** Puts the oldest deliveries of a range at the start of their schedule; how many. */
export async function redeliverRange(sql: Sql, range: RedeliveryRange): Promise<number> {
  const { merchantId, id, from, to, statuses, limit } = range;
  const renewed = await sql`
    UPDATE deliveries d SET status = 'due', failures = 0, claim = NULL, next_attempt_at = now()
    FROM (
      SELECT o.id FROM deliveries o
      JOIN events e ON e.merchant_id = o.merchant_id AND e.id = o.event_id
      WHERE o.merchant_id = ${merchantId} AND o.endpoint_id = ${id}
        AND o.status IN (SELECT json_array_elements_text(${JSON.stringify(statuses)}::text::json))
        AND (${from}::timestamptz IS NULL OR e.created_at >= ${from}::timestamptz)
        AND (${to}::timestamptz IS NULL OR e.created_at < ${to}::timestamptz)
      ORDER BY o.id LIMIT ${limit}::int FOR UPDATE OF o
    ) n
    WHERE d.merchant_id = ${merchantId} AND d.id = n.id`;
  return renewed.count;
}

/** Makes deliveries of events of a range that match the endpoint's types and have none there; how many. */
export async function deliverMissing(sql: Sql, range: Omit<RedeliveryRange, "statuses">): Promise<number> {
  const { merchantId, id, from, to, limit } = range;
  const made = await sql`
    INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
    SELECT e.merchant_id, new_time_id(), w.id, e.id, e.type, 'due', now()
    FROM webhook_endpoints w JOIN events e ON e.merchant_id = w.merchant_id
    WHERE w.merchant_id = ${merchantId} AND w.id = ${id} AND e.position IS NOT NULL AND event_matches(e.type, w.events)
      AND (${from}::timestamptz IS NULL OR e.created_at >= ${from}::timestamptz)
      AND (${to}::timestamptz IS NULL OR e.created_at < ${to}::timestamptz)
      AND NOT EXISTS (
        SELECT FROM deliveries d WHERE d.merchant_id = e.merchant_id AND d.event_id = e.id AND d.endpoint_id = w.id
      )
    ORDER BY e.position LIMIT ${limit}::int`;
  return made.count;
}
