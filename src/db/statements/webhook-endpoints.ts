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
      enabled_at = CASE WHEN ${enabled ?? null}::boolean AND NOT enabled THEN now() ELSE enabled_at END,
      not_before = CASE WHEN ${enabled ?? false}::boolean OR ${url ?? null}::text <> url THEN NULL ELSE not_before END,
      updated_at = now()
    WHERE merchant_id = ${merchantId} AND id = ${id} AND deleted_at IS NULL`;
  return updated.count > 0;
}

/** False when there is no such endpoint. What was on its way there is canceled by `endDeliveries`. */
export async function deleteEndpoint(sql: Sql, { merchantId, id }: EndpointKey): Promise<boolean> {
  const deleted = await sql`
    UPDATE webhook_endpoints SET deleted_at = now(), enabled = false, updated_at = now()
    WHERE merchant_id = ${merchantId} AND id = ${id} AND deleted_at IS NULL`;
  return deleted.count > 0;
}

/** `full`: so many earlier secrets still sign that no other may join them. */
export type Rotation =
  | { readonly kind: "rotated"; readonly generation: number }
  | { readonly kind: "unknown" | "full" };

/**
 * A new secret. The one before signs along for a while, and those before it until the time that was promised for them;
 * without an overlap all of them end now.
 */
export async function rotateSecret(
  sql: Sql,
  { merchantId, id }: EndpointKey,
  { overlapMs, maxRetiring }: { readonly overlapMs: number; readonly maxRetiring: number },
): Promise<Rotation> {
  const [row] = await sql<{ generation: number; rotated: number | null }[]>`
    WITH wanted AS MATERIALIZED (
      SELECT w.merchant_id, w.id, w.secret_generation, kept.secrets, kept.count
      FROM webhook_endpoints w CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(s), '[]') AS secrets, count(*) AS count
        FROM json_to_recordset(w.retiring_secrets) AS s(generation integer, until float8)
        WHERE s.until > extract(epoch FROM now()) * 1000
      ) kept
      WHERE w.merchant_id = ${merchantId} AND w.id = ${id} AND w.deleted_at IS NULL
      FOR UPDATE OF w
    ), rotated AS (
      UPDATE webhook_endpoints w SET secret_generation = n.secret_generation + 1, updated_at = now(),
        retiring_secrets = CASE WHEN ${overlapMs}::float8 > 0 THEN (n.secrets::jsonb || jsonb_build_object(
          'generation', n.secret_generation, 'until', floor(extract(epoch FROM now()) * 1000 + ${overlapMs}::float8)
        ))::json ELSE '[]'::json END
      FROM wanted n
      WHERE w.merchant_id = n.merchant_id AND w.id = n.id AND (${overlapMs}::float8 = 0 OR n.count < ${maxRetiring}::int)
      RETURNING w.secret_generation
    )
    SELECT n.secret_generation AS generation, (SELECT r.secret_generation FROM rotated r) AS rotated FROM wanted n`;
  if (row === undefined) return { kind: "unknown" };
  return row.rotated === null ? { kind: "full" } : { kind: "rotated", generation: row.rotated };
}

/** It asked to be left alone, and its merchant wants it sent now. */
export async function freeEndpoint(sql: Sql, { merchantId, id }: EndpointKey): Promise<void> {
  await sql`
    UPDATE webhook_endpoints SET not_before = NULL
    WHERE merchant_id = ${merchantId} AND id = ${id} AND not_before IS NOT NULL`;
}

/** `ready`: due now. `closed`: its endpoint is disabled or deleted. */
export type Redelivery =
  | { readonly kind: "ready"; readonly endpointId: string }
  | { readonly kind: "closed" | "unknown" };

/** Puts a delivery at the start of its schedule. One that is being sent at this moment just goes on. */
export async function redeliverOne(sql: Sql, merchantId: number, deliveryId: string): Promise<Redelivery> {
  const [row] = await sql<{ endpointId: string; open: boolean }[]>`
    WITH wanted AS (
      SELECT d.id, d.endpoint_id, w.enabled AND w.deleted_at IS NULL AS open FROM deliveries d
      JOIN webhook_endpoints w ON w.merchant_id = d.merchant_id AND w.id = d.endpoint_id
      WHERE d.merchant_id = ${merchantId} AND d.id = ${deliveryId}
    ), renewed AS (
      UPDATE deliveries d SET status = 'due', failures = 0, scheduled_at = now(),
        claim = CASE WHEN d.next_attempt_at > now() THEN d.claim END,
        next_attempt_at = CASE WHEN d.claim IS NOT NULL AND d.next_attempt_at > now() THEN d.next_attempt_at ELSE now() END
      FROM wanted n WHERE d.merchant_id = ${merchantId} AND d.id = n.id AND n.open
    )
    SELECT endpoint_id AS "endpointId", open FROM wanted`;
  if (row === undefined) return { kind: "unknown" };
  return row.open ? { kind: "ready", endpointId: row.endpointId } : { kind: "closed" };
}

export interface RedeliveryRange extends EndpointKey {
  /** By the event's time. */
  readonly from: Date | null;
  readonly to: Date | null;
  readonly status: "due" | "delivered" | "parked" | "canceled";
  /** Goes on after this delivery; null for the beginning. */
  readonly afterId: string | null;
  readonly limit: number;
}

export interface RedeliveredRange {
  readonly count: number;
  /** The last one that was put on its way; null when there was none. */
  readonly lastId: string | null;
}

/** Puts the oldest deliveries of a range at the start of their schedule; those that are being sent just go on. */
export async function redeliverRange(sql: Sql, range: RedeliveryRange): Promise<RedeliveredRange> {
  const { merchantId, id, from, to, status, afterId, limit } = range;
  // By its place, for a join leaves the order to the planner: tables that were filled while they were analyzed look empty to
  // it, and it would read all of them for each of ten thousand rows.
  const [row] = await sql<{ count: number; last: string | null }[]>`
    WITH wanted AS MATERIALIZED (
      SELECT o.id, o.ctid AS place FROM deliveries o
      JOIN events e ON e.merchant_id = o.merchant_id AND e.id = o.event_id
      WHERE o.merchant_id = ${merchantId} AND o.endpoint_id = ${id}
        AND o.status = ${status}
        AND (o.claim IS NULL OR o.next_attempt_at <= now() OR o.status <> 'due')
        AND (${afterId}::uuid IS NULL OR o.id > ${afterId}::uuid)
        AND (${from}::timestamptz IS NULL OR e.created_at >= ${from}::timestamptz)
        AND (${to}::timestamptz IS NULL OR e.created_at < ${to}::timestamptz)
      ORDER BY o.id LIMIT ${limit}::int FOR UPDATE OF o
    ), renewed AS (
      UPDATE deliveries d SET status = 'due', failures = 0, claim = NULL, next_attempt_at = now(), scheduled_at = now()
      WHERE d.ctid = ANY (ARRAY(SELECT n.place FROM wanted n))
    )
    SELECT count(*)::int AS count, (SELECT n.id FROM wanted n ORDER BY n.id DESC LIMIT 1) AS last FROM wanted`;
  return { count: row?.count ?? 0, lastId: row?.last ?? null };
}

/**
 * Makes deliveries of events of a range that match the endpoint's types and have none there; how many. Of two calls at the
 * same moment each event is made by one.
 */
export async function deliverMissing(sql: Sql, range: Omit<RedeliveryRange, "status" | "afterId">): Promise<number> {
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
    ORDER BY e.position LIMIT ${limit}::int
    ON CONFLICT DO NOTHING`;
  return made.count;
}
