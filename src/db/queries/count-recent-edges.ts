/** Along which arrows a merchant's orders went of late. Read from the newest orders alone, however many there are. */
import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { firstIdAt, msOfId } from "./uuid-range.ts";

export interface RecentEdges {
  /** Since when they are counted: the asked moment, or later where there are too many orders. */
  readonly sinceMs: number;
  readonly edges: readonly EdgeCount[];
}

export interface EdgeCount {
  /** `new` for the creation. */
  readonly from: string;
  readonly to: string;
  readonly steps: number;
}

/** Some ten thousand steps: read in less than 50 ms. */
const MAX_ORDERS = 4_000;

/**
 * Steps since `sinceMs` of orders created since `createdSinceMs`; one that an older order takes (a poll after hours, an
 * operator's decision) is not among them. Transitions have no index by time and need none for this: both tables are asked
 * by the time in the orders' ids.
 */
export async function countRecentEdges(
  db: Database,
  { merchantId, createdSinceMs, sinceMs }: { merchantId: number; createdSinceMs: number; sinceMs: number },
): Promise<RecentEdges> {
  const newest = await db.execute<{ id: string }>(sql`
    SELECT id FROM payment_orders WHERE merchant_id = ${merchantId} AND id >= ${firstIdAt(createdSinceMs)}::uuid
    ORDER BY id DESC LIMIT ${MAX_ORDERS}`);
  const oldest = newest.at(-1);
  if (oldest === undefined) return { sinceMs, edges: [] };
  // Of what was left out nothing is known before the oldest that was read.
  const countedSinceMs = newest.length < MAX_ORDERS ? sinceMs : Math.max(sinceMs, msOfId(oldest.id));
  const edges = await db.execute<{ from: string; to: string; steps: number }>(sql`
    SELECT CASE seq WHEN 1 THEN 'new' ELSE from_state END AS "from", to_state AS "to", count(*)::integer AS steps
    FROM transitions
    WHERE merchant_id = ${merchantId} AND actor_id >= ${oldest.id}::uuid
      AND actor_kind = 'payment_order' AND at >= ${new Date(countedSinceMs).toISOString()}::timestamptz
    GROUP BY 1, 2 ORDER BY 1, 2`);
  return { sinceMs: countedSinceMs, edges: edges.map(({ from, to, steps }) => ({ from, to, steps })) };
}
