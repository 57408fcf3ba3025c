/** The demo and the kill loop are worth as much as their judge: it must see what is lost, doubled or changed. */
import { expect, test } from "vitest";
import type { Outcome } from "../../scripts/support/await-rest.ts";
import type { OrderView } from "../../scripts/support/florin-client.ts";
import { CASES, fillCart } from "../../scripts/support/shop.ts";
import { isZero, judgeOutcomes, type NamedEffect } from "../../scripts/support/verdict.ts";

const cartOf = (label: string) =>
  fillCart(
    "test",
    CASES.findIndex((one) => one.label === label),
  );

function outcomeOf(label: string, order: Partial<OrderView>): Outcome {
  const cart = cartOf(label);
  const orders = cart.orders.map(
    (asked): OrderView => ({
      ...asked,
      status: "SUCCESS",
      phase: null,
      psp_reference: "ch_1",
      attempts: 1,
      failure: null,
      next_action: null,
      ...order,
    }),
  );
  return { cart, checkout: { checkout_id: cart.checkoutId, status: "SUCCESS", payment_orders: orders } };
}

const effectsFor = (outcome: Outcome, times: number): NamedEffect[] =>
  outcome.cart.orders.flatMap(({ payment_order_id }) =>
    Array.from({ length: times }, (_, n) => ({
      id: `ch_${payment_order_id}_${n}`,
      order_id: null,
      payment_order_id,
      idempotency_key: "key",
      amount: "1",
      currency: "USD",
      status: "succeeded",
      at: "2026-01-01T00:00:00.000Z",
    })),
  );

const judge = (outcome: Outcome, charges: number, wasKilled = false, lateIds = new Set<string>()) =>
  judgeOutcomes({ outcomes: [outcome], effects: effectsFor(outcome, charges), lateIds, wasKilled });

test("a payment that ended as its token promises, charged once, is no violation", () => {
  expect(judge(outcomeOf("pm_card_visa", {}), 1)).toEqual({ violations: [], notes: [] });
});

test.each([
  ["a doubled charge", outcomeOf("pm_card_visa", {}), 2, /has 2 charges at the PSP, 1 are right/],
  ["a success without a charge", outcomeOf("pm_card_visa", {}), 0, /has 0 charges at the PSP/],
  ["a changed amount", outcomeOf("pm_card_visa", { amount: "0.01" }), 1, /amount is 0\.01, asked for was/],
  ["a success that the token forbids", outcomeOf("pm_card_chargeDeclined", {}), 0, /ended as SUCCESS/],
  [
    "a wrong reason",
    outcomeOf("pm_card_chargeDeclined", { status: "FAILED", failure: { code: "expired" } }),
    0,
    /failed with expired/,
  ],
  [
    "late money that stands in no queue",
    outcomeOf("sim_late_success", { status: "FAILED", failure: { code: "card_declined" } }),
    1,
    /does not stand in the queue late/,
  ],
])("%s is a violation", (_, outcome, charges, violation) => {
  expect(judge(outcome, charges).violations).toContainEqual(expect.stringMatching(violation));
});

test("an order that does not exist is a violation, also after kills", () => {
  const { cart, checkout } = outcomeOf("pm_card_visa", {});
  const judged = judge({ cart, checkout: { ...checkout, payment_orders: [] } }, 1, true);
  expect(judged.violations).toContainEqual(expect.stringMatching(/does not exist/));
});

test("after kills an order may be left to an operator, but never charged twice", () => {
  const parked = outcomeOf("pm_card_visa", { status: "EXECUTING", phase: "parked" });
  expect(judge(parked, 1, true)).toMatchObject({
    violations: [],
    notes: expect.arrayContaining([expect.stringMatching(/ended as parked/)]),
  });
  expect(judge(parked, 1).violations).not.toEqual([]);
  expect(judge(parked, 2, true).violations).toContainEqual(expect.stringMatching(/charged 2 times/));
});

test("zero is zero in every currency, and nothing else is", () => {
  expect(["0", "0.00", "-0.000", "0.0000"].every(isZero)).toBe(true);
  expect(["0.01", "-1", "00", "", "NaN"].some(isZero)).toBe(false);
});
