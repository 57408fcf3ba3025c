/**
 * What each payment method token makes the simulator do, as data. Stripe's names where Stripe has one, also in
 * its longer form (`pm_card_visa_chargeDeclined…`).
 */
import type { EffectStatus } from "./charge.ts";
import type { DeclineCode } from "./decline-codes.ts";

/** How an answer fails to arrive: no answer, a reset connection, a server error, too many calls, nonsense. */
export type AnswerLoss = "hold" | "reset" | "status_500" | "status_503" | "status_429" | "garbage";

export interface Settlement {
  readonly afterMs: number;
  readonly status: EffectStatus;
  readonly declineCode: DeclineCode | null;
  readonly notify: boolean;
}

export interface Behaviour {
  readonly status: EffectStatus;
  readonly declineCode: DeclineCode | null;
  readonly redirects: boolean;
  /** The first calls under a key fail in this way and leave no effect. */
  readonly refusal: { readonly times: number; readonly loss: AnswerLoss } | null;
  /** The charge is made, but the first answer gets lost. */
  readonly loss: AnswerLoss | null;
  /** What becomes of it later. */
  readonly settlement: Settlement | null;
  /**
   * The notice about the first status: `echo` repeats what the answer said (quiet mode leaves it out),
   * `before_answer` and `five_copies` are the token's whole point, `none` keeps an inquiry the only way to learn.
   */
  readonly notice: "echo" | "before_answer" | "five_copies" | "none";
  /** The answer says pending although it succeeded; the notices come as success, then pending. */
  readonly reordersNotices: boolean;
  readonly forgesDecline: boolean;
  readonly distortion: "amount" | "currency" | null;
  readonly hiddenFromInquiryMs: number;
}

const PLAIN: Behaviour = {
  status: "succeeded",
  declineCode: null,
  redirects: false,
  refusal: null,
  loss: null,
  settlement: null,
  notice: "echo",
  reordersNotices: false,
  forgesDecline: false,
  distortion: null,
  hiddenFromInquiryMs: 0,
};

const succeeds = (changes: Partial<Behaviour> = {}): Behaviour => ({ ...PLAIN, ...changes });
const declines = (declineCode: DeclineCode, changes: Partial<Behaviour> = {}): Behaviour =>
  succeeds({ status: "declined", declineCode, ...changes });
const pends = (changes: Partial<Behaviour>): Behaviour => succeeds({ status: "pending", notice: "none", ...changes });
/** No notice: with one, the inquiry that these tokens are for would never be needed. */
const losesAnswer = (loss: AnswerLoss, changes: Partial<Behaviour> = {}): Behaviour =>
  succeeds({ loss, notice: "none", ...changes });
const refusesFirst = (times: number, loss: AnswerLoss): Behaviour => succeeds({ refusal: { times, loss } });

const BEHAVIOURS: ReadonlyMap<string, Behaviour> = new Map(
  Object.entries({
    pm_card_visa: succeeds(),
    pm_card_mastercard: succeeds(),
    pm_card_amex: succeeds(),
    pm_card_createDispute: succeeds(),
    pm_card_pendingRefund: succeeds(),
    pm_card_refundFail: succeeds(),
    pm_card_chargeDeclined: declines("generic_decline"),
    pm_card_chargeDeclinedInsufficientFunds: declines("insufficient_funds"),
    pm_card_chargeDeclinedExpiredCard: declines("expired_card"),
    pm_card_chargeDeclinedLostCard: declines("lost_card"),
    pm_card_chargeDeclinedProcessingError: declines("processing_error"),
    pm_card_chargeDeclinedVelocityLimitExceeded: declines("card_velocity_exceeded"),
    pm_card_threeDSecure2Required: pends({ redirects: true }),
    sim_pending_success: pends({
      settlement: { afterMs: 1_000, status: "succeeded", declineCode: null, notify: true },
    }),
    sim_pending_decline: pends({
      settlement: { afterMs: 1_000, status: "declined", declineCode: "generic_decline", notify: true },
    }),
    sim_pending_forever: pends({}),
    sim_pending_no_webhook: pends({
      settlement: { afterMs: 1_000, status: "succeeded", declineCode: null, notify: false },
    }),
    sim_timeout_charged: losesAnswer("hold"),
    sim_timeout_not_charged: refusesFirst(1, "hold"),
    sim_reset_charged: losesAnswer("reset"),
    sim_500_charged: losesAnswer("status_500"),
    sim_garbage: losesAnswer("garbage"),
    sim_500_twice: refusesFirst(2, "status_500"),
    sim_429_twice: refusesFirst(2, "status_429"),
    sim_webhook_first: succeeds({ notice: "before_answer" }),
    sim_webhook_dup: succeeds({ notice: "five_copies" }),
    sim_webhook_reorder: succeeds({ notice: "none", reordersNotices: true }),
    sim_webhook_forged: succeeds({ forgesDecline: true }),
    sim_wrong_amount: succeeds({ distortion: "amount" }),
    sim_wrong_currency: succeeds({ distortion: "currency" }),
    sim_inquiry_late: losesAnswer("hold", { hiddenFromInquiryMs: 3_000 }),
    sim_late_success: declines("generic_decline", {
      settlement: { afterMs: 2_000, status: "succeeded", declineCode: null, notify: true },
    }),
    sim_unavailable: refusesFirst(Number.POSITIVE_INFINITY, "status_503"),
  }),
);

export const TOKENS: readonly string[] = [...BEHAVIOURS.keys()];

/** What a token does; undefined when there is no such payment method. */
export function findBehaviour(token: string): Behaviour | undefined {
  return BEHAVIOURS.get(token.replace(/^pm_card_visa_chargeDeclined/, "pm_card_chargeDeclined"));
}
