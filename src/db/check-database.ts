/** What a database must be before Florin trusts it with money. Checked at each start. */
import type { Ports } from "../core/ports.ts";
import type { Statements } from "./access.ts";

const MIN_VERSION = 150_000;
/** Timers and ownership are judged on the database's clock; a node that is further off would see them wrongly. */
const MAX_CLOCK_SKEW_MS = 2_000;

/** Throws an `Error` that says what to change. */
export async function checkDatabase(statements: Pick<Statements, "readDatabaseState">, ports: Ports): Promise<void> {
  const beforeMs = ports.clock.nowMs();
  const row = await statements.readDatabaseState();
  const afterMs = ports.clock.nowMs();
  const problems: string[] = [];
  if (row.version < MIN_VERSION) problems.push("it is older than PostgreSQL 15: upgrade it");
  if (row.fsync !== "on") problems.push("fsync is off: a crash would lose committed payments; set fsync = on");
  if (row.fullPageWrites !== "on") problems.push("full_page_writes is off: a crash could corrupt the books; set it on");
  if (row.synchronousCommit === "off") {
    problems.push("synchronous_commit is off: a crash would lose acknowledged payments; set it to on or stronger");
  }
  if (row.isStandby) problems.push("it is a standby and takes no writes: point DATABASE_URL at the primary");
  const skewMs = Math.max(beforeMs - row.nowMs, row.nowMs - afterMs, 0);
  if (skewMs > MAX_CLOCK_SKEW_MS) {
    problems.push(`its clock is ${Math.round(skewMs)} ms away from this machine's: let NTP set both`);
  }
  if (problems.length > 0) throw new Error(`Florin will not use this database: ${problems.join("; ")}`);
}
