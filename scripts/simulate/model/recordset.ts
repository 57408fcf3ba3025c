/**
 * `json_to_recordset`: a JSON array of objects as rows. All rows are cast before the first of them is used, each when
 * its object has been read, so an error of a later row comes after those of the rows before it.
 */
import type { Cast } from "./casts.ts";
import { invalidParameter, invalidText, postgresError } from "./errors.ts";

type Columns = Readonly<Record<string, Cast<unknown>>>;
export type RowOf<C extends Columns> = { readonly [Name in keyof C]: ReturnType<C[Name]> };
type JsonObject = Record<string, unknown>;

export interface Recordset<C extends Columns> {
  /** Rows of that JSON text; none for null. */
  read(text: string | null | undefined): RowOf<C>[];
  /** The rows of `parseRecords`, when one text is read with several lists of columns. */
  cast(records: Records): RowOf<C>[];
}

export interface Records {
  readonly rows: readonly JsonObject[];
  /** Whether a text in it may be what PostgreSQL refuses in JSON. */
  readonly isSuspicious: boolean;
}

export function parseRecords(text: string): Records {
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) throw invalidParameter("cannot call json_to_recordset on a non-array");
  for (const row of rows) {
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw invalidParameter("argument of json_to_recordset must be an array of objects");
    }
  }
  return { rows, isSuspicious: text.includes("\\u") };
}

export function recordset<C extends Columns>(columns: C): Recordset<C> {
  const casts = Object.entries(columns);
  function cast({ rows, isSuspicious }: Records): RowOf<C>[] {
    for (const row of rows) {
      if (isSuspicious) refuseBadTexts(row);
      for (const [name, toColumn] of casts) {
        const value = row[name];
        const column = toColumn(value);
        if (column !== value) row[name] = column;
      }
    }
    return rows as unknown as RowOf<C>[];
  }
  return { cast, read: (text) => (text === null || text === undefined ? [] : cast(parseRecords(text))) };
}

/** A NUL, or half a surrogate pair, anywhere in the object: also in what goes to a `json` column, and in a name. */
function refuseBadTexts(value: unknown): void {
  if (typeof value === "string") {
    for (const char of value) {
      if (char === "\u0000") throw postgresError("22P05", "unsupported Unicode escape sequence");
      if (!char.isWellFormed()) throw invalidText("json", value);
    }
  } else if (Array.isArray(value)) {
    for (const element of value) refuseBadTexts(element);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      refuseBadTexts(name);
      refuseBadTexts(field);
    }
  }
}
