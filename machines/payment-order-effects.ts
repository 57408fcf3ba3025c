/** Reads the effects out of what XState's pure `transition()` hands back, whose params it types as one wide union. */
import { invariant } from "../src/core/assert.ts";
import type { HeldMoney, PaymentOrderEffect } from "./payment-order-types.ts";

interface EmittedAction {
  readonly type: string;
  readonly params?: unknown;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isMoney(params: Record<string, unknown>): params is Record<string, unknown> & HeldMoney {
  return (
    typeof params.reference === "string" && typeof params.amount === "string" && typeof params.currency === "string"
  );
}

/** Throws `InvariantError` for an action that is no effect: then the chart and this list have drifted apart. */
export function toEffect({ type, params }: EmittedAction): PaymentOrderEffect {
  invariant(isRecord(params), `effect ${type} has no params`);
  const { attempt, operation, isResend, rule } = params;
  switch (type) {
    case "charge":
      invariant(
        typeof attempt === "number" && typeof operation === "number" && typeof isResend === "boolean",
        "charge",
      );
      return { type, params: { attempt, operation, isResend } };
    case "inquire":
      invariant(typeof attempt === "number" && typeof operation === "number", "inquire");
      return { type, params: { attempt, operation } };
    case "post":
      invariant(isMoney(params) && (rule === "pay_in" || rule === "late_success"), "post");
      return { type, params: { rule, reference: params.reference, amount: params.amount, currency: params.currency } };
    case "announce":
      invariant(typeof params.type === "string", "announce");
      return { type, params: { type: params.type } };
    default:
      return invariantFailed(type);
  }
}

function invariantFailed(type: string): never {
  invariant(false, `the machine emitted ${type}, which is no effect`);
}
