/** Customers who don't give up: each sends one cart, repeats it under its key until there is an answer, and remembers it. */
import { actAsBuyer } from "./buyer.ts";
import type { FlorinClient } from "./florin-client.ts";
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

export const newHistory = (): History => ({
  acknowledged: [],
  problems: [],
  troubles: new Map(),
  sent: 0,
  replays: 0,
});

export interface Shopping {
  readonly client: FlorinClient;
  readonly history: History;
  readonly cases: readonly Case[];
  /** Part of every id, so that runs on one database don't meet. */
  readonly run: string;
  /** How long those wait who wait for the end. */
  readonly waitSeconds: number;
}

/** Now and then a customer asks again for what was answered long ago. */
const REPEAT_EVERY = 7;

/** The next customer of the run. Resolves when its buyer has done all there is to do; troubles go into the history. */
export async function sendCustomer(shopping: Shopping): Promise<void> {
  const { history } = shopping;
  const number = history.sent;
  history.sent += 1;
  await buy(shopping, number).catch((error: unknown) => {
    history.problems.push(`customer ${number}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

async function buy({ client, history, cases, run, waitSeconds }: Shopping, number: number): Promise<void> {
  const cart = fillCart(run, number, cases);
  const key = `key-${run}-${number}`;
  const onTry = (trouble: string): void => {
    history.troubles.set(trouble, (history.troubles.get(trouble) ?? 0) + 1);
  };
  // Some wait for the end, some take the first answer: their answers are stored at different moments.
  const wait = number % 3 === 0 ? { waitSeconds } : {};
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
