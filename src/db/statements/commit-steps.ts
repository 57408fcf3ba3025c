/** The statement of the group commit; `0001_journal.sql` is what it calls and says what the verdicts mean. */
import type { Sql } from "../client.ts";
import { confirmFound, StatementLostError } from "../confirm-found.ts";

/** The arguments of `commit_steps`, in its order. */
export const SECTIONS = [
  "guards",
  "claims",
  "keys",
  "checkouts",
  "created",
  "moved",
  "ended",
  "transitions",
  "attempts",
  "observations",
  "mail",
  "timers",
  "events",
  "entries",
  "postings",
] as const;

export type Section = (typeof SECTIONS)[number];

/** For each section, in order, the JSON array of its rows; null for none. */
export type CommitParameters = readonly (string | null)[];

/** Item number to verdict, for those that were not written now. */
export type CommitVerdicts = ReadonlyMap<number, string>;

const STATEMENT = `SELECT item, verdict FROM commit_steps(${SECTIONS.map((_, index) => `$${index + 1}::text::json`).join(", ")})`;

export async function commitSteps(sql: Sql, parameters: CommitParameters): Promise<CommitVerdicts> {
  const rows = await sql.unsafe<{ item: number; verdict: string }[]>(STATEMENT, [...parameters], { prepare: true });
  // A statement that was lost with its connection must never look like one that refused nothing.
  if (rows.command !== "SELECT") throw new StatementLostError();
  // Each verdict speaks of something that was there already: of this very step, or of what stands in its way.
  if (rows.length > 0) await confirmFound(sql);
  return new Map(rows.map((row) => [row.item, row.verdict]));
}

/** Throws away cached plans that were made while the tables were smaller. */
export async function discardPlans(sql: Sql): Promise<void> {
  await sql.unsafe("DISCARD PLANS");
}
