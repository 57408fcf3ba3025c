/**
 * What several transitions of the payment order's chart have in common: how an order ends, how it is parked,
 * how late money is booked and how the PSP is asked. Each is a named action with its params, as data.
 */
import { excessOf, type Fact } from "./payment-order-setup.ts";
import type { HeldMoney, ParkReason, PaymentOrderContext, Stamp } from "./payment-order-types.ts";

export const CANCELED = { code: "canceled", message: "The order was canceled before the PSP had it." } as const;
export const EXPIRED = { code: "expired", message: "The buyer did not pay in time." } as const;
export const RESOLVED_AS_FAILED = {
  code: "resolved_as_failed",
  message: "An operator ended the order as failed.",
} as const;

export const stampOf = ({ at, jitter }: Stamp): Stamp => ({ at, jitter });
export const moneyOf = ({ reference, amount, currency }: HeldMoney): HeldMoney => ({ reference, amount, currency });
const callOf = ({ context }: { context: PaymentOrderContext }) => ({
  attempt: context.attempt,
  operation: context.operation,
});
export const chargeOf = ({ context }: { context: PaymentOrderContext }) => ({
  ...callOf({ context }),
  isResend: context.operationSends > 1,
});
export const parkFor = (reason: ParkReason) =>
  ({ type: "recordParked", params: ({ event }: { event: Stamp }) => ({ reason, at: event.at }) }) as const;

/** Why the money that we know of needs a person: what is held differs from the intent, or is claimed twice. */
function reasonToReview({ held, amount, currency }: PaymentOrderContext): ParkReason {
  if (held !== null && held.currency !== currency) return "currency_mismatch";
  return held !== null && held.amount !== amount ? "amount_mismatch" : "reference_conflict";
}
export const parkForReview = {
  type: "recordParked",
  params: ({ context, event }: { context: PaymentOrderContext; event: Stamp }) => ({
    reason: reasonToReview(context),
    at: event.at,
  }),
} as const;

/** Hands the event itself to an action or a guard. */
export const itself = <E>({ event }: { event: E }): E => event;

type SuccessStep = { readonly context: PaymentOrderContext; readonly event: Fact<"psp.succeeded"> };
const bookLate = (toMoney: (step: SuccessStep) => HeldMoney) =>
  [
    { type: "recordLate", params: toMoney },
    { type: "post", params: (step: SuccessStep) => ({ rule: "late_success" as const, ...toMoney(step) }) },
    { type: "announce", params: { type: "payment_order.late_success" } },
  ] as const;

export const bookLateSuccess = bookLate(({ event }) => moneyOf(event));
/** The order's own charge took more than is booked, as an operator's word may leave it: the rest goes to suspense. */
export const bookExcess = bookLate(({ context, event }) => excessOf(context, event));

export const askPsp = [
  { type: "beginInquiry", params: ({ event }: { event: Stamp }) => ({ ...stampOf(event), isScheduled: true }) },
  { type: "inquire", params: callOf },
] as const;

export const askPspOnRead = [
  { type: "beginInquiry", params: ({ event }: { event: Stamp }) => ({ ...stampOf(event), isScheduled: false }) },
  { type: "inquire", params: callOf },
] as const;
