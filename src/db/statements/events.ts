/** The outbox after the commit: what the relay, the live tail and the copy to Redis ask of the database. */
import type { Sql } from "../client.ts";
import { confirmFound } from "../confirm-found.ts";

/** An event as it is stored; `data` is JSON text, and so is the buyer's data of a payment event. */
export interface StoredEvent {
  readonly merchantId: number;
  readonly id: string;
  readonly type: string;
  readonly orderVersion: number | null;
  readonly createdAt: Date;
  readonly data: string;
  /** Stands in the payment event alone, so that it can be erased; null for other events. */
  readonly buyerInfo: string | null;
}

export interface PositionedEvent extends StoredEvent {
  readonly position: number;
}

export interface UnrenderedEvent {
  readonly merchantId: number;
  readonly id: string;
  /** Of the payment event. */
  readonly checkoutId: string;
}

/** Events that were written without their object, of those that the relay takes next. */
export async function listUnrendered(sql: Sql, limit: number): Promise<readonly UnrenderedEvent[]> {
  return sql<UnrenderedEvent[]>`
    SELECT f.merchant_id AS "merchantId", f.id, p.checkout_id AS "checkoutId"
    FROM (
      SELECT e.merchant_id, e.id, e.subject_id, e.data IS NULL AS is_bare FROM events e
      WHERE e.position IS NULL ORDER BY e.created_at, e.id LIMIT ${limit}::int
    ) f
    JOIN payment_events p ON p.merchant_id = f.merchant_id AND p.id = f.subject_id
    WHERE f.is_bare`;
}

export interface RenderedEvent {
  readonly merchantId: number;
  readonly id: string;
  /** JSON text. */
  readonly data: string;
}

/** The first rendering of an event stays. */
export async function storeRendered(sql: Sql, rendered: readonly RenderedEvent[]): Promise<void> {
  const rows = rendered.map(({ merchantId, id, data }) => ({ merchant_id: merchantId, id, data }));
  await sql`
    UPDATE events e SET data = r.data::json
    FROM (
      SELECT b.merchant_id, b.id, g.data
      FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS g(merchant_id integer, id uuid, data text)
      JOIN events b ON b.merchant_id = g.merchant_id AND b.id = g.id
      WHERE b.data IS NULL
      ORDER BY b.merchant_id, b.id FOR UPDATE OF b
    ) r
    WHERE e.merchant_id = r.merchant_id AND e.id = r.id AND e.data IS NULL`;
}

export interface Relayed {
  /** Events that got their position; 0 also while another node is at it. */
  readonly events: number;
  readonly deliveries: number;
}

export async function relayEvents(sql: Sql, limit: number): Promise<Relayed> {
  const [row] = await sql<{ relayed: number; made: number }[]>`SELECT relayed, made FROM relay_events(${limit}::int)`;
  return { events: row?.relayed ?? 0, deliveries: row?.made ?? 0 };
}

/** How long the oldest event has waited for its position, in seconds; 0 when none waits. */
export async function readRelayLag(sql: Sql): Promise<number> {
  const [row] = await sql<{ lag: number | null }[]>`
    SELECT greatest(0, extract(epoch FROM now() - created_at))::float8 AS lag FROM events
    WHERE position IS NULL ORDER BY created_at, id LIMIT 1`;
  return row?.lag ?? 0;
}

/** The last position that an event was given. It stays: who begins there would pass over the event that gets it again. */
export async function readLastPosition(sql: Sql): Promise<number> {
  const [row] = await sql<{ last: number }[]>`SELECT last::float8 AS last FROM event_positions`;
  if (row === undefined) throw new Error("the counter of event positions is missing: run npm run migrate");
  await confirmFound(sql);
  return row.last;
}

/** Where an event stands; null when the merchant has no such event that was relayed. */
export async function findPosition(sql: Sql, merchantId: number, eventId: string): Promise<number | null> {
  const [row] = await sql<{ position: number | null }[]>`
    SELECT position::float8 AS position FROM events WHERE merchant_id = ${merchantId} AND id = ${eventId}`;
  return row?.position ?? null;
}

/** How far a reader has come with one merchant's events. */
export interface ReadingPlace {
  readonly merchantId: number;
  readonly after: number;
}

/**
 * The next events of each merchant, in their order. What is returned stays: a primary that comes back from a crash
 * shows commits that its standby lacks, and a position that a reader has passed must never be given again.
 */
export async function readNextEvents(
  sql: Sql,
  places: readonly ReadingPlace[],
  limit: number,
): Promise<readonly PositionedEvent[]> {
  const rows = places.map(({ merchantId, after }) => ({ merchant_id: merchantId, after }));
  const found = await sql<PositionedEvent[]>`
    SELECT n.merchant_id AS "merchantId", n.id, n.type, n.order_version AS "orderVersion", n.created_at AS "createdAt",
      n.position::float8 AS position, n.data::text AS data, b.buyer_info::text AS "buyerInfo"
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS p(merchant_id integer, after bigint)
    CROSS JOIN LATERAL (
      SELECT * FROM events e WHERE e.merchant_id = p.merchant_id AND e.position > p.after ORDER BY e.position LIMIT ${limit}::int
    ) n
    LEFT JOIN payment_events b ON n.type = 'payment_event.done' AND b.merchant_id = n.merchant_id AND b.id = n.subject_id
    ORDER BY n.merchant_id, n.position`;
  if (found.length > 0) await confirmFound(sql);
  return found;
}

/** The next events of all merchants, in their order; they stay, as those of `readNextEvents`. */
export async function readAllEvents(sql: Sql, after: number, limit: number): Promise<readonly PositionedEvent[]> {
  const found = await sql<PositionedEvent[]>`
    SELECT n.merchant_id AS "merchantId", n.id, n.type, n.order_version AS "orderVersion", n.created_at AS "createdAt",
      n.position::float8 AS position, n.data::text AS data, b.buyer_info::text AS "buyerInfo"
    FROM (SELECT * FROM events e WHERE e.position > ${after}::bigint ORDER BY e.position LIMIT ${limit}::int) n
    LEFT JOIN payment_events b ON n.type = 'payment_event.done' AND b.merchant_id = n.merchant_id AND b.id = n.subject_id
    ORDER BY n.position`;
  if (found.length > 0) await confirmFound(sql);
  return found;
}

/**
 * Makes this node the one that fills a stream, while nobody else is; the last position that an event was given, or null.
 * That position stays: what this writes is committed behind it.
 */
export async function holdStream(sql: Sql, name: string, node: string, forMs: number): Promise<number | null> {
  const [row] = await sql<{ last: number }[]>`
    UPDATE event_streams SET holder = ${node}, held_until = now() + ${forMs}::float8 * interval '1 ms'
    WHERE name = ${name} AND (holder = ${node} OR held_until IS NULL OR held_until <= now())
    RETURNING (SELECT last::float8 FROM event_positions) AS last`;
  return row?.last ?? null;
}

export async function noteStreamed(sql: Sql, name: string, node: string, position: number): Promise<void> {
  await sql`UPDATE event_streams SET position = ${position}::bigint WHERE name = ${name} AND holder = ${node}`;
}

export async function letGoOfStream(sql: Sql, name: string, node: string): Promise<void> {
  await sql`UPDATE event_streams SET holder = NULL, held_until = NULL WHERE name = ${name} AND holder = ${node}`;
}
