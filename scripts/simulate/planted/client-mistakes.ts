/** Planted mistakes in what clients, operators and merchants are told, and in what they may do. */
import type { Mistake } from "./mistakes.ts";

const GUARDS = "machines/payment-order-setup.ts";
const STATE = "src/payments/payment-order-state.ts";

export const CLIENT_MISTAKES: readonly Mistake[] = [
  {
    name: "other-body-replayed",
    what: "a key that comes with another body gets the first one's answer",
    file: "src/payments/idempotency.ts",
    right: "if (record.requestHash !== call.requestHash) {",
    wrong: 'if (record.requestHash === "") {',
  },
  {
    name: "other-cart-replayed",
    what: "another cart under a checkout's id gets the first one's orders",
    file: "src/payments/create-payment.ts",
    right: "if (found.contentHash !== hashContent(request)) {",
    wrong: 'if (hashContent(request) === "") {',
  },
  {
    name: "twin-refused",
    what: "a command is refused because its own twin was carried out",
    file: "src/payments/command-order.ts",
    right: "if (twin !== null) return replay(call, twin, ref);",
    wrong: "if (twin !== null) throw refusalFor(result.state, ports, command);",
  },
  {
    name: "held-money-given-up",
    what: "an operator may fail an order whose money the PSP holds",
    file: GUARDS,
    right: 'decision.outcome === "failed" && context.held === null,',
    wrong: 'decision.outcome === "failed" && context !== null,',
  },
  {
    name: "more-booked-than-asked",
    what: "an operator may book more than was asked for",
    file: GUARDS,
    right: "BigInt(decision.amount) <= BigInt(context.amount)",
    wrong: "BigInt(decision.amount) > 0n",
  },
  {
    name: "amount-through-a-number",
    what: "an amount goes through a JavaScript number on its way to the books",
    file: STATE,
    right: "const amountMinor = BigInt(amount);",
    wrong: "const amountMinor = BigInt(Number(amount));",
  },
  {
    name: "event-of-the-step-before",
    what: "merchants are told what the order was before the step",
    file: STATE,
    right: "data: nextState.represent() }",
    wrong: "data: state.represent() }",
  },
  {
    name: "captured-amount-not-told",
    what: "a paid order is shown with nothing captured",
    file: "src/payments/represent.ts",
    right: "amount_captured: formatAmount(BigInt(context.captured), terms.currency),",
    wrong: "amount_captured: formatAmount(0n, terms.currency),",
  },
];
