/** What a merchant's newest orders did. Read from so many of them at most, however many there are. */
import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";
import { firstIdAt, msOfId } from "./uuid-range.ts";

export interface RecentOrders {
  /** Of those that were looked at. */
  readonly succeeded: number;
  readonly failed: number;
  /** Since when orders and steps are counted: the asked moment, or later where there are too many orders. */
  readonly sinceMs: number;
  readonly created: number;
  readonly edges: readonly EdgeCount[];
}

export interface EdgeCount {
  /** `new` for the creation. */
  readonly from: string;
  readonly to: string;
  readonly steps: number;
}

export interface RecentQuestion {
  readonly merchantId: number;
  /** Orders that are older than this are not looked at. */
  readonly createdSinceMs: number;
  readonly sinceMs: number;
}

/** With their steps some ten thousand rows: read in less than 50 ms. */
const MAX_ORDERS = 4_000;

/**
 * A step that an older order takes (a poll after hours, an operator's decision) is not among them. Transitions have no
 * index by time and need none for this: both tables are asked by the time in the orders' ids.
 */
export async function readRecentOrders(
  db: Database,
  { merchantId, createdSinceMs, sinceMs }: RecentQuestion,
): Promise<RecentOrders> {
  const orders = await db.execute<{ id: string; status: string }>(sql`
    SELECT id, payment_order_status AS status FROM payment_orders
    WHERE merchant_id = ${merchantId} AND id >= ${firstIdAt(createdSinceMs)}::uuid
    ORDER BY id DESC LIMIT ${MAX_ORDERS}`);
  const oldest = orders.at(-1);
  if (oldest === undefined) return { succeeded: 0, failed: 0, sinceMs, created: 0, edges: [] };
  // Of what was left out nothing is known before the oldest that was read.
  const countedSinceMs = orders.length < MAX_ORDERS ? sinceMs : Math.max(sinceMs, msOfId(oldest.id));
  const edges = await db.execute<{ from: string; to: string; steps: number }>(sql`
    SELECT CASE seq WHEN 1 THEN 'new' ELSE from_state END AS "from", to_state AS "to", count(*)::integer AS steps
    FROM transitions
    WHERE merchant_id = ${merchantId} AND actor_id >= ${oldest.id}::uuid AND actor_kind = 'payment_order'
      AND at >= ${new Date(countedSinceMs).toISOString()}::timestamptz
    GROUP BY 1, 2 ORDER BY 1, 2`);
  return {
    succeeded: orders.filter(({ status }) => status === "SUCCESS").length,
    failed: orders.filter(({ status }) => status === "FAILED").length,
    sinceMs: countedSinceMs,
    created: orders.filter(({ id }) => msOfId(id) >= countedSinceMs).length,
    edges: edges.map(({ from, to, steps }) => ({ from, to, steps })),
  };
}
