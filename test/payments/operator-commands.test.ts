/** Commands that are repeated or mistaken: the caller hears why, and the order is none the worse for it. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FlorinUnderTest, startFlorinUnderTest, type TestNode, until } from "../engine/florin-under-test.ts";
import type { OperatorCommand } from "../../src/payments/service.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";

let florin: FlorinUnderTest;
let node: TestNode;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
  node = await florin.openNode();
});
afterEach(() => florin.psp.reset());
afterAll(async () => {
  await florin.closeNodes();
  await florin.close();
});

const newId = (name = "order"): string => `${name}-${++made}`;
const checkoutOf = (id: string) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });

function send(id: string, command: OperatorCommand, key = newId("key")): Promise<string> {
  const call = { merchantId: 1, key, requestHash: createHash("sha256").update(key).digest("hex") };
  return node.payments.command(call, id, command).then(
    ({ status, isReplay }) => `${status}${isReplay ? " replayed" : ""}`,
    (error: { code: string }) => error.code,
  );
}

async function payAndFindReference(): Promise<string> {
  const id = newId();
  const answer = await pay(node, checkoutOf(id));
  return JSON.parse(answer.body).payment_orders[0].psp_reference;
}

const resolveAs = (pspReference: string | null): OperatorCommand => ({
  kind: "resolve",
  outcome: "succeeded",
  amountMinor: null,
  reason: "seen in the PSP's dashboard",
  pspReference,
});

test("a reference that another order has booked is refused, and the order stays parked", async () => {
  const taken = await payAndFindReference();
  const id = newId();
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "rate_limited", retryAfterMs: 0 });
  await pay(node, checkoutOf(id), { waitMs: 20_000 });
  await until(async () => (await florin.order(id)).state === "parked", "it is parked");
  expect(await send(id, resolveAs(taken))).toBe("invalid-request");
  expect(await florin.order(id)).toMatchObject({ state: "parked", isQuarantined: false, entries: 0 });
  expect(await send(id, resolveAs("ch_another"))).toBe("200");
  expect(await florin.order(id)).toMatchObject({ state: "SUCCESS", entries: 1 });
});

test("an order that is parked because its reference is another's can't be booked, but failed", async () => {
  const taken = await payAndFindReference();
  const id = newId();
  florin.psp.onCharge = () => ({
    kind: "succeeded",
    reference: taken,
    amountMinor: 10_000n,
    currency: "USD",
    captured: true,
  });
  await pay(node, checkoutOf(id));
  expect(await send(id, resolveAs(null))).toBe("invalid-request");
  expect(await florin.order(id)).toMatchObject({
    state: "parked",
    parkReason: "booked_elsewhere",
    isQuarantined: false,
  });
  const fail = {
    kind: "resolve",
    outcome: "failed",
    amountMinor: null,
    reason: "paid twice",
    pspReference: null,
  } as const;
  expect(await send(id, fail)).toBe("200");
  expect(await florin.order(id)).toMatchObject({ state: "FAILED" });
});

test("one command sent several times at once is carried out once, and its twins get its answer", async () => {
  const id = newId();
  await pay(node, { ...checkoutOf(id), paymentMethod: { kind: "hosted_page" } }, { waitMs: 0 });
  const key = newId("key");
  const answers = await Promise.all([1, 2, 3].map(() => send(id, { kind: "cancel" }, key)));
  expect(answers.toSorted()).toEqual(["200", "200 replayed", "200 replayed"]);
  expect((await florin.order(id)).steps).toEqual(["NOT_STARTED", "FAILED"]);
});

test("a repeated checkout whose order is set aside is not told to be done", async () => {
  const id = newId();
  const request = { ...checkoutOf(id), checkoutId: newId("checkout") };
  florin.psp.onCharge = () => ({ kind: "pending", reference: null, nextAction: null });
  await pay(node, request, { waitMs: 200 });
  await florin.owner`UPDATE payment_orders SET quarantined_at = now(), quarantine_reason = 'test' WHERE payment_order_id = ${id}`;
  await expect(pay(node, request)).rejects.toMatchObject({ code: "temporarily-unavailable" });
});
