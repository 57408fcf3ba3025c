/** Small reads that the payments service needs to find an order or a payment event by the merchant's own id. */
import type { Sql } from "../db/client.ts";
import type { ActorRef } from "../engine/actor.ts";
import { PAYMENT_ORDER_KIND } from "./payment-order-state.ts";
import type { PaymentEventTerms } from "./represent.ts";

export async function findOrderRef(sql: Sql, merchantId: number, paymentOrderId: string): Promise<ActorRef | null> {
  const [row] = await sql<{ id: string }[]>`
    SELECT id FROM payment_orders WHERE merchant_id = ${merchantId} AND payment_order_id = ${paymentOrderId}`;
  return row === undefined ? null : { kind: PAYMENT_ORDER_KIND, merchantId, id: row.id };
}

export interface FoundCheckout {
  readonly id: string;
  readonly contentHash: string;
  readonly terms: PaymentEventTerms;
  /** In the order of the request. */
  readonly orders: readonly ActorRef[];
}

export async function findCheckout(sql: Sql, merchantId: number, checkoutId: string): Promise<FoundCheckout | null> {
  const [row] = await sql<
    {
      id: string;
      content_hash: Uint8Array;
      buyer_info: unknown;
      metadata: unknown;
      created_at: Date;
      order_ids: string[];
    }[]
  >`
    SELECT e.id, e.content_hash, e.buyer_info, e.metadata, e.created_at,
      (SELECT array_agg(o.id ORDER BY o.ordinal) FROM payment_orders o
       WHERE o.merchant_id = e.merchant_id AND o.payment_event_id = e.id) AS order_ids
    FROM payment_events e WHERE e.merchant_id = ${merchantId} AND e.checkout_id = ${checkoutId}`;
  if (row === undefined) return null;
  return {
    id: row.id,
    contentHash: Buffer.from(row.content_hash).toString("hex"),
    terms: { checkoutId, buyerInfo: row.buyer_info, metadata: row.metadata, createdAt: row.created_at.toISOString() },
    orders: row.order_ids.map((id) => ({ kind: PAYMENT_ORDER_KIND, merchantId, id })),
  };
}

export interface StoredStart {
  readonly commandId: string;
  readonly ref: ActorRef;
}

/**
 * Keeps the first token that a hosted page brings, together with the commands that start its orders: a process that
 * dies after the first half would leave a buyer who can't pay again and orders that nobody starts. Returns the
 * commands; none when there is a token already, because a later one changes nothing.
 */
export async function keepFirstToken(
  sql: Sql,
  hosted: {
    readonly merchantId: number;
    readonly eventId: string;
    readonly token: string;
    readonly event: { readonly type: "order.started" };
  },
  starts: readonly StoredStart[],
): Promise<readonly StoredStart[]> {
  const rows = starts.map(({ commandId, ref }) => ({ command_id: commandId, actor_kind: ref.kind, actor_id: ref.id }));
  const stored = await sql`
    WITH kept AS (
      UPDATE payment_events SET payment_method_token = ${hosted.token}
      WHERE merchant_id = ${hosted.merchantId} AND id = ${hosted.eventId} AND payment_method_token IS NULL
      RETURNING merchant_id
    )
    INSERT INTO commands (command_id, merchant_id, actor_kind, actor_id, command)
    SELECT s.command_id, k.merchant_id, s.actor_kind, s.actor_id, ${JSON.stringify(hosted.event)}::text::json
    FROM kept k, json_to_recordset(${JSON.stringify(rows)}::text::json) AS s(command_id uuid, actor_kind text, actor_id uuid)
    RETURNING command_id`;
  return stored.length === 0 ? [] : starts;
}
