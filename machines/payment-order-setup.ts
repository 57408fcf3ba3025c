/**
 * Vocabulary of the payment order's chart: its guards (questions about facts and memory) and its actions
 * (what it remembers, and the effects that it hands out as data). The chart itself is in `payment-order.ts`.
 */
import { assign, setup } from "xstate";
import { backoffMs, POLICIES } from "./payment-order-policy.ts";
import type {
  AnnounceParams,
  CallParams,
  ChargeParams,
  HeldMoney,
  Origin,
  ParkReason,
  PaymentOrderContext,
  PaymentOrderEvent,
  PaymentOrderInput,
  PostParams,
  PspFact,
  Stamp,
  TimerName,
} from "./payment-order-types.ts";

export type Fact<T extends PspFact["type"]> = Extract<PspFact, { type: T }>;
type Resolution = Extract<PaymentOrderEvent, { type: "order.resolve" }>;

const policyOf = (context: PaymentOrderContext) => POLICIES[context.policy];
const isKnownLate = (context: PaymentOrderContext, reference: string): boolean =>
  context.late.some((money) => money.reference === reference);
/** Money that the order's own charge took beyond what is booked: the rest, or all of it in another currency. */
export function excessOf(context: PaymentOrderContext, { reference, amount, currency }: HeldMoney): HeldMoney {
  const booked = currency === context.currency ? BigInt(context.captured) : 0n;
  // A reference is booked once; this is its second part.
  return { reference: `${reference}#excess`, amount: (BigInt(amount) - booked).toString(), currency };
}
const isHeldElsewhere = ({ held }: PaymentOrderContext, { reference }: HeldMoney): boolean =>
  held !== null && held.reference !== reference;
/** A parked order with held money waits for an operator; money that is in suspense is dealt with. */
const isNoNews = (context: PaymentOrderContext, { reference }: HeldMoney): boolean =>
  context.held !== null || isKnownLate(context, reference);
const delayAt = (delaysMs: readonly number[], index: number): number =>
  delaysMs[Math.min(Math.max(index, 0), delaysMs.length - 1)] ?? 0;
const isCurrentCall = (context: PaymentOrderContext, origin: Origin): boolean =>
  context.call !== null && origin.attempt === context.call.attempt;

/** A "not found" proves absence only when asked after the PSP's settle time and while the PSP still knows the key. */
function isSurelyAbsent(context: PaymentOrderContext, origin: Origin): boolean {
  const { call, unknownSince, keySince, held } = context;
  // Money that the PSP has shown us is not absent, whatever it says now.
  if (call === null || held !== null || !isCurrentCall(context, origin)) return false;
  const isSettled = call.at - (unknownSince ?? call.at) >= context.settleTimeMs;
  const isKeyRemembered = call.at - (keySince ?? call.at) < context.keyLifetimeMs;
  return isSettled && isKeyRemembered;
}

export const paymentOrderSetup = setup({
  types: {
    context: {} as PaymentOrderContext,
    events: {} as PaymentOrderEvent,
    input: {} as PaymentOrderInput,
    tags: {} as "inFlight" | "waiting" | "terminal" | "needsReview" | "needsBuyer",
  },
  guards: {
    isCurrentCall: ({ context }, origin: Origin) => isCurrentCall(context, origin),
    isCurrentOperation: ({ context }, origin: Origin) => origin.operation === context.operation,
    isStaleOperation: ({ context }, origin: Origin) => origin.operation !== context.operation,
    isOtherCurrency: ({ context }, money: HeldMoney) => money.currency !== context.currency,
    isOtherAmount: ({ context }, money: HeldMoney) => money.amount !== context.amount,
    isHeld: ({ context }) => context.held !== null,
    isHeldAnswer: ({ context }, origin: Origin) => context.held !== null && isCurrentCall(context, origin),
    isHeldWithCall: ({ context }) => context.held !== null && context.call !== null,
    isHeldElsewhere: ({ context }, money: HeldMoney) => isHeldElsewhere(context, money),
    isCapturedElsewhere: ({ context }, fact: Fact<"psp.succeeded">) =>
      fact.captured && isHeldElsewhere(context, fact) && !isKnownLate(context, fact.reference),
    /** An earlier operation's success while a newer one may be charged: the newer one runs to its end. */
    isOvertaken: ({ context }, fact: Fact<"psp.succeeded">) =>
      fact.captured && fact.operation < context.operation && context.keySince !== null,
    isBookedLate: ({ context }, fact: Fact<"psp.succeeded">) => isKnownLate(context, fact.reference),
    isBookedLateAnswer: ({ context }, fact: Fact<"psp.succeeded">) =>
      isCurrentCall(context, fact) && isKnownLate(context, fact.reference),
    isNoNews: ({ context }, fact: Fact<"psp.succeeded">) => isNoNews(context, fact),
    isAnswerWithoutNews: ({ context }, fact: Fact<"psp.succeeded">) =>
      isCurrentCall(context, fact) && isNoNews(context, fact),
    isSecondSuccess: ({ context }, fact: Fact<"psp.succeeded">) =>
      fact.captured && fact.reference !== context.reference && !isKnownLate(context, fact.reference),
    isMoreThanBooked: ({ context }, fact: Fact<"psp.succeeded">) => {
      const excess = excessOf(context, fact);
      const isOwn = fact.captured && fact.reference === context.reference;
      return isOwn && BigInt(excess.amount) > 0n && !isKnownLate(context, excess.reference);
    },
    isUnexpectedSuccess: ({ context }, fact: Fact<"psp.succeeded">) =>
      fact.captured && !isKnownLate(context, fact.reference),
    /** The PSP says "authorized" of money that it has captured already. */
    isHeldUncaptured: ({ context }, fact: Fact<"psp.succeeded">) => context.held !== null && !fact.captured,
    // An earlier charge was paid after all: whatever proves that the newer one was not must never lead to a third.
    hasLate: ({ context }) => context.late.length > 0,
    hasNoLate: ({ context }) => context.late.length === 0,
    isUnsentAfterLate: ({ context }, origin: Origin) => isCurrentCall(context, origin) && context.late.length > 0,
    isSoftDeclineAfterLate: ({ context }, fact: Fact<"psp.declined">) => fact.retryable && context.late.length > 0,
    isSurelyAbsentAfterLate: ({ context }, origin: Origin) =>
      isSurelyAbsent(context, origin) && context.late.length > 0,
    isCaptured: (_, fact: Fact<"psp.succeeded">) => fact.captured,
    isSoftDeclineAfterCancel: ({ context }, fact: Fact<"psp.declined">) => fact.retryable && context.cancelRequested,
    isSoftDeclineWithBudget: ({ context }, fact: Fact<"psp.declined">) =>
      fact.retryable && context.budgetUsed < policyOf(context).maxSends,
    isSoftDecline: (_, fact: Fact<"psp.declined">) => fact.retryable,
    isSurelyAbsentAndCanceled: ({ context }, origin: Origin) =>
      isSurelyAbsent(context, origin) && context.cancelRequested,
    isSurelyAbsentWithBudget: ({ context }, origin: Origin) =>
      isSurelyAbsent(context, origin) && context.budgetUsed < policyOf(context).maxSends,
    isSurelyAbsent: ({ context }, origin: Origin) => isSurelyAbsent(context, origin),
    isAskNeededBeforeRetry: ({ context }) =>
      context.unknownSince !== null ||
      context.keySince !== null ||
      context.held !== null ||
      context.parked?.reason === "booked_elsewhere",
    isIdle: ({ context }) => context.call === null,
    isCallLost: ({ context }) => context.call !== null,
    isPendingKnown: ({ context }) => context.held !== null || context.parked?.reason === "pending_too_long",
    isPendingAnswerToParked: ({ context }, origin: Origin) =>
      isCurrentCall(context, origin) && (context.held !== null || context.parked?.reason === "pending_too_long"),
    isPendingNews: ({ context }, fact: Fact<"psp.pending">) =>
      fact.operation === context.operation && fact.nextActionUrl !== context.nextActionUrl,
    isRepeatedAuthorization: ({ context }, fact: Fact<"psp.succeeded">) =>
      !fact.captured && fact.reference === context.reference,
    isAnswerWithInquiryBudget: ({ context }, origin: Origin) =>
      isCurrentCall(context, origin) && context.asks <= policyOf(context).inquiryDelaysMs.length,
    isAnswerWithPollBudget: ({ context }, origin: Origin) =>
      isCurrentCall(context, origin) && context.asks < policyOf(context).pollDelaysMs.length,
    isHeldBack: ({ context }, fact: Fact<"psp.unsent">) => isCurrentCall(context, fact) && fact.heldBack,
    isAnswerWithSendBudget: ({ context }, origin: Origin) =>
      isCurrentCall(context, origin) && context.budgetUsed < policyOf(context).maxSends,
    isBookable: ({ context }, decision: Resolution) =>
      decision.outcome === "succeeded" &&
      BigInt(decision.amount) > 0n &&
      (context.held === null
        ? decision.reference !== null &&
          !isKnownLate(context, decision.reference) &&
          BigInt(decision.amount) <= BigInt(context.amount)
        : context.held.currency === context.currency && context.held.amount === decision.amount),
    isFailable: ({ context }, decision: Resolution) => decision.outcome === "failed" && context.held === null,
    isTimer: ({ context }, event: { readonly name: TimerName }) => context.timer?.name === event.name,
  },
  actions: {
    // Effects: data for the engine. `post` and `announce` are written in the commit, the calls made after it.
    charge: (_, _params: ChargeParams) => {},
    inquire: (_, _params: CallParams) => {},
    post: (_, _params: PostParams) => {},
    announce: (_, _params: AnnounceParams) => {},

    // What the order remembers.
    beginSend: assign(({ context }, { at }: Stamp) => ({
      attempt: context.attempt + 1,
      sends: context.sends + 1,
      operationSends: context.operationSends + 1,
      budgetUsed: context.budgetUsed + 1,
      call: { attempt: context.attempt + 1, kind: "charge" as const, at },
      keySince: context.keySince ?? at,
      asks: 0,
      timer: null,
      nextActionUrl: null,
    })),
    // `isScheduled` is false when somebody merely read the order: that must neither use up the schedule nor put it off.
    beginInquiry: assign(({ context }, { at, isScheduled }: Stamp & { readonly isScheduled: boolean }) => ({
      attempt: context.attempt + 1,
      asks: context.asks + (isScheduled ? 1 : 0),
      call: { attempt: context.attempt + 1, kind: "inquiry" as const, at },
      timer: isScheduled ? null : context.timer,
    })),
    endCall: assign({ call: null }),
    endAnsweredCall: assign(({ context }, origin: Origin) => (isCurrentCall(context, origin) ? { call: null } : {})),
    doubt: assign(({ context }, { at }: Stamp) => ({ unknownSince: context.unknownSince ?? at, call: null })),
    clearDoubt: assign({ unknownSince: null, keySince: null, call: null }),
    beginOperation: assign(({ context }) => ({
      operation: context.operation + 1,
      operationSends: 0,
      unknownSince: null,
      keySince: null,
      call: null,
    })),
    awaitBuyer: assign((_, { at, expiresInMs, payUrl }: Extract<PaymentOrderEvent, { type: "order.awaited" }>) => ({
      timer: { name: "expiry" as const, dueAt: at + expiresInMs },
      nextActionUrl: payUrl,
    })),
    awaitRetry: assign(
      ({ context }, { at, jitter, retryAfterMs }: Stamp & { readonly retryAfterMs: number | null }) => ({
        timer: {
          name: "retry" as const,
          dueAt: at + backoffMs(policyOf(context), context.budgetUsed, jitter, retryAfterMs),
        },
      }),
    ),
    awaitPoll: assign(({ context }, { at }: Stamp) => ({
      timer: context.timer ?? {
        name: "poll" as const,
        dueAt: at + delayAt(policyOf(context).pollDelaysMs, context.asks),
      },
      call: null,
    })),
    awaitInquiry: assign(({ context }, { at }: Stamp) => ({
      timer: context.timer ?? {
        name: "inquiry" as const,
        dueAt: at + delayAt(policyOf(context).inquiryDelaysMs, context.asks - 1),
      },
      call: null,
    })),
    clearTimer: assign({ timer: null }),
    leaveBuyer: assign({ timer: null, nextActionUrl: null }),
    returnBudget: assign(({ context }) => ({ budgetUsed: context.budgetUsed - 1 })),
    resetAsks: assign({ asks: 0 }),
    resetBudget: assign({ budgetUsed: 0, asks: 0 }),
    requestCancel: assign({ cancelRequested: true }),
    recordPending: assign(({ context }, fact: Fact<"psp.pending">) => ({
      reference: fact.reference ?? context.reference,
      nextActionUrl: fact.nextActionUrl,
      keySince: context.keySince ?? fact.at,
      unknownSince: null,
      call: null,
    })),
    recordPendingNews: assign((_, fact: Fact<"psp.pending">) => ({ nextActionUrl: fact.nextActionUrl })),
    recordSuccess: assign(({ context }, fact: Fact<"psp.succeeded">) => ({
      reference: fact.reference,
      captured: fact.captured ? fact.amount : context.captured,
      held: null,
      parked: null,
      failure: null,
      unknownSince: null,
      nextActionUrl: null,
      call: null,
    })),
    recordHeld: assign((_, { reference, amount, currency }: HeldMoney) => ({
      held: { reference, amount, currency },
      reference,
      unknownSince: null,
      nextActionUrl: null,
      call: null,
    })),
    recordReference: assign((_, { reference }: HeldMoney) => ({ reference })),
    recordLate: assign(({ context }, { reference, amount, currency }: HeldMoney) => ({
      late: [...context.late, { reference, amount, currency }],
    })),
    recordDecline: assign(({ context }, fact: Fact<"psp.declined">) => ({
      reference: fact.reference ?? context.reference,
      failure: { code: fact.code, message: fact.message, declineCode: fact.declineCode, retryable: fact.retryable },
      nextActionUrl: null,
    })),
    recordEnd: assign((_, end: { readonly code: string; readonly message: string }) => ({
      failure: { ...end, declineCode: null, retryable: false },
      timer: null,
      parked: null,
      unknownSince: null,
      nextActionUrl: null,
      call: null,
    })),
    recordParked: assign((_, params: { readonly reason: ParkReason; readonly at: number }) => ({
      parked: { reason: params.reason, since: params.at },
      call: null,
    })),
    unpark: assign({ parked: null }),
    recordResolution: assign(({ context }, decision: Resolution) => ({
      reference: context.held?.reference ?? decision.reference,
      captured: decision.amount,
      held: null,
      parked: null,
      failure: null,
      unknownSince: null,
      call: null,
    })),
  },
});
