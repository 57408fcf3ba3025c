/**
 * The yardstick: the same rows as two plain transactions for each payment, a statement at a time, through
 * `pgbench` and through the `postgres` driver. `plain-payment.sql` is the script for both.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { APP_ROLE } from "../../src/db/client.ts";
import { type LoadResult, runClosedLoop, summarize } from "./measure.ts";

/** Sizes of what Florin writes there, in bytes (measured on a plain payment). */
const SIZES = { snapshot: 560, object: 700, fact: 230, answer: 950 } as const;

function readScript(): string {
  let script = readFileSync(new URL("./plain-payment.sql", import.meta.url), "utf8");
  for (const [name, size] of Object.entries(SIZES)) {
    script = script.replaceAll(`:${name}`, `'${JSON.stringify({ x: "y".repeat(size) })}'`);
  }
  return script;
}

export interface PlainSide {
  /** Finds out for each number of sellers which numbers of clients are fastest; `measure` uses those. */
  chooseClients(sellerCounts: readonly number[]): Promise<void>;
  /** Payments per second that `pgbench` reaches; null when it is not on the PATH. */
  measure(sellers: number, seconds: number): Promise<number | null>;
  /** p99 in ms, from when each was due, of the first transaction alone at a rate; null when `pgbench` is not on the PATH. */
  measureAccepting(perSecond: number, sellers: number, seconds: number): Promise<number | null>;
  /** The same payments through the driver that Florin uses. */
  measureDriver(connections: number, sellers: number, payments: number): Promise<LoadResult>;
}

const CLIENTS = [4, 8, 16, 64] as const;
const CHOOSING_SECONDS = 3;
/** How many numbers of clients are tried in each measurement, of which the fastest counts. */
const CHOSEN = 2;
const ACCEPTING_CLIENTS = 16;

export function openPlainSide(databaseUrl: string, folder: string): PlainSide {
  const hasPgbench = spawnSync("pgbench", ["--version"]).status === 0;
  const chosen = new Map<number, readonly number[]>();
  const common = { databaseUrl, folder };
  return {
    async chooseClients(sellerCounts) {
      if (!hasPgbench) return;
      await runPgbench({ ...common, script: readScript(), clients: 8, sellers: 1_000, seconds: 2 });
      for (const sellers of sellerCounts) {
        const found: { readonly clients: number; readonly perSecond: number }[] = [];
        for (const clients of CLIENTS) {
          const run = { ...common, script: readScript(), clients, sellers, seconds: CHOOSING_SECONDS };
          found.push({ clients, perSecond: (await runPgbench(run)).perSecond });
        }
        found.sort((a, b) => b.perSecond - a.perSecond);
        chosen.set(
          sellers,
          found.slice(0, CHOSEN).map(({ clients }) => clients),
        );
      }
    },
    async measure(sellers, seconds) {
      let best: number | null = null;
      for (const clients of chosen.get(sellers) ?? []) {
        const { perSecond } = await runPgbench({ ...common, script: readScript(), clients, sellers, seconds });
        best = Math.max(best ?? 0, perSecond);
      }
      return best;
    },
    async measureAccepting(perSecond, sellers, seconds) {
      if (!hasPgbench) return null;
      const script = readScript();
      const first = script.slice(0, script.indexOf("COMMIT;\n") + "COMMIT;\n".length);
      const run = { ...common, script: first, clients: ACCEPTING_CLIENTS, sellers, seconds, perSecond };
      return (await runPgbench(run)).p99Ms;
    },
    measureDriver: (connections, sellers, payments) => runDriver({ databaseUrl, connections, sellers, payments }),
  };
}

interface PgbenchRun {
  readonly databaseUrl: string;
  readonly folder: string;
  readonly script: string;
  readonly clients: number;
  readonly sellers: number;
  readonly seconds: number;
  /** As fast as it can when left out. */
  readonly perSecond?: number;
}

async function runPgbench(run: PgbenchRun): Promise<{ readonly perSecond: number; readonly p99Ms: number }> {
  const folder = mkdtempSync(join(run.folder, "pgbench-"));
  const file = join(folder, "plain-payment.sql");
  writeFileSync(file, run.script);
  const args = [
    ["-n", "-f", file, "-M", "prepared", "-j", "2"],
    ["-c", `${run.clients}`, "-T", `${run.seconds}`, "-D", `seller_count=${run.sellers}`],
    run.perSecond === undefined ? [] : ["-R", `${run.perSecond}`, "-l", "--log-prefix", join(folder, "latencies")],
    [run.databaseUrl],
  ];
  const child = spawn("pgbench", args.flat(), { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const tps = /tps = ([\d.]+)/.exec(output)?.[1];
  // It prints a rate, too, when some of its clients gave up.
  if (tps === undefined || exitCode !== 0) throw new Error(`pgbench failed: ${output.slice(-500)}`);
  const { p99Ms } = summarize(readLatenciesMs(folder), run.seconds);
  rmSync(folder, { recursive: true });
  return { perSecond: Number(tps), p99Ms };
}

/** A line of a transaction: client, number, µs from when it was due to its end, script, and when that was. */
function readLatenciesMs(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith("latencies"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"))
    .map((line) => Number(line.split(" ")[2]) / 1_000);
}

async function runDriver(options: {
  readonly databaseUrl: string;
  readonly connections: number;
  readonly sellers: number;
  readonly payments: number;
}): Promise<LoadResult> {
  const sql = postgres(options.databaseUrl, {
    max: options.connections,
    onnotice: () => {},
    connection: { role: APP_ROLE },
  });
  const statements = readScript()
    .split("\n")
    .filter((line) => /^(BEGIN|COMMIT|INSERT|UPDATE)/.test(line))
    .map((line) => line.replace(/;$/, ""));
  const split = statements.indexOf("COMMIT");
  const transactions = [statements.slice(1, split), statements.slice(split + 2, -1)];
  try {
    return await runClosedLoop({ payments: options.payments, inFlight: options.connections }, async () => {
      const n = randomInt(2 ** 47);
      const seller = 1 + randomInt(options.sellers);
      for (const transaction of transactions) {
        await sql.begin(async (tx) => {
          for (const statement of transaction) {
            // Values as parameters, so that the statement is prepared once for each connection.
            const parameters: string[] = [];
            const text = statement.replace(/:(n|seller)\b/g, (_, name: string) => {
              parameters.push(name === "n" ? `${n}` : `${seller}`);
              return `$${parameters.length}::text`;
            });
            await tx.unsafe(text, parameters, { prepare: true });
          }
        });
      }
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}
