/** What a database must be before Florin trusts it with money. Checked at each start. */
import type { Ports } from "../core/ports.ts";
import type { Sql } from "./client.ts";

const MIN_VERSION = 150_000;
/** Timers and ownership are judged on the database's clock; a node that is further off would see them wrongly. */
const MAX_CLOCK_SKEW_MS = 2_000;

interface Row {
  readonly version: number;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly is_standby: boolean;
  readonly now_ms: number;
}

/** Throws an `Error` that says what to change. */
export async function checkDatabase(sql: Sql, ports: Ports): Promise<void> {
  const beforeMs = ports.clock.nowMs();
  const [row] = await sql<Row[]>`
    SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
      current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
      pg_is_in_recovery() AS is_standby, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms`;
  const afterMs = ports.clock.nowMs();
  if (row === undefined) throw new Error("the database did not answer the start-up check");
  const problems: string[] = [];
  if (row.version < MIN_VERSION) problems.push("it is older than PostgreSQL 15: upgrade it");
  if (row.fsync !== "on") problems.push("fsync is off: a crash would lose committed payments; set fsync = on");
  if (row.full_page_writes !== "on")
    problems.push("full_page_writes is off: a crash could corrupt the books; set it on");
  if (row.synchronous_commit === "off") {
    problems.push("synchronous_commit is off: a crash would lose acknowledged payments; set it to on or stronger");
  }
  if (row.is_standby) problems.push("it is a standby and takes no writes: point DATABASE_URL at the primary");
  const skewMs = Math.max(beforeMs - row.now_ms, row.now_ms - afterMs, 0);
  if (skewMs > MAX_CLOCK_SKEW_MS) {
    problems.push(`its clock is ${Math.round(skewMs)} ms away from this machine's: let NTP set both`);
  }
  if (problems.length > 0) throw new Error(`Florin will not use this database: ${problems.join("; ")}`);
}
