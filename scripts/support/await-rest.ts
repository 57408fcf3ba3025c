/** Waits until every payment of a run is where it should end, asking over HTTP as a merchant would. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CheckoutView, FlorinClient, OrderView } from "./florin-client.ts";
import type { Cart } from "./shop.ts";

export interface Outcome {
  readonly cart: Cart;
  readonly checkout: CheckoutView;
}

export interface Rest {
  readonly outcomes: readonly Outcome[];
  /** False when the time was up first. */
  readonly isComplete: boolean;
}

const LOOK_EVERY_MS = 500;
const READERS = 16;

export const stateOf = (order: OrderView): string => order.phase ?? order.status;

/** At rest: terminal, parked, or in a state in which its case may end. */
function isOrderAtRest(cart: Cart, order: OrderView): boolean {
  const state = stateOf(order);
  return (
    state === "SUCCESS" ||
    state === "FAILED" ||
    state === "parked" ||
    (state !== "resolving" && cart.case.ends.includes(state))
  );
}

export async function awaitRest(
  client: FlorinClient,
  carts: readonly Cart[],
  options: {
    readonly limitMs: number;
    readonly onProgress: (atRest: number, open: ReadonlyMap<string, number>) => void;
  },
): Promise<Rest> {
  const untilMs = performance.now() + options.limitMs;
  const outcomes = new Map<string, Outcome>();
  for (;;) {
    const open = carts.filter((cart) => !isAtRest(outcomes.get(cart.checkoutId)));
    await inParallel(READERS, open, async (cart) => {
      outcomes.set(cart.checkoutId, { cart, checkout: await client.readCheckout(cart.checkoutId) });
    });
    const left = carts.filter((cart) => !isAtRest(outcomes.get(cart.checkoutId)));
    options.onProgress(carts.length - left.length, countStates(left, outcomes));
    if (left.length === 0 || performance.now() > untilMs) {
      return { outcomes: carts.flatMap((cart) => outcomes.get(cart.checkoutId) ?? []), isComplete: left.length === 0 };
    }
    await sleep(LOOK_EVERY_MS);
  }
}

function isAtRest(outcome: Outcome | undefined): boolean {
  if (outcome === undefined) return false;
  return outcome.checkout.payment_orders.every((order) => isOrderAtRest(outcome.cart, order));
}

function countStates(carts: readonly Cart[], outcomes: ReadonlyMap<string, Outcome>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const cart of carts) {
    for (const order of outcomes.get(cart.checkoutId)?.checkout.payment_orders ?? []) {
      if (isOrderAtRest(cart, order)) continue;
      counts.set(stateOf(order), (counts.get(stateOf(order)) ?? 0) + 1);
    }
  }
  return counts;
}

/** Runs `work` on all items, `width` at a time. */
export async function inParallel<T>(
  width: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = items.entries();
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      for (const [index, item] of entries) await work(item, index);
    }),
  );
}
