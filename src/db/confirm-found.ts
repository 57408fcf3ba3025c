/**
 * Makes what was found as safe as what was written. A server that crashed and came back shows all that it had
 * committed, also what its synchronous standby never got and nobody was told of. Reading that waits for nobody; a
 * commit waits for the standby, and the standby takes things in their order. So before somebody is told "it is there
 * already", this commits a mark in the log. Else a failover could take away what was answered, or charged for.
 */
import type { Sql } from "./client.ts";

/** The driver answered a statement that went down with its connection. What it asked for may have been done or not. */
export class StatementLostError extends Error {
  readonly code = "STATEMENT_LOST";

  constructor() {
    super("the statement was not carried out");
    this.name = "StatementLostError";
  }
}

export async function confirmFound(sql: Sql): Promise<void> {
  // Changes no table, and is a commit none the less.
  const rows = await sql.unsafe("SELECT pg_logical_emit_message(true, 'florin', '')");
  // A statement that was lost with its connection must not look like one that was carried out.
  if (rows.command !== "SELECT") throw new StatementLostError();
}
