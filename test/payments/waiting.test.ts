/** `Prefer: wait` by many at once, for orders that rest at a PSP. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connectAccess } from "../../src/db/access.ts";
import { type FlorinUnderTest, startFlorinUnderTest } from "../engine/florin-under-test.ts";
import { PENDING } from "../engine/psp-double.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";

let florin: FlorinUnderTest;
beforeAll(async () => {
  florin = await startFlorinUnderTest();
});
afterEach(() => florin.closeNodes());
afterAll(() => florin.close());

const WAITING = 300;

test(`${WAITING} requests that wait read their orders again together, not each for itself`, async () => {
  const access = connectAccess(florin.database.appUrl);
  let loads = 0;
  const loadActors: typeof access.statements.loadActors = (kind, ids) => {
    loads += 1;
    return access.statements.loadActors(kind, ids);
  };
  const node = await florin.openNode({
    database: { ...access, statements: { ...access.statements, loadActors } },
    isSweeping: false,
  });
  florin.psp.onCharge = () => PENDING;
  const answers = await Promise.all(
    Array.from({ length: WAITING }, (_, n) =>
      pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: `order-${n}` })] }), { waitMs: 2_000 }),
    ),
  );
  expect(new Set(answers.map(({ body }) => JSON.parse(body).payment_orders[0].phase))).toEqual(new Set(["pending"]));
  expect(loads).toBeLessThan(WAITING / 3);
});

test("waits end when the node has drained, also one that begins afterwards, and say what is known", async () => {
  const access = connectAccess(florin.database.appUrl);
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const findPaymentEvent: typeof access.statements.findPaymentEvent = async (merchantId, checkoutId) => {
    asked.resolve();
    await goOn.promise;
    return access.statements.findPaymentEvent(merchantId, checkoutId);
  };
  const node = await florin.openNode({
    database: { ...access, statements: { ...access.statements, findPaymentEvent } },
    isSweeping: false,
  });
  florin.psp.onCharge = () => PENDING;
  const orders = [anOrder({ paymentOrderId: "drained" })];
  const request = aCheckout("pm_card_visa", { checkoutId: "drained", orders });
  const startedMs = performance.now();
  const first = pay(node, request, { waitMs: 25_000 });
  await expect.poll(async () => (await florin.order("drained").catch(() => null))?.state).toBe("pending");
  const secondClick = pay(node, request, { waitMs: 25_000 });
  await asked.promise;
  await node.engine.drain(1_000);
  goOn.resolve();
  for (const { body } of await Promise.all([first, secondClick])) {
    expect(JSON.parse(body).payment_orders).toMatchObject([{ phase: "pending" }]);
  }
  expect(performance.now() - startedMs).toBeLessThan(15_000);
});

test("what another node did is seen by whoever waits", async () => {
  const [a, b] = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
  florin.psp.onCharge = (_, make) => {
    make();
    return PENDING;
  };
  const answer = pay(a, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: "elsewhere" })] }));
  await expect.poll(async () => (await florin.order("elsewhere").catch(() => null))?.state).toBe("pending");
  b.payments.askOnRead(1, "elsewhere");
  expect(JSON.parse((await answer).body)).toMatchObject({ status: "SUCCESS" });
});
