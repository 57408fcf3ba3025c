/**
 * Open actors of machine versions that this build has forgotten would never move again, so a start with such
 * orders is refused. Newer versions are no trouble: they belong to newer nodes beside this one.
 */
import type { Sql } from "../db/client.ts";
import type { ActorKind } from "./actor.ts";

const MAX_LISTED = 20;

/** Throws an `Error` that lists the orders and says what to do. */
export async function refuseForgottenVersions(sql: Sql, kind: ActorKind): Promise<void> {
  const oldest = Math.min(...kind.machineVersions);
  const rows = await sql.unsafe<{ id: string; version: number; total: number }[]>(
    `SELECT o.id, o.machine_version AS version, count(*) OVER ()::int AS total FROM ${kind.table} o
     WHERE o.machine_version < $1::int AND (o.owner IS NOT NULL OR o.phase IS NOT NULL OR EXISTS (
       SELECT FROM timers t WHERE t.merchant_id = o.merchant_id AND t.actor_id = o.id))
     LIMIT $2::int`,
    [oldest, MAX_LISTED],
  );
  const [first] = rows;
  if (first === undefined) return;
  const list = rows.map(({ id, version }) => `${id} (version ${version})`).join(", ");
  throw new Error(
    `${first.total} open orders of the kind ${kind.name} are of machine versions before ${oldest}, which this build can't ` +
      `restore: ${list}${first.total > rows.length ? ", …" : ""}. Start the build that knows them and let them end, or migrate their snapshots.`,
  );
}
