/** Orders by whatever somebody has in hand. Every branch is one lookup in an index. */
import { type SQL, sql } from "../drizzle.ts";
import type { Database } from "./database.ts";

export type Matched = "payment_order_id" | "checkout_id" | "psp_reference" | "seller_account" | "event_id";

export interface FoundOrder {
  readonly paymentOrderId: string;
  readonly checkoutId: string;
  readonly status: string;
  readonly phase: string | null;
  readonly amount: bigint;
  readonly currency: string;
  readonly matched: Matched;
}

export interface OrderSearch {
  readonly merchantId: number;
  /** As it was typed, without blanks around it. */
  readonly text: string;
  /** The UUID when it is a public id of an event of ours. */
  readonly eventUuid: string | null;
  /** All PSP accounts: references and notices are unique within one. */
  readonly psps: readonly string[];
  readonly limit: number;
}

const list = (texts: readonly string[]): SQL =>
  sql.join(
    texts.map((text) => sql`${text}`),
    sql`, `,
  );

export async function searchOrders(db: Database, search: OrderSearch): Promise<readonly FoundOrder[]> {
  const { merchantId, text, eventUuid, psps, limit } = search;
  const ofEvent =
    eventUuid === null
      ? sql``
      : sql`UNION ALL (
        SELECT o.id, 'event_id', 4 FROM events e
        JOIN payment_orders o ON o.merchant_id = e.merchant_id AND (o.id = e.subject_id OR o.payment_event_id = e.subject_id)
        WHERE e.merchant_id = ${merchantId} AND e.id = ${eventUuid} LIMIT ${limit})`;
  const rows = await db.execute<{
    payment_order_id: string;
    checkout_id: string;
    status: string;
    phase: string | null;
    amount: string;
    currency: string;
    matched: Matched;
  }>(sql`
    WITH hits AS MATERIALIZED (
      SELECT id, 'payment_order_id' AS matched, 1 AS rank FROM payment_orders
      WHERE merchant_id = ${merchantId} AND payment_order_id = ${text}
      UNION ALL (
        SELECT o.id, 'checkout_id', 2 FROM payment_events e
        JOIN payment_orders o ON o.merchant_id = e.merchant_id AND o.payment_event_id = e.id
        WHERE e.merchant_id = ${merchantId} AND e.checkout_id = ${text} LIMIT ${limit})
      UNION ALL
      SELECT actor_id, 'psp_reference', 3 FROM journal_entries
      WHERE psp IN (${list(psps)}) AND psp_reference = ${text} AND merchant_id = ${merchantId}
      UNION ALL (
        SELECT id, 'psp_reference', 3 FROM payment_orders
        WHERE merchant_id = ${merchantId} AND psp_reference = ${text} AND payment_order_status <> 'SUCCESS' LIMIT ${limit})
      UNION ALL
      SELECT actor_id, 'event_id', 4 FROM inbox
      WHERE psp IN (${list(psps)}) AND event_id = ${text} AND merchant_id = ${merchantId} AND actor_id IS NOT NULL
      ${ofEvent}
      UNION ALL (
        SELECT id, 'seller_account', 5 FROM payment_orders
        WHERE merchant_id = ${merchantId} AND seller_account = ${text} ORDER BY id DESC LIMIT ${limit})
    ), best AS (
      SELECT DISTINCT ON (id) id, matched, rank FROM hits ORDER BY id, rank
    )
    SELECT o.payment_order_id, e.checkout_id, o.payment_order_status AS status, o.phase, o.amount::text AS amount,
      o.currency, b.matched
    FROM best b
    JOIN payment_orders o ON o.merchant_id = ${merchantId} AND o.id = b.id
    JOIN payment_events e ON e.merchant_id = o.merchant_id AND e.id = o.payment_event_id
    ORDER BY b.rank, b.id DESC
    LIMIT ${limit}`);
  return rows.map((row) => ({
    paymentOrderId: row.payment_order_id,
    checkoutId: row.checkout_id,
    status: row.status,
    phase: row.phase,
    amount: BigInt(row.amount),
    currency: row.currency,
    matched: row.matched,
  }));
}
