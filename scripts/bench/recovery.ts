/** A node dies with tens of thousands of orders in flight; another one adopts and settles them. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { connectDatabase } from "../../src/db/client.ts";
import { OWNERSHIP_MS } from "../../src/engine/ownership.ts";
import { startProcessor } from "./florin.ts";

export interface RecoveryResult {
  readonly orders: number;
  readonly heapPerLiveOrderBytes: number;
  /** From the moment the dead node's ownership has expired until no order is its own any more. */
  readonly adoptedSeconds: number;
  /** Until every one of them is paid and booked. */
  readonly settledSeconds: number;
}

const HANGING_NODE = fileURLToPath(new URL("./hanging-node.ts", import.meta.url));
const LIMIT_MS = 180_000;

export async function measureRecovery(options: {
  readonly databaseUrl: string;
  readonly orders: number;
  readonly log: Logger;
  readonly onProgress: (done: number, total: number) => void;
}): Promise<RecoveryResult> {
  const child = spawn(
    process.execPath,
    [
      "--expose-gc",
      "--max-semi-space-size=64",
      HANGING_NODE,
      JSON.stringify({ databaseUrl: options.databaseUrl, orders: options.orders }),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the node that was to be killed ended by itself: ${code}`)));
  });
  child.removeAllListeners("exit");
  const { heapPerOrder } = JSON.parse(line) as { heapPerOrder: number };
  child.kill("SIGKILL");

  const processor = await startProcessor({ databaseUrl: options.databaseUrl, redisUrl: null, log: options.log });
  const sql = connectDatabase(options.databaseUrl, { name: "bench look", max: 1, statementTimeoutMs: 60_000 });
  try {
    await sleep(OWNERSHIP_MS + 500);
    const startedMs = performance.now();
    const seconds = (): number => (performance.now() - startedMs) / 1_000;
    processor.start();
    let adoptedSeconds = 0;
    for (;;) {
      const [row] = await sql<{ orphans: number; open: number }[]>`
        SELECT count(*) FILTER (WHERE owner IS NOT NULL AND owner <> ${processor.node})::int AS orphans, count(*)::int AS open
        FROM payment_orders WHERE owner IS NOT NULL OR phase IN ('resolving', 'retrying', 'pending')`;
      const { orphans, open } = row ?? { orphans: 0, open: 0 };
      if (orphans === 0 && adoptedSeconds === 0) adoptedSeconds = seconds();
      options.onProgress(options.orders - open, options.orders);
      if (open === 0) break;
      if (performance.now() - startedMs > LIMIT_MS)
        throw new Error(`${open} orders are not settled after ${LIMIT_MS} ms`);
      await sleep(200);
    }
    return { orders: options.orders, heapPerLiveOrderBytes: heapPerOrder, adoptedSeconds, settledSeconds: seconds() };
  } finally {
    await sql.end();
    await processor.stop();
  }
}
