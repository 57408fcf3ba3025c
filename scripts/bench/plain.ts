/**
 * The yardstick: the same rows as two plain transactions for each payment, a statement at a time, through
 * `pgbench` and through the `postgres` driver. `plain-payment.sql` is the script for both.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { APP_ROLE } from "../../src/db/client.ts";
import { type LoadResult, runClosedLoop } from "./measure.ts";

/** Sizes of what Florin writes there, in bytes (measured on a plain payment). */
const SIZES = { snapshot: 560, object: 700, fact: 230, answer: 950 } as const;

function readScript(): string {
  let script = readFileSync(new URL("./plain-payment.sql", import.meta.url), "utf8");
  for (const [name, size] of Object.entries(SIZES)) {
    script = script.replaceAll(`:${name}`, `'${JSON.stringify({ x: "y".repeat(size) })}'`);
  }
  return script;
}

export function hasPgbench(): boolean {
  return spawnSync("pgbench", ["--version"]).status === 0;
}

/** Payments per second that `pgbench` reaches with that many clients. */
export async function runPgbench(options: {
  readonly databaseUrl: string;
  readonly folder: string;
  readonly clients: number;
  readonly sellers: number;
  readonly seconds: number;
}): Promise<number> {
  const file = join(options.folder, "plain-payment.sql");
  writeFileSync(file, readScript());
  const child = spawn(
    "pgbench",
    [
      "-n",
      "-f",
      file,
      "-M",
      "prepared",
      "-j",
      "2",
      "-c",
      `${options.clients}`,
      "-T",
      `${options.seconds}`,
      "-D",
      `seller_count=${options.sellers}`,
      options.databaseUrl,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await new Promise((resolve) => child.once("exit", resolve));
  const tps = /tps = ([\d.]+)/.exec(output)?.[1];
  if (tps === undefined) throw new Error(`pgbench failed: ${output.slice(-500)}`);
  return Number(tps);
}

/** The same through the driver that Florin uses, with a pool of `connections`. */
export async function runDriver(options: {
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
