/** Far more open orders than may be in memory: those at rest are rows, and each comes back when something happens to it. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { type FlorinUnderTest, startFlorinUnderTest, until } from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";

const MAX_LIVE = 100;
const ORDERS = 10_000;

let florin: FlorinUnderTest;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
});
afterEach(async () => {
  florin.psp.reset();
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(() => florin.close());

test(`${ORDERS} pending orders with room for ${MAX_LIVE}: memory stays bounded, and every order comes back and succeeds`, async () => {
  const node = await florin.openNode({ maxLiveActors: MAX_LIVE });
  let most = 0;
  const watcher = setInterval(() => {
    most = Math.max(most, node.engine.size().live);
  }, 1);
  florin.psp.onCharge = (_, make) => {
    make();
    most = Math.max(most, node.engine.size().live);
    return PENDING;
  };
  let next = 0;
  let turnedAway = 0;
  const payAll = async (): Promise<void> => {
    while (next < ORDERS) {
      const paymentOrderId = `order-${next++}`;
      const request = aCheckout("pm_card_visa", {
        orders: [anOrder({ paymentOrderId, sellerAccount: `s-${next % 50}` })],
      });
      for (;;) {
        const refusal = await pay(node, request, { key: paymentOrderId, waitMs: 0 }).then(
          () => null,
          (error: unknown) => error,
        );
        if (refusal === null) break;
        expect(refusal).toMatchObject({ code: "temporarily-unavailable" });
        turnedAway += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_LIVE * 2 }, payAll));
  await until(
    async () => {
      const [row] =
        await florin.owner`SELECT count(*)::int AS n FROM payment_orders WHERE payment_order_status = 'SUCCESS'`;
      return row?.n === ORDERS;
    },
    "all orders succeed",
    200_000,
  );
  clearInterval(watcher);
  expect(turnedAway).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(MAX_LIVE);
  expect(florin.psp.effects).toHaveLength(ORDERS);
  await until(() => node.engine.size().live === 0, "memory is empty again");
}, 240_000);

test("a burst beyond the limit is turned away with 503, and what was taken in is paid", async () => {
  const node = await florin.openNode({ maxLiveActors: MAX_LIVE });
  const gate = Promise.withResolvers<void>();
  florin.psp.onCharge = async (_, make) => {
    await gate.promise;
    return make();
  };
  const burst = Promise.allSettled(
    Array.from({ length: MAX_LIVE * 3 }, (_, index) =>
      pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: `burst-${index}` })] })),
    ),
  );
  await until(() => florin.psp.calls.length === MAX_LIVE, "all places are taken");
  expect(node.engine.size()).toEqual({ live: MAX_LIVE, free: 0 });
  gate.resolve();
  const settled = await burst;
  const refused = settled.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  expect(refused).toHaveLength(MAX_LIVE * 2);
  for (const reason of refused)
    expect(reason).toMatchObject({ code: "temporarily-unavailable", options: { retryAfterSeconds: 2 } });
  const [row] = await florin.owner`SELECT count(*)::int AS n FROM payment_orders
    WHERE payment_order_id LIKE 'burst-%' AND payment_order_status = 'SUCCESS'`;
  expect(row).toEqual({ n: MAX_LIVE });
});
