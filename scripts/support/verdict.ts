/** Judges a run: each payment against what its token promises, the PSP's truth, and the books. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase } from "../../src/db/client.ts";
import { connectToRunning } from "../../src/db/embedded/running-server.ts";
import { checkIntegrity, type IntegrityReport, type PspEffect, readEffects } from "../integrity.ts";
import { type Outcome, stateOf } from "./await-rest.ts";
import type { FlorinClient, OrderView } from "./florin-client.ts";
import type { FlorinFolder } from "./florin-process.ts";
import type { Cart, CartOrder, Expectation } from "./shop.ts";

const QUEUE_LOOK_MS = 500;

export interface TrialLine {
  readonly currency: string;
  readonly debits: string;
  readonly credits: string;
  readonly difference: string;
}

export interface QueueLine {
  readonly queue: string;
  readonly count: number;
  readonly money_at_risk: readonly { readonly currency: string; readonly amount: string }[];
}

export async function readTrialBalance(client: FlorinClient): Promise<readonly TrialLine[]> {
  const answer = await client.get("/v1/ledger/trial-balance");
  if (answer.status !== 200) throw new Error(`the trial balance could not be read: ${answer.status}`);
  return (JSON.parse(answer.text) as { currencies: readonly TrialLine[] }).currencies;
}

export async function readQueues(client: FlorinClient): Promise<readonly QueueLine[]> {
  const answer = await client.get("/v1/queues");
  if (answer.status !== 200) throw new Error(`the queues could not be read: ${answer.status}`);
  return (JSON.parse(answer.text) as { data: readonly QueueLine[] }).data;
}

/** False when they are not empty within the limit. */
export async function awaitEmptyQueues(
  client: FlorinClient,
  names: readonly string[],
  limitMs: number,
): Promise<boolean> {
  const untilMs = performance.now() + limitMs;
  for (;;) {
    const queues = await readQueues(client);
    if (queues.every(({ queue, count }) => count === 0 || !names.includes(queue))) return true;
    if (performance.now() > untilMs) return false;
    await sleep(QUEUE_LOOK_MS);
  }
}

/** Payment order ids that stand in the queue `late`. */
export async function readLateIds(client: FlorinClient): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let cursor: string | null = ""; cursor !== null; ) {
    const answer = await client.get(
      `/v1/queues/late?limit=100${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    if (answer.status !== 200) throw new Error(`the queue late could not be read: ${answer.status} ${answer.text}`);
    const page = JSON.parse(answer.text) as {
      readonly data: readonly { readonly payment_order: OrderView }[];
      readonly next_cursor: string | null;
    };
    for (const { payment_order: order } of page.data) ids.add(order.payment_order_id);
    cursor = page.next_cursor;
  }
  return ids;
}

/** Zero, however many digits the currency has. */
export const isZero = (amount: string): boolean => /^-?0(\.0+)?$/.test(amount);

/** The check of `scripts/integrity.ts` on a Florin of ours that runs. */
export async function checkFlorin(florin: FlorinFolder, graceMs: number): Promise<IntegrityReport> {
  const server = await connectToRunning(florin.dataDir);
  if (server === null) throw new Error(`the database in ${florin.dataDir} does not answer`);
  const sql = connectDatabase(server.appUrl, { name: "florin check", max: 1, statementTimeoutMs: 60_000 });
  try {
    return await checkIntegrity({ sql, simulatorUrl: florin.simulatorUrl, graceMs });
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/** An effect with the merchant's own name for the order. */
export interface NamedEffect extends PspEffect {
  readonly payment_order_id: string | null;
}

export async function readNamedEffects(simulatorUrl: string): Promise<readonly NamedEffect[]> {
  return (await readEffects(simulatorUrl)) as readonly NamedEffect[];
}

export interface Judgement {
  /** What contradicts a promise: money lost, doubled, or an order in a state that its token does not allow. */
  readonly violations: readonly string[];
  /** Orders that an operator has to look at although their token says otherwise: allowed, and worth telling. */
  readonly notes: readonly string[];
}

export interface JudgeOptions {
  readonly outcomes: readonly Outcome[];
  readonly effects: readonly NamedEffect[];
  readonly lateIds: ReadonlySet<string>;
  /** Then an order may be parked with its money accounted for: a note, and no violation. */
  readonly wasKilled: boolean;
}

export function judgeOutcomes({ outcomes, effects, lateIds, wasKilled }: JudgeOptions): Judgement {
  const [violations, notes] = [[] as string[], [] as string[]];
  const charged = new Map<string, number>();
  for (const effect of effects) {
    const id = effect.payment_order_id ?? "";
    if (effect.status === "succeeded") charged.set(id, (charged.get(id) ?? 0) + 1);
  }
  for (const { cart, checkout } of outcomes) {
    const what = (id: string): string => `${id} (${cart.case.label})`;
    if (checkout.payment_orders.length !== cart.orders.length) {
      violations.push(
        `${cart.checkoutId} has ${checkout.payment_orders.length} orders, ${cart.orders.length} were asked for`,
      );
    }
    for (const asked of cart.orders) {
      const order = checkout.payment_orders.find((one) => one.payment_order_id === asked.payment_order_id);
      if (order === undefined) {
        violations.push(`${what(asked.payment_order_id)} does not exist`);
        continue;
      }
      const difference = findDifference(asked, order);
      if (difference !== null) violations.push(`${what(order.payment_order_id)}: ${difference}`);
      const charges = charged.get(order.payment_order_id) ?? 0;
      const end = stateOf(order);
      const expected = expectationFor(cart.case, end, wasKilled);
      if (expected === null) {
        (wasKilled && end === "parked" ? notes : violations).push(`${what(order.payment_order_id)} ended as ${end}`);
        if (charges > 1) violations.push(`${what(order.payment_order_id)} was charged ${charges} times`);
        continue;
      }
      violations.push(...judgeEnd({ cart, expected, order, charges, isLate: lateIds.has(order.payment_order_id) }));
    }
  }
  return { violations, notes };
}

function expectationFor(of: Expectation, end: string, wasKilled: boolean): Expectation | null {
  if (of.ends.includes(end)) return of;
  return wasKilled && of.afterKill?.ends.includes(end) === true ? of.afterKill : null;
}

interface End {
  readonly cart: Cart;
  readonly expected: Expectation;
  readonly order: OrderView;
  readonly charges: number;
  readonly isLate: boolean;
}

function judgeEnd({ cart, expected, order, charges, isLate }: End): readonly string[] {
  const what = `${order.payment_order_id} (${cart.case.label})`;
  const violations: string[] = [];
  if (charges !== expected.charges)
    violations.push(`${what} has ${charges} charges at the PSP, ${expected.charges} are right`);
  if (expected.failure !== undefined && order.failure?.code !== expected.failure) {
    violations.push(`${what} failed with ${order.failure?.code}, ${expected.failure} is right`);
  }
  if (isLate !== (expected.isLate === true)) {
    violations.push(isLate ? `${what} stands in the queue late` : `${what} does not stand in the queue late`);
  }
  return violations;
}

function findDifference(asked: CartOrder, order: OrderView): string | null {
  for (const field of ["seller_account", "amount", "currency", "platform_fee"] as const) {
    if (asked[field] !== order[field]) return `${field} is ${order[field]}, asked for was ${asked[field]}`;
  }
  return null;
}
