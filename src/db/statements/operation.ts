/** What a node asks about the database itself, and for its probes and metrics. */
import type { Sql } from "../client.ts";
import { type ActorTable, LOADABLE, toOpenActors, versionsOf } from "./actors.ts";

export interface DatabaseState {
  /** As `server_version_num`: 150004. */
  readonly version: number;
  readonly fsync: string;
  readonly fullPageWrites: string;
  readonly synchronousCommit: string;
  readonly isStandby: boolean;
  readonly nowMs: number;
}

export async function readDatabaseState(sql: Sql): Promise<DatabaseState> {
  const [row] = await sql<DatabaseState[]>`
    SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
      current_setting('full_page_writes') AS "fullPageWrites", current_setting('synchronous_commit') AS "synchronousCommit",
      pg_is_in_recovery() AS "isStandby", (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs"`;
  if (row === undefined) throw new Error("the database did not answer the start-up check");
  return row;
}

/** Resolves when the database answers. */
export async function probe(sql: Sql): Promise<void> {
  await sql`SELECT 1`;
}

/** The value of a setting that all nodes share; null when it was never made. */
export async function findSetting(sql: Sql, name: string): Promise<string | null> {
  const [row] = await sql<{ value: string }[]>`SELECT value FROM settings WHERE name = ${name}`;
  return row?.value ?? null;
}

export interface OpenOrderCount {
  readonly status: string;
  readonly phase: string;
  readonly count: number;
}

/** Orders that are not at an end, by status and phase, over all merchants; and those with a call out, as `owned`. */
export async function countOpenOrders(sql: Sql): Promise<readonly OpenOrderCount[]> {
  return sql<OpenOrderCount[]>`
    SELECT payment_order_status AS status, phase, count(*)::int AS count FROM payment_orders
    WHERE phase IN ('retrying', 'pending', 'resolving', 'parked', 'authorized') GROUP BY 1, 2
    UNION ALL
    SELECT 'EXECUTING', 'owned', count(*)::int FROM payment_orders WHERE owner IS NOT NULL`;
}

export interface UnservedOrders {
  readonly psp: string;
  readonly count: number;
}

/** Orders that this build would move and that are not at an end, of PSPs other than these. */
export async function countUnservedOrders(
  sql: Sql,
  kind: ActorTable,
  psps: readonly string[],
): Promise<readonly UnservedOrders[]> {
  return sql.unsafe<UnservedOrders[]>(
    `SELECT o.psp, count(*)::int AS count
     FROM ${toOpenActors(kind)} open JOIN ${kind.table} o ON o.merchant_id = open.merchant_id AND o.id = open.id
     WHERE ${LOADABLE} AND o.payment_order_status IN ('NOT_STARTED', 'EXECUTING')
       AND o.psp NOT IN (SELECT json_array_elements_text($3::text::json))
     GROUP BY o.psp`,
    [versionsOf(kind), kind.name, JSON.stringify(psps)],
  );
}
