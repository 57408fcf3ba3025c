/** Connections to PostgreSQL. Raw SQL and Drizzle get clients of their own: Drizzle changes how its client reads dates and JSON. */
import postgres from "postgres";
import { createSocketOpener } from "./database-socket.ts";

export type Sql = postgres.Sql;

export interface ConnectOptions {
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  readonly max: number;
  /** The server gives up a statement after this. */
  readonly statementTimeoutMs: number;
}

/** The role that the process works as; it can't rewrite history. */
export const APP_ROLE = "florin_app";

/** A dead peer is noticed after about this long without an answer to keep-alive probes. */
const KEEP_ALIVE_SECONDS = 10;
/** By then the server has answered a statement, if only that it took too long. */
const SILENCE_MARGIN_MS = 5_000;
const CONNECT_TIMEOUT_SECONDS = 5;
const RECONNECT_DELAYS_SECONDS = [0.05, 0.1, 0.2, 0.5];

/**
 * Makes the first message of a connection longer than what postgres.js (3.4.9) holds back for the next turn: it forgets
 * to take that hold off when the connection before broke at the wrong moment, and then would say nothing for ever.
 */
const PADDING = "-".repeat(1_024);

export function connectDatabase(url: string, options: ConnectOptions): Sql {
  const settings = {
    max: options.max,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    keep_alive: KEEP_ALIVE_SECONDS,
    backoff: (attempt: number) => RECONNECT_DELAYS_SECONDS[Math.min(attempt, RECONNECT_DELAYS_SECONDS.length - 1)] ?? 1,
    onnotice: () => {},
    connection: {
      application_name: options.name,
      role: APP_ROLE,
      TimeZone: "UTC",
      statement_timeout: options.statementTimeoutMs,
      "florin.padding": PADDING,
    },
    socket: createSocketOpener({ silenceMs: options.statementTimeoutMs + SILENCE_MARGIN_MS }),
    // The driver's own question for array types is nobody's to catch: lost with its connection, it ended the process.
    // So arrays go as text and come as JSON.
    fetch_types: false,
  };
  return postgres(url, settings);
}
