/** Schedules that come to their end: orders are parked and kept, never failed by the clock, and settle when they can. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Outcome } from "../../src/core/outcomes.ts";
import type { OperatorCommand } from "../../src/payments/service.ts";
import { aCheckout, anOrder, pay, TEST_MERCHANT } from "../support/processor.ts";
import { expectOnce, type FlorinUnderTest, startFlorinUnderTest, type TestNode, until } from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";
import { createShiftedPorts, HOUR_MS } from "./simulator-florin.ts";

let florin: FlorinUnderTest;
/** Its clock is an hour back: whatever deadline it sets is due at once. */
let node: TestNode;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
  const ports = createShiftedPorts();
  node = await florin.openNode({ ports });
  ports.offsetMs = -HOUR_MS;
});
afterEach(async () => {
  florin.psp.reset();
  await florin.expectIntegrity();
});
afterAll(async () => {
  await florin.closeNodes();
  await florin.close();
});

const UNKNOWN: Outcome & { kind: "unknown" } = { kind: "unknown", reason: "timeout" };
const REFUSED: Outcome = { kind: "unsent", reason: "econnrefused", retryAfterMs: null };

async function payOne() {
  made += 1;
  const id = `order-${made}`;
  await pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] }), { waitMs: 15_000 });
  return { id, order: await florin.order(id) };
}

let commands = 0;
function command(id: string, kind: OperatorCommand["kind"] & ("retry" | "cancel")) {
  commands += 1;
  return node.payments.command({ merchantId: TEST_MERCHANT, key: `command-${commands}`, requestHash: "00" }, id, {
    kind,
  });
}

const becomes = (id: string, state: string): Promise<void> =>
  until(async () => (await florin.order(id)).state === state, `${id} becomes ${state}`);
const eventsOf = (orderId: string, type: string) =>
  florin.owner`SELECT 1 FROM events WHERE subject_id = ${orderId} AND type = ${type}`;

test("an outcome that stays unknown is parked with an alarm and never failed, and a retry finds the charge", async () => {
  florin.psp.onCharge = (_, make) => {
    make();
    return UNKNOWN;
  };
  florin.psp.onInquiry = () => UNKNOWN;
  const { id, order } = await payOne();
  expect(order).toMatchObject({ state: "parked", parkReason: "inquiries_spent" });
  expect(await eventsOf(order.id, "payment_order.parked")).toHaveLength(1);
  expect(florin.psp.callsOf(order.id).filter(({ kind }) => kind === "charge")).toHaveLength(1);

  florin.psp.reset();
  await command(id, "retry");
  await becomes(id, "SUCCESS");
  expectOnce(await florin.order(id));
  expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["inquiry"]);
});

test("an order that stays pending is parked, still asked when somebody reads it, and settles then", async () => {
  florin.psp.onCharge = () => PENDING;
  florin.psp.onInquiry = () => PENDING as Outcome & { kind: "pending" };
  const { id, order } = await payOne();
  expect(order).toMatchObject({ state: "parked", parkReason: "pending_too_long" });
  const asked = florin.psp.callsOf(order.id).length;

  florin.psp.onCharge = (_, make) => make();
  const [first] = florin.psp.callsOf(order.id);
  await florin.psp.charge({ idempotencyKey: first?.key ?? "", body: first?.body ?? "" });
  florin.psp.onInquiry = (_, truth) => truth();
  node.payments.askOnRead(TEST_MERCHANT, id);
  await becomes(id, "SUCCESS");
  expectOnce(await florin.order(id));
  expect(florin.psp.callsOf(order.id).length - asked).toBe(2);
});

test("an order whose sends are spent is parked with what is needed, and a retry after the repair charges once", async () => {
  florin.psp.onCharge = () => REFUSED;
  const { id, order } = await payOne();
  expect(order).toMatchObject({ state: "parked", parkReason: "retries_spent", entries: 0 });
  const sends = florin.psp.callsOf(order.id);
  expect(sends).toHaveLength(5);
  expect(new Set(sends.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);

  florin.psp.reset();
  await command(id, "retry");
  await becomes(id, "SUCCESS");
  expectOnce(await florin.order(id));
  expect(florin.psp.callsOf(order.id)).toEqual([sends[0]]);
  await expect(command(id, "retry")).rejects.toMatchObject({ code: "invalid-state" });
});

test("each soft decline is tried again as an operation of its own, and the last parks the order", async () => {
  florin.psp.onCharge = () => ({
    kind: "declined",
    reference: null,
    code: "processing_error",
    declineCode: "processing_error",
    message: "An error occurred.",
    retryable: true,
  });
  const { order } = await payOne();
  expect(order).toMatchObject({ state: "parked", parkReason: "retries_spent" });
  const keys = florin.psp.callsOf(order.id).map(({ key }) => key);
  expect(keys).toEqual([1, 2, 3, 4, 5].map((operation) => `${order.id}.charge.${operation}`));
});

test("an order whose resend surely did not leave is sent again under the same key, and charged once", async () => {
  const answers: Outcome[] = [UNKNOWN, REFUSED];
  florin.psp.onCharge = (_, make) => answers.shift() ?? make();
  const { id, order } = await payOne();
  await becomes(id, "SUCCESS");
  expectOnce(await florin.order(id));
  const calls = florin.psp.callsOf(order.id);
  expect(calls.map(({ kind }) => kind)).toEqual(["charge", "inquiry", "charge", "charge"]);
  expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
});
