/** What a tool is told of thousands of orders: it never goes blind, and nothing grows for ever. */
import { expect, test } from "vitest";
import { createInspection } from "../../src/console/server/inspection.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { openPaymentOrder, type PaymentOrderState } from "../../src/payments/payment-order-state.ts";

interface Message {
  readonly type: string;
  readonly sessionId: string;
}

function anOrder(id: string): PaymentOrderState {
  const money = { currency: "USD", psp: "simulator" } as const;
  return openPaymentOrder(
    {
      ...money,
      merchantId: 1,
      id: "01890000-0000-7000-8000-000000000000",
      paymentOrderId: id,
      ordinal: 1,
      sellerAccount: "s1",
      amountMinor: 1_000n,
      platformFeeMinor: 30n,
      description: null,
      metadata: {},
      createdAt: "2026-01-01T00:00:00.000Z",
      checkout: {
        id: "01890000-0000-7000-8000-000000000001",
        checkoutId: "chk_1",
        paymentMethodToken: "pm_card_visa",
        returnUrl: null,
        orderCount: 1,
      },
    },
    { ...money, amount: "1000", platformFee: "30", policy: "swift", settleTimeMs: 5_000, keyLifetimeMs: 86_400_000 },
    () => "{}",
  );
}

const ended = (order: PaymentOrderState): PaymentOrderState => ({
  ...order,
  name: "FAILED",
  status: "FAILED",
  isTerminal: true,
});

/** A tool that listens, on a clock that moves when it is told to. */
function listen() {
  let nowMs = 1_000_000;
  const clock = { ...systemPorts.clock, monotonicMs: () => nowMs };
  const inspection = createInspection({ ...systemPorts, clock });
  const heard: Message[] = [];
  const seat = inspection.join({
    merchantId: 1,
    paymentOrderId: null,
    send: (message) => void heard.push(JSON.parse(message) as Message),
    close: () => {},
  });
  const event = { type: "order.cancel", at: 0, jitter: 0 } as const;
  return {
    step: (before: PaymentOrderState, after: PaymentOrderState) => inspection.onStep({ before, after, event }),
    heardOf: (id: string) => heard.filter(({ sessionId }) => sessionId === id).map(({ type }) => type),
    pass: (ms: number) => {
      nowMs += ms;
    },
    leave: () => seat?.leave(),
  };
}

const NEW_ACTOR = ["@xstate.actor", "@xstate.event", "@xstate.snapshot"];

test("a tool sees the newest orders, also after thousands that ended", () => {
  const tool = listen();
  for (let number = 0; number < 2_000; number += 1) {
    const order = anOrder(`order-${number}`);
    tool.step(order, ended(order));
    tool.pass(20);
  }
  expect(tool.heardOf("order-0")).toEqual(NEW_ACTOR);
  expect(tool.heardOf("order-1999")).toEqual(NEW_ACTOR);
  tool.leave();
});

test("an order that still moves is kept in mind while those that ended make room", () => {
  const tool = listen();
  const lasting = anOrder("lasting");
  tool.step(lasting, lasting);
  for (let number = 0; number < 2_000; number += 1) {
    const order = anOrder(`order-${number}`);
    tool.step(order, ended(order));
    tool.pass(20);
  }
  tool.step(lasting, ended(lasting));
  expect(tool.heardOf("lasting")).toEqual([...NEW_ACTOR, "@xstate.event", "@xstate.snapshot"]);
  tool.leave();
});

test("more new orders in a second than a tool can draw pass it by, and those of the next second do not", () => {
  const tool = listen();
  const orders = Array.from({ length: 1_000 }, (_, number) => anOrder(`order-${number}`));
  for (const order of orders) tool.step(order, ended(order));
  const seen = orders.filter(({ terms }) => tool.heardOf(terms.paymentOrderId).length > 0);
  expect(seen).toHaveLength(100);
  tool.pass(1_000);
  tool.step(anOrder("next"), ended(anOrder("next")));
  expect(tool.heardOf("next")).toEqual(NEW_ACTOR);
  tool.leave();
});
