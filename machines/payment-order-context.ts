/** The memory with which a payment order begins. */
import type { PaymentOrderContext, PaymentOrderInput } from "./payment-order-types.ts";

/** What a new order remembers; it begins in `NOT_STARTED`. */
export function newPaymentOrderContext(input: PaymentOrderInput): PaymentOrderContext {
  return {
    ...input,
    operation: 1,
    attempt: 0,
    sends: 0,
    operationSends: 0,
    budgetUsed: 0,
    asks: 0,
    call: null,
    keySince: null,
    unknownSince: null,
    timer: null,
    cancelRequested: false,
    reference: null,
    nextActionUrl: null,
    failure: null,
    captured: "0",
    held: null,
    late: [],
    parked: null,
  };
}
