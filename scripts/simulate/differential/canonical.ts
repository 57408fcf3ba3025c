/** Results as texts that are equal when the results are. */
import postgres from "postgres";
import { DrizzleQueryError } from "../../../src/db/drizzle.ts";

export function toCanonical(value: unknown): string {
  if (value === undefined) return "undefined";
  if (value instanceof Date) return `@${value.getTime()}`;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (value instanceof Map) return `Map${toCanonical([...value].sort(([a], [b]) => (a < b ? -1 : 1)))}`;
  if (Array.isArray(value)) return `[${value.map(toCanonical).join(",")}]`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${toCanonical(field)}`).join(",")}}`;
}

/** For rows whose order PostgreSQL leaves open. */
export const asSet = (rows: unknown): unknown => (Array.isArray(rows) ? rows.map(toCanonical).sort() : rows);

/** What a caller can tell errors apart by: SQLSTATE, constraint, table and column. */
function classOf(error: unknown): string {
  if (error instanceof DrizzleQueryError) return `drizzle ${classOf(error.cause)}`;
  if (!(error instanceof postgres.PostgresError)) return error instanceof Error ? `${error.name}` : String(error);
  const { code, constraint_name, table_name, column_name } = error;
  return [code, constraint_name ?? "-", table_name ?? "-", column_name ?? "-"].join(" ");
}

/** What a step came to, on either side. */
export async function outcomeOf(run: () => unknown, view: (result: unknown) => unknown): Promise<string> {
  try {
    return toCanonical(view(await run()));
  } catch (error) {
    return `error ${classOf(error)}`;
  }
}
