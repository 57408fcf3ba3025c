/** Commits that want the same rows, from two nodes and in opposite orders: they wait for each other and never deadlock. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { PspFact } from "../../machines/payment-order-types.ts";
import { toFactLetter } from "../../src/engine/letters.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import {
  type FlorinUnderTest,
  holdLock,
  rerunCodes,
  startFlorinUnderTest,
  type TestNode,
  until,
  untilBlocked,
} from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";

let florin: FlorinUnderTest;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
});
afterEach(async () => {
  florin.psp.reset();
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(() => florin.close());

interface Pending {
  readonly id: string;
  readonly success: PspFact;
}

/** Checkouts of so many orders each, that are charged and rest at the PSP. By checkout, in the order of their keys. */
async function payPending(node: TestNode, checkouts: number, ordersEach: number): Promise<readonly Pending[][]> {
  florin.psp.onCharge = (_, make) => {
    make();
    return PENDING;
  };
  const ids = Array.from({ length: checkouts }, () => Array.from({ length: ordersEach }, () => `order-${++made}`));
  await Promise.all(
    ids.map((own) =>
      pay(
        node,
        aCheckout("pm_card_visa", {
          orders: own.map((paymentOrderId) =>
            anOrder({ paymentOrderId, sellerAccount: `seller-of-${paymentOrderId}` }),
          ),
        }),
        { waitMs: 0 },
      ),
    ),
  );
  const find = () =>
    florin.owner<{ id: string; event: string }[]>`
      SELECT id, payment_event_id AS event FROM payment_orders
      WHERE payment_order_id = ANY (${ids.flat()}) AND phase = 'pending' ORDER BY payment_event_id, ordinal`;
  await until(async () => (await find()).length === checkouts * ordersEach, "all orders rest");
  const byCheckout = new Map<string, Pending[]>();
  for (const { id, event } of await find()) {
    const effect = florin.psp.effects.find(({ order_id }) => order_id === id);
    const success: PspFact = {
      type: "psp.succeeded",
      reference: effect?.id ?? "",
      amount: effect?.amount ?? "",
      currency: effect?.currency ?? "",
      captured: true,
      source: "webhook",
      operation: 1,
      attempt: null,
      at: Date.now(),
      jitter: 0,
    };
    byCheckout.set(event, [...(byCheckout.get(event) ?? []), { id, success }]);
  }
  return [...byCheckout.values()];
}

function deliverAll(node: TestNode, orders: readonly Pending[]) {
  return Promise.all(
    orders.map(({ id, success }) =>
      node.engine.deliver({ kind: "payment_order", merchantId: 1, id }, toFactLetter(success)),
    ),
  );
}

const openTwo = (): Promise<TestNode[]> =>
  Promise.all([1, 2].map(() => florin.openNode({ isSweeping: false, lanes: 1 })));

/** Both nodes' commits come to stand before one row, with the others locked in whatever order; then they go on. */
async function meetAt(lockStatement: string, nodes: readonly TestNode[], acts: readonly (() => Promise<unknown>)[]) {
  const lock = await holdLock(florin.database, lockStatement);
  const done = Promise.all(acts.map((act) => act()));
  await untilBlocked(florin, 2);
  await lock.release();
  await done;
  expect(nodes.flatMap(rerunCodes)).toEqual([]);
}

test("over the same orders: both lock them in the order of their keys", async () => {
  const nodes = await openTwo();
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error("there are two nodes");
  const orders = (await payPending(a, 40, 1)).flat().toSorted((one, other) => (one.id < other.id ? -1 : 1));
  await meetAt(`SELECT 1 FROM payment_orders WHERE id = '${orders[20]?.id}' FOR UPDATE`, nodes, [
    () => deliverAll(a, orders),
    () => deliverAll(b, orders.toReversed()),
  ]);
});

test("over different orders of the same checkouts: both lock the payment events in the order of their keys", async () => {
  const nodes = await openTwo();
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error("there are two nodes");
  const checkouts = await payPending(a, 40, 2);
  const [first, second] = [0, 1].map((ordinal) => checkouts.flatMap((orders) => orders[ordinal] ?? []));
  await meetAt(
    `SELECT 1 FROM payment_events e JOIN payment_orders o ON o.payment_event_id = e.id
     WHERE o.id = '${checkouts[20]?.[0]?.id}' FOR UPDATE OF e`,
    nodes,
    [() => deliverAll(a, first ?? []), () => deliverAll(b, (second ?? []).toReversed())],
  );
});

test("to the same sellers: both update the accounts in the order of their names", async () => {
  const nodes = await openTwo();
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error("there are two nodes");
  const SELLERS = 60;
  const payAll = (node: TestNode, sellers: readonly number[]) =>
    sellers.map((n) =>
      pay(
        node,
        aCheckout("pm_card_visa", {
          orders: [anOrder({ paymentOrderId: `order-${++made}`, sellerAccount: `s-${n}` })],
        }),
      ),
    );
  const sellers = Array.from({ length: SELLERS }, (_, n) => 100 + n);
  // The accounts exist, so that each commit locks rows.
  await Promise.all(payAll(a, sellers));
  const most = sellers.filter((n) => n % 8 !== 1).toReversed();
  // Some unlucky orders get by: five rounds leave next to none of them.
  for (let round = 0; round < 5; round += 1) {
    const gate = Promise.withResolvers<void>();
    florin.psp.reset();
    florin.psp.onCharge = async (_, make) => {
      await gate.promise;
      return make();
    };
    const answers = [...payAll(a, sellers), ...payAll(b, most)];
    await until(() => florin.psp.calls.length === answers.length, "all charges are out");
    await meetAt(`SELECT 1 FROM accounts WHERE account = 'seller:s-120:payable' FOR UPDATE`, nodes, [
      async () => {
        gate.resolve();
        await Promise.all(answers);
      },
    ]);
  }
});
