/** Small reads and one write that the payments service needs beside the group commit, by the merchant's own ids. */
import type { Sql } from "../client.ts";

/** The internal UUID of a payment order; null when the merchant has none of that name. */
export async function findOrderId(sql: Sql, merchantId: number, paymentOrderId: string): Promise<string | null> {
  const [row] = await sql<{ id: string }[]>`
    SELECT id FROM payment_orders WHERE merchant_id = ${merchantId} AND payment_order_id = ${paymentOrderId}`;
  return row?.id ?? null;
}

export interface FoundPaymentEvent {
  readonly id: string;
  /** SHA-256 of what the merchant asked for, hex. */
  readonly contentHash: string;
  readonly buyerInfo: unknown;
  readonly metadata: unknown;
  readonly createdAt: Date;
  /** By the database's clock. */
  readonly ageMs: number;
  /** The node that created it; null when that can't be told. */
  readonly creator: string | null;
  /** How long ago that node's last heartbeat was; null when it has stopped, or is forgotten. */
  readonly creatorSilentMs: number | null;
  /** In the order of the request. */
  readonly orderIds: readonly string[];
}

export async function findPaymentEvent(
  sql: Sql,
  merchantId: number,
  checkoutId: string,
): Promise<FoundPaymentEvent | null> {
  const [row] = await sql<
    {
      id: string;
      content_hash: Uint8Array;
      buyer_info: unknown;
      metadata: unknown;
      created_at: Date;
      age_ms: number;
      creator: string | null;
      creator_silent_ms: number | null;
      order_ids: string[];
    }[]
  >`
    SELECT e.id, e.content_hash, e.buyer_info, e.metadata, e.created_at,
      (extract(epoch FROM now() - e.created_at) * 1000)::float8 AS age_ms,
      first.node AS creator,
      (extract(epoch FROM now() - n.heartbeat_at) * 1000)::float8 AS creator_silent_ms,
      (SELECT json_agg(o.id ORDER BY o.ordinal) FROM payment_orders o
       WHERE o.merchant_id = e.merchant_id AND o.payment_event_id = e.id) AS order_ids
    FROM payment_events e
    LEFT JOIN LATERAL (
      SELECT t.node FROM payment_orders o
      JOIN transitions t ON t.merchant_id = o.merchant_id AND t.actor_id = o.id AND t.seq = 1
      WHERE o.merchant_id = e.merchant_id AND o.payment_event_id = e.id
      ORDER BY o.ordinal, o.id LIMIT 1
    ) first ON true
    LEFT JOIN nodes n ON n.node_id = first.node AND n.stopped_at IS NULL
    WHERE e.merchant_id = ${merchantId} AND e.checkout_id = ${checkoutId}`;
  if (row === undefined) return null;
  return {
    id: row.id,
    contentHash: Buffer.from(row.content_hash).toString("hex"),
    buyerInfo: row.buyer_info,
    metadata: row.metadata,
    createdAt: row.created_at,
    ageMs: row.age_ms,
    creator: row.creator,
    creatorSilentMs: row.creator_silent_ms,
    orderIds: row.order_ids,
  };
}

export interface HostedToken {
  readonly merchantId: number;
  readonly eventId: string;
  readonly token: string;
}

export interface HostedStart {
  readonly commandId: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly event: unknown;
}

/**
 * Keeps the first token that a hosted page brings, together with the commands that start its orders: a process that
 * dies after the first half would leave a buyer who can't pay again and orders that nobody starts. False when there is
 * a token already, because a later one changes nothing.
 */
export async function keepFirstToken(sql: Sql, hosted: HostedToken, starts: readonly HostedStart[]): Promise<boolean> {
  const rows = starts.map(({ commandId, actorKind, actorId, event }) => ({
    command_id: commandId,
    actor_kind: actorKind,
    actor_id: actorId,
    command: event,
  }));
  const stored = await sql`
    WITH kept AS (
      UPDATE payment_events SET payment_method_token = ${hosted.token}
      WHERE merchant_id = ${hosted.merchantId} AND id = ${hosted.eventId} AND payment_method_token IS NULL
      RETURNING merchant_id
    )
    INSERT INTO commands (command_id, merchant_id, actor_kind, actor_id, command)
    SELECT s.command_id, k.merchant_id, s.actor_kind, s.actor_id, s.command
    FROM kept k, json_to_recordset(${JSON.stringify(rows)}::text::json)
      AS s(command_id uuid, actor_kind text, actor_id uuid, command json)
    RETURNING command_id`;
  return stored.length > 0;
}
