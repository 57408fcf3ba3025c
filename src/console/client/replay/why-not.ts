/** Why an event would change nothing now: which of the machine's own questions (guards) says no, in words. */
import type { PaymentOrderEvent } from "../../../../machines/payment-order-types.ts";
import { nameOf, type OrderSnapshot } from "./replay.ts";

/** What is not so when the guard says no. `test/console/why-not.test.ts` holds this to the machine's guards. */
export const GUARD_SAYS_NO: Readonly<Record<string, string>> = {
  isCurrentCall: "no call is out that this could answer",
  isCurrentOperation: "it belongs to an earlier charge",
  isStaleOperation: "it belongs to the charge of now",
  isOtherCurrency: "the currency is the order’s own",
  isOtherAmount: "the amount is the order’s own",
  isHeld: "the PSP holds no unexplained money",
  isHeldAnswer: "the PSP holds no unexplained money",
  isHeldWithCall: "no call is out while money is held",
  isHeldElsewhere: "no other money is held",
  isCapturedElsewhere: "no other money is held",
  isOvertaken: "no newer charge is under way",
  isBookedLate: "that money is not in suspense",
  isBookedLateAnswer: "that money is not in suspense",
  isNoNews: "it would be news",
  isAnswerWithoutNews: "it would be news",
  isSecondSuccess: "that success is already booked",
  isMoreThanBooked: "the charge took no more than is booked",
  isUnexpectedSuccess: "nothing was captured that is not booked already",
  isHeldUncaptured: "no money is held, or it is captured",
  hasLate: "no money of the order is in suspense",
  hasNoLate: "money of the order is in suspense: it must not be charged again",
  isUnsentAfterLate: "no money of the order is in suspense",
  isSoftDeclineAfterLate: "no money of the order is in suspense",
  isSurelyAbsentAfterLate: "no money of the order is in suspense",
  isCaptured: "nothing was captured",
  isSoftDeclineAfterCancel: "nobody asked to cancel",
  isSoftDeclineWithBudget: "every allowed send is used up, or the decline is final",
  isSoftDecline: "the decline is final",
  isSurelyAbsentAndCanceled: "absence is not proven yet, or nobody asked to cancel",
  isSurelyAbsentWithBudget: "absence is not proven before the PSP’s settle time, or the sends are used up",
  isSurelyAbsent: "absence is not proven before the PSP’s settle time",
  isAskNeededBeforeRetry: "nothing is in doubt, so nothing has to be asked first",
  isIdle: "a call is out already",
  isCallLost: "no call was lost",
  isPendingKnown: "pending would be news",
  isPendingAnswerToParked: "it answers no call that is out",
  isPendingNews: "it tells nothing new",
  isRepeatedAuthorization: "it repeats no authorization",
  isAnswerWithInquiryBudget: "no inquiry is out, or all are used up",
  isAnswerWithPollBudget: "no poll is out, or all are used up",
  isHeldBack: "the call was not held back",
  isAnswerWithSendBudget: "no send is out, or all are used up",
  isBookable: "it needs the PSP’s reference and at most the order’s amount, or exactly the money that is held",
  isFailable: "the PSP holds money for it",
  isTimer: "no deadline is set",
};

export function whyNot(snapshot: OrderSnapshot, event: PaymentOrderEvent): string {
  const candidates = activeTransitions(snapshot, event.type);
  if (candidates.length === 0) return `${nameOf(snapshot)} does not listen to it`;
  const guards = candidates.flatMap((guard) => (guard === null ? [] : [guard]));
  // An arrow without a guard that leads nowhere: the fact is known and left at that.
  if (guards.length < candidates.length) return "it is noted and changes nothing";
  const reasons = new Set(guards.map((guard) => GUARD_SAYS_NO[guard] ?? guard));
  return [...reasons].join("; ");
}

/** Names of the guards of all arrows that the active states have for an event; null for one without. */
function activeTransitions(snapshot: OrderSnapshot, type: PaymentOrderEvent["type"]): readonly (string | null)[] {
  return snapshot._nodes.flatMap((node) => (node.transitions.get(type) ?? []).map(({ guard }) => guardName(guard)));
}

function guardName(guard: unknown): string | null {
  if (typeof guard === "string") return guard;
  if (typeof guard !== "object" || guard === null) return null;
  const type: unknown = Reflect.get(guard, "type");
  return typeof type === "string" ? type : null;
}
