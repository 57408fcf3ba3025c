/** What is kept for a time only. Runs now and then on every node; a statement deletes a bounded number of rows. */
import type { Sql } from "../client.ts";

/** As the contract promises: a key is remembered for 30 days. */
const KEY_DAYS = 30;
/** Long after their orders were adopted. */
const NODE_DAYS = 7;
const MAX_ROWS = 10_000;

/** `isMore`: there may be more that is outdated, for the next statement. */
export interface Purged {
  readonly keys: number;
  readonly nodes: number;
  readonly isMore: boolean;
}

export async function purgeOutdated(sql: Sql): Promise<Purged> {
  const keys = await sql`
    DELETE FROM idempotency_keys WHERE (merchant_id, key) IN (
      SELECT merchant_id, key FROM idempotency_keys
      WHERE created_at < now() - ${KEY_DAYS}::int * interval '1 day'
      LIMIT ${MAX_ROWS}::int FOR UPDATE SKIP LOCKED)`;
  const nodes = await sql`
    DELETE FROM nodes n WHERE n.heartbeat_at < now() - ${NODE_DAYS}::int * interval '1 day'
      AND NOT EXISTS (SELECT FROM payment_orders o WHERE o.owner = n.node_id)`;
  return { keys: keys.count, nodes: nodes.count, isMore: keys.count === MAX_ROWS };
}
