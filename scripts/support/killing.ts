/** The hard part of the kill loop: a Florin that is killed and started again under customers who don't give up. */
import { setTimeout as sleep } from "node:timers/promises";
import { type History, newHistory, sendCustomer } from "./customers.ts";
import type { FlorinClient } from "./florin-client.ts";
import { type FlorinFolder, type FlorinProcess, killDatabase, startFlorin } from "./florin-process.ts";
import type { Case } from "./shop.ts";

export interface RoundReport {
  readonly round: number;
  readonly wasDatabaseKilled: boolean;
  readonly killedBackends: number;
  readonly upMs: number;
  readonly readyAfterMs: number;
  readonly acknowledged: number;
}

export interface KillingOptions {
  readonly florin: FlorinFolder;
  readonly client: FlorinClient;
  readonly rounds: number;
  readonly paymentsPerRound: number;
  readonly cases: readonly Case[];
  readonly onRound: (report: RoundReport, history: History) => void;
}

/** Customers at one time. */
const CUSTOMERS = 12;
/** Most are killed while requests come in; each third while orders wait for retries, polls and webhooks. */
const IN_THE_THICK_MS = 120;
const AFTERWARDS_MS = 2_500;
const LONGEST_ROUND_MS = 5_000;
/** So long wait those customers who wait for the end. */
const WAIT_SECONDS = 5;

/** Kills Florin `rounds` times while customers pay. Resolves with a Florin that runs, when every customer has an answer. */
export async function killUnderLoad(
  options: KillingOptions,
): Promise<{ server: FlorinProcess; history: History; rounds: readonly RoundReport[] }> {
  const { florin, rounds: total } = options;
  const history = newHistory();
  const shopping = { client: options.client, history, cases: options.cases, run: "kill", waitSeconds: WAIT_SECONDS };
  const reports: RoundReport[] = [];
  let server = await startFlorin(florin, "SIGKILL");
  let budget = options.paymentsPerRound;
  let isOver = false;
  const customers = Array.from({ length: CUSTOMERS }, () => beCustomer());
  const crowd = Promise.all(customers);

  for (let round = 1; round <= total; round += 1) {
    const upSinceMs = performance.now();
    await untilSent(Math.round(budget - options.paymentsPerRound * (0.1 + Math.random() * 0.8)));
    await sleep(Math.random() * (round % 3 === 0 ? AFTERWARDS_MS : IN_THE_THICK_MS));
    const upMs = Math.round(performance.now() - upSinceMs);
    if (!server.isRunning()) throw new Error(`Florin ended by itself in round ${round}`);
    const wasDatabaseKilled = round % 2 === 0;
    const dead = server.kill();
    const killedBackends = wasDatabaseKilled ? killDatabase(florin.dataDir) : 0;
    await dead;
    server = await startFlorin(florin, "SIGKILL");
    budget += options.paymentsPerRound;
    const report = {
      round,
      wasDatabaseKilled,
      killedBackends,
      upMs,
      readyAfterMs: server.readyAfterMs,
      acknowledged: history.acknowledged.length,
    };
    reports.push(report);
    options.onRound(report, history);
  }
  isOver = true;
  await crowd;
  return { server, history, rounds: reports };

  async function untilSent(number: number): Promise<void> {
    const giveUpMs = performance.now() + LONGEST_ROUND_MS;
    while (history.sent < number && performance.now() < giveUpMs) await sleep(1);
  }

  async function beCustomer(): Promise<void> {
    for (;;) {
      if (history.sent >= budget) {
        if (isOver) return;
        await sleep(50);
        continue;
      }
      await sendCustomer(shopping);
    }
  }
}
