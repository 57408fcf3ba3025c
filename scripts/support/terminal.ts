/** How the scripts talk to a person: a bar on a terminal, a line now and then elsewhere, tables, and plain errors. */
import postgres from "postgres";
import { ConfigError } from "../../src/config.ts";

export interface Progress {
  update(done: number, total: number, note?: string): void;
  /** Leaves the terminal on a fresh line. */
  end(): void;
}

const BAR_CELLS = 28;
const BAR_EVERY_MS = 80;
/** Logs are read later: a line each few seconds says as much as a bar. */
const LINE_EVERY_MS = 5_000;
const MAX_COLUMNS = 100;

/** On standard error, so that standard output holds the result alone. */
export function createProgress(label: string): Progress {
  const isTerminal = process.stderr.isTTY === true;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let wasShown = false;
  let last = "";
  return {
    update(done, total, note = "") {
      const nowMs = performance.now();
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const filled = Math.round(share * BAR_CELLS);
      const bar = isTerminal ? `${"█".repeat(filled)}${"░".repeat(BAR_CELLS - filled)} ` : "";
      last = `${label}  ${bar}${done}/${total}${note === "" ? "" : `  ${note}`}`;
      if (nowMs - shownAtMs < (isTerminal ? BAR_EVERY_MS : LINE_EVERY_MS)) return;
      shownAtMs = nowMs;
      wasShown = true;
      const columns = Math.min(process.stderr.columns ?? MAX_COLUMNS, 200);
      process.stderr.write(isTerminal ? `\r\x1b[2K${last.slice(0, columns - 1)}` : `${last}\n`);
    },
    end() {
      if (isTerminal && last !== "") process.stderr.write(`\r\x1b[2K${last}\n`);
      else if (!wasShown && last !== "") process.stderr.write(`${last}\n`);
      last = "";
      wasShown = true;
    },
  };
}

/** A line of news beside the bar. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export type Cell = string | number;

/** Columns of numbers go to the right. */
export function renderTable(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...texts.map((row) => (row[column] ?? "").length)),
  );
  const isNumeric = headers.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(headers), line(widths.map((width) => "─".repeat(width))), ...texts.map(line)].join("\n");
}

/** `3 orders`, `1 order`. */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Something that the person can put right; shown without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
}

const UNDEFINED_TABLE = "42P01";
const WRONG_PASSWORD = /^28/;
const UNREACHABLE = new Set(["ECONNREFUSED", "ENOTFOUND", "CONNECT_TIMEOUT", "EHOSTUNREACH", "ECONNRESET"]);

function explain(error: unknown): string {
  if (error instanceof ConfigError) return `The configuration can't be used:\n${error.message}`;
  if (error instanceof postgres.PostgresError) {
    if (error.code === UNDEFINED_TABLE) return "The database has no Florin tables yet: run `npm run migrate` first.";
    if (WRONG_PASSWORD.test(error.code)) return `The database refuses this user: ${error.message}. Check DATABASE_URL.`;
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (UNREACHABLE.has(code))
    return `The database can't be reached (${code}). Check DATABASE_URL, and that the server runs.`;
  return error instanceof Error ? error.message : String(error);
}

/** Runs a script to its exit code; what goes wrong is said in one piece, without a stack. */
export async function runScript(main: () => Promise<number>): Promise<never> {
  try {
    process.exit(await main());
  } catch (error) {
    say(explain(error));
    process.exit(1);
  }
}
