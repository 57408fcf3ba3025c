import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";

/** One row for each queue and currency. */
export interface QueueCountRow {
  readonly queue: string;
  readonly currency: string;
  /** Orders of the queue with money in that currency. */
  readonly orders: number;
  readonly oldestAt: Date;
  /** Minor units that are not yet where they belong: what the PSP holds if it is known, else the order's amount. */
  readonly atRisk: bigint;
}

/**
 * The literal phases repeat the predicate of the index `payment_orders_queues`. An order whose stored state can't be
 * trusted waits for a person, so it counts as parked. Each snapshot is taken apart once: that is what it costs.
 */
export async function countQueues(db: Database, merchantId: number): Promise<readonly QueueCountRow[]> {
  const rows = await db.execute<{
    queue: string;
    currency: string;
    orders: number;
    oldest_ms: string;
    at_risk: string;
  }>(sql`
    SELECT queue, currency, count(DISTINCT id)::integer AS orders,
      (extract(epoch FROM min(state_since)) * 1000)::bigint::text AS oldest_ms, sum(amount)::text AS at_risk
    FROM (
      SELECT CASE WHEN o.quarantined_at IS NULL THEN o.phase ELSE 'parked' END AS queue, o.id, o.state_since,
        COALESCE(money.held ->> 'currency', o.currency) AS currency,
        COALESCE((money.held ->> 'amount')::numeric, o.amount) AS amount
      FROM payment_orders o
      CROSS JOIN LATERAL (SELECT o.snapshot #> '{context,held}' AS held OFFSET 0) money
      WHERE o.merchant_id = ${merchantId} 
        AND (o.phase IN ('retrying', 'pending', 'resolving', 'parked') OR o.quarantined_at IS NOT NULL)
      UNION ALL
      SELECT 'late', o.id, o.state_since, late.currency, late.amount
      FROM payment_orders o
      CROSS JOIN LATERAL json_to_recordset(o.snapshot #> '{context,late}') AS late(amount numeric, currency text)
      WHERE o.merchant_id = ${merchantId} AND o.late_open > 0
    ) queued
    GROUP BY queue, currency
    ORDER BY queue, currency`);
  return rows.map((row) => ({
    queue: row.queue,
    currency: row.currency,
    orders: row.orders,
    oldestAt: new Date(Number(row.oldest_ms)),
    atRisk: BigInt(row.at_risk),
  }));
}
