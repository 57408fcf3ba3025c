/** The hard part of the kill loop: a Florin that is killed and started again under customers who don't give up. */
import { setTimeout as sleep } from "node:timers/promises";
import { actAsBuyer } from "./buyer.ts";
import type { FlorinClient } from "./florin-client.ts";
import { type FlorinFolder, type FlorinProcess, killDatabase, startFlorin } from "./florin-process.ts";
import { type Cart, type Case, fillCart } from "./shop.ts";

/** What a client was told, byte for byte. */
export interface Acknowledged {
  readonly cart: Cart;
  readonly key: string;
  readonly status: number;
  readonly text: string;
}

export interface History {
  readonly acknowledged: Acknowledged[];
  /** Contradictions that a client saw while it happened. */
  readonly problems: string[];
  /** Tries that got no answer or "not now", by what happened. */
  readonly troubles: Map<string, number>;
  sent: number;
  replays: number;
}

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
/** Now and then a customer asks again for what was answered long ago. */
const REPEAT_EVERY = 7;

/** Kills Florin `rounds` times while customers pay. Resolves with a Florin that runs, when every customer has an answer. */
export async function killUnderLoad(
  options: KillingOptions,
): Promise<{ server: FlorinProcess; history: History; rounds: readonly RoundReport[] }> {
  const { florin, rounds: total } = options;
  const history: History = { acknowledged: [], problems: [], troubles: new Map(), sent: 0, replays: 0 };
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
      const number = history.sent;
      history.sent += 1;
      await buy(options.client, history, number, options.cases).catch((error: unknown) => {
        history.problems.push(`customer ${number}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  }
}

async function buy(client: FlorinClient, history: History, number: number, cases: readonly Case[]): Promise<void> {
  const cart = fillCart("kill", number, cases);
  const key = `key-kill-${number}`;
  const onTry = (trouble: string): void => {
    history.troubles.set(trouble, (history.troubles.get(trouble) ?? 0) + 1);
  };
  // Some wait for the end, some take the first answer: their answers are stored at different moments.
  const wait = number % 3 === 0 ? { waitSeconds: 5 } : {};
  const answer = await client.postUntilAnswered("/v1/payments", { key, body: cart.body, ...wait, onTry });
  if (answer.status !== 201) {
    history.problems.push(
      `${cart.checkoutId} (${cart.case.label}) was answered ${answer.status}: ${answer.text.slice(0, 200)}`,
    );
    return;
  }
  history.acknowledged.push({ cart, key, status: answer.status, text: answer.text });
  if (number % REPEAT_EVERY === 0) await repeatOne(client, history, onTry);
  await actAsBuyer(cart.case.buyer, { client, checkoutId: cart.checkoutId, isPatient: true });
}

async function repeatOne(client: FlorinClient, history: History, onTry: (trouble: string) => void): Promise<void> {
  const before = history.acknowledged[Math.floor(Math.random() * history.acknowledged.length)];
  if (before !== undefined) history.problems.push(...(await repeat(client, before, onTry)));
  history.replays += 1;
}

/** The same key and body again: the same status and bytes, marked as a replay. */
export async function repeat(
  client: FlorinClient,
  before: Acknowledged,
  onTry?: (trouble: string) => void,
): Promise<readonly string[]> {
  const call = { key: before.key, body: before.cart.body, ...(onTry === undefined ? {} : { onTry }) };
  const again = await client.postUntilAnswered("/v1/payments", call);
  const problems: string[] = [];
  if (again.status !== before.status || again.text !== before.text) {
    problems.push(
      `key ${before.key} was answered ${before.status} ${before.text.length} bytes, and now ${again.status} ${again.text.slice(0, 200)}`,
    );
  }
  if (!again.isReplay) problems.push(`key ${before.key} is answered again without Idempotent-Replayed`);
  return problems;
}
