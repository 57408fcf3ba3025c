/** Which PSP account's memory the orders of this database were sent to. */
import { readOrMakeSetting } from "./shared-settings.ts";
import type { Sql } from "./client.ts";

export interface PspIdentity {
  readonly psp: string;
  readonly identity: string;
  /** The node that asks; null before it has one. */
  readonly node: string | null;
  /** The age from which a heartbeat says that its node is dead. */
  readonly ownershipMs: number;
}

/**
 * Whether the PSP is the one that this database's orders know. The first is; another one becomes it only where that can
 * hurt nobody: no order of the PSP is under way, and no other node is alive.
 */
export async function confirmPspIdentity(
  sql: Sql,
  { psp, identity, node, ownershipMs }: PspIdentity,
): Promise<boolean> {
  const name = `psp_identity:${psp}`;
  if ((await readOrMakeSetting(sql, name, () => identity)) === identity) return true;
  const replaced = await sql`
    UPDATE settings SET value = ${identity} WHERE name = ${name}
      AND NOT EXISTS (
        SELECT FROM payment_orders o WHERE o.psp = ${psp} AND o.payment_order_status = 'EXECUTING'
          AND (o.owner IS NOT NULL OR o.phase IN ('retrying', 'pending', 'resolving', 'parked', 'authorized'))
      )
      AND NOT EXISTS (
        SELECT FROM nodes n WHERE n.node_id <> coalesce(${node}::uuid, '00000000-0000-0000-0000-000000000000')
          AND n.stopped_at IS NULL AND n.heartbeat_at > now() - ${ownershipMs}::float8 * interval '1 ms'
      )`;
  return replaced.count > 0;
}
