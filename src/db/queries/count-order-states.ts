/** How many of a merchant's orders are in each state. No statement here reads more rows than it counts. */
import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";
import { firstIdAt } from "./uuid-range.ts";

export interface OpenStateRow {
  /** `NOT_STARTED`, `EXECUTING.pending`, …: the machine's names. */
  readonly state: string;
  readonly orders: number;
  readonly oldestAt: Date;
}

/** Each branch repeats the predicate of the partial index that it counts in; an order that is sent has an owner. */
export async function countOpenStates(db: Database, merchantId: number): Promise<readonly OpenStateRow[]> {
  const rows = await db.execute<{ state: string; orders: number; oldest_ms: string }>(sql`
    SELECT state, count(*)::integer AS orders, (extract(epoch FROM min(state_since)) * 1000)::bigint::text AS oldest_ms
    FROM (
      SELECT 'EXECUTING.' || phase AS state, state_since FROM payment_orders
      WHERE merchant_id = ${merchantId} AND phase IN ('retrying', 'pending', 'resolving', 'parked', 'authorized')
      UNION ALL
      SELECT 'EXECUTING.sending', state_since FROM payment_orders
      WHERE owner IS NOT NULL AND merchant_id = ${merchantId} AND phase = 'sending'
      UNION ALL
      SELECT 'NOT_STARTED', state_since FROM payment_orders
      WHERE merchant_id = ${merchantId} AND payment_order_status = 'NOT_STARTED'
    ) open
    GROUP BY state
    ORDER BY state`);
  return rows.map((row) => ({ state: row.state, orders: row.orders, oldestAt: new Date(Number(row.oldest_ms)) }));
}

/** Orders that were created from one moment until before another. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SpanCount {
  readonly succeeded: number;
  readonly failed: number;
  readonly open: number;
}

/** For each span, by the time in the orders' ids: the primary key answers it, whatever else the table holds. */
export async function countCreated(
  db: Database,
  merchantId: number,
  spans: readonly Span[],
): Promise<readonly SpanCount[]> {
  const ranges = spans.map(({ fromMs, toMs }, n) => ({ n, from_id: firstIdAt(fromMs), to_id: firstIdAt(toMs) }));
  const rows = await db.execute<{ n: number; succeeded: number; failed: number; open: number }>(sql`
    SELECT r.n, o.succeeded, o.failed, o.open
    FROM json_to_recordset(${JSON.stringify(ranges)}::json) AS r(n integer, from_id uuid, to_id uuid)
    CROSS JOIN LATERAL (
      SELECT (count(*) FILTER (WHERE payment_order_status = 'SUCCESS'))::integer AS succeeded,
        (count(*) FILTER (WHERE payment_order_status = 'FAILED'))::integer AS failed,
        (count(*) FILTER (WHERE payment_order_status IN ('NOT_STARTED', 'EXECUTING')))::integer AS open
      FROM payment_orders WHERE merchant_id = ${merchantId} AND id >= r.from_id AND id < r.to_id
    ) o
    ORDER BY r.n`);
  return rows.map(({ succeeded, failed, open }) => ({ succeeded, failed, open }));
}
