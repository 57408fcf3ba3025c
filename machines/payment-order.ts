/**
 * The payment order: one amount to one seller, from the checkout to the books.
 *
 * - The intent is committed before the PSP is called; an unknown outcome is asked about and never resent blind.
 * - A new operation number only after a proven decline; a resend only when the last send surely did not arrive.
 * - The clock alone never fails an order that the PSP may hold money for: it parks it.
 * - The first success whose money equals the order settles it; every further one is late and goes to suspense,
 *   in any state. That is why no state is `final`: SUCCESS and FAILED still take facts.
 * - Nothing is charged while other money of the order is known, be it late or held: a person decides.
 * - Pure: time and jitter arrive in the event; effects leave as data; deadlines are rows, not `after`.
 */
import {
  askPsp,
  askPspOnRead,
  bookExcess,
  bookLateSuccess,
  CANCELED,
  chargeOf,
  EXPIRED,
  itself,
  moneyOf,
  parkFor,
  parkForReview,
  RESOLVED_AS_FAILED,
  stampOf,
} from "./payment-order-actions.ts";
import { newPaymentOrderContext } from "./payment-order-context.ts";
import { paymentOrderSetup } from "./payment-order-setup.ts";

export const PAYMENT_ORDER_MACHINE = { id: "paymentOrder", version: 1 } as const;

export const paymentOrderMachine = paymentOrderSetup.createMachine({
  id: PAYMENT_ORDER_MACHINE.id,
  context: ({ input }) => newPaymentOrderContext(input),
  initial: "NOT_STARTED",
  states: {
    NOT_STARTED: {
      description: "The order is written down; the PSP has not heard of it.",
      tags: ["waiting", "needsBuyer"],
      on: {
        "order.awaited": { actions: { type: "awaitBuyer", params: itself } },
        "order.started": [
          { guard: "hasLate", target: "EXECUTING.parked", actions: ["leaveBuyer", parkFor("charged_before")] },
          { target: "EXECUTING" },
        ],
        "order.cancel": { target: "FAILED", actions: { type: "recordEnd", params: CANCELED } },
        "timer.fired": {
          guard: { type: "isTimer", params: itself },
          target: "FAILED",
          actions: { type: "recordEnd", params: EXPIRED },
        },
        "psp.succeeded": { guard: { type: "isUnexpectedSuccess", params: itself }, actions: bookLateSuccess },
      },
    },
    EXECUTING: {
      description: "The payment is under way.",
      initial: "sending",
      on: {
        "psp.succeeded": [
          // What is in suspense can't settle the order too; only an answer to our own question needs a person.
          { guard: { type: "isBookedLateAnswer", params: itself }, target: ".parked", actions: parkForReview },
          { guard: { type: "isBookedLate", params: itself } },
          { guard: { type: "isOvertaken", params: itself }, actions: bookLateSuccess },
          // Money that waits for review must not be forgotten over other money.
          {
            guard: { type: "isCapturedElsewhere", params: itself },
            target: ".parked",
            actions: [...bookLateSuccess, parkForReview],
          },
          { guard: { type: "isHeldElsewhere", params: itself }, target: ".parked", actions: parkForReview },
          {
            guard: { type: "isOtherCurrency", params: itself },
            target: ".parked",
            actions: [{ type: "recordHeld", params: itself }, parkFor("currency_mismatch")],
          },
          {
            guard: { type: "isOtherAmount", params: itself },
            target: ".parked",
            actions: [{ type: "recordHeld", params: itself }, parkFor("amount_mismatch")],
          },
          {
            guard: { type: "isCaptured", params: itself },
            target: "SUCCESS",
            actions: [
              { type: "recordSuccess", params: itself },
              { type: "post", params: ({ event }) => ({ rule: "pay_in", ...moneyOf(event) }) },
            ],
          },
          { guard: { type: "isHeldUncaptured", params: itself }, target: ".parked", actions: parkForReview },
          { target: ".authorized", actions: { type: "recordSuccess", params: itself } },
        ],
        "psp.declined": [
          { guard: { type: "isStaleOperation", params: itself } },
          { guard: "isHeld", target: ".parked", actions: parkForReview },
          {
            guard: { type: "isSoftDeclineAfterCancel", params: itself },
            target: "FAILED",
            actions: { type: "recordEnd", params: CANCELED },
          },
          {
            guard: { type: "isSoftDeclineAfterLate", params: itself },
            target: ".parked",
            actions: [{ type: "recordDecline", params: itself }, "beginOperation", parkFor("charged_before")],
          },
          {
            guard: { type: "isSoftDeclineWithBudget", params: itself },
            target: ".retrying",
            actions: [{ type: "recordDecline", params: itself }, "beginOperation"],
          },
          {
            guard: { type: "isSoftDecline", params: itself },
            target: ".parked",
            actions: [{ type: "recordDecline", params: itself }, "beginOperation", parkFor("retries_spent")],
          },
          { target: "FAILED", actions: [{ type: "recordDecline", params: itself }, "clearDoubt"] },
        ],
        "psp.pending": {
          guard: { type: "isCurrentOperation", params: itself },
          target: ".pending",
          actions: [{ type: "recordPending", params: itself }, "resetAsks"],
        },
        "order.conflicted": [
          { guard: "isHeld", target: ".parked", actions: parkForReview },
          // The money is in another order's book: this one holds none, and an operator may end it.
          {
            target: ".parked",
            actions: [{ type: "recordReference", params: itself }, parkFor("booked_elsewhere")],
          },
        ],
      },
      states: {
        sending: {
          description: "The intent is committed and the PSP call is out.",
          tags: ["inFlight"],
          entry: [
            { type: "beginSend", params: ({ event }) => stampOf(event) },
            { type: "charge", params: chargeOf },
          ],
          on: {
            "psp.unsent": [
              {
                guard: { type: "isUnsentAfterLate", params: itself },
                target: "parked",
                actions: ["clearDoubt", parkFor("charged_before")],
              },
              {
                guard: { type: "isHeldBack", params: itself },
                target: "retrying",
                actions: ["clearDoubt", "returnBudget"],
              },
              {
                guard: { type: "isAnswerWithSendBudget", params: itself },
                target: "retrying",
                actions: "clearDoubt",
              },
              {
                guard: { type: "isCurrentCall", params: itself },
                target: "parked",
                actions: ["clearDoubt", parkFor("retries_spent")],
              },
            ],
            "psp.unknown": {
              guard: { type: "isCurrentCall", params: itself },
              target: "resolving",
              actions: [{ type: "doubt", params: itself }, "resetAsks"],
            },
            "order.adopted": { target: "resolving", actions: [{ type: "doubt", params: itself }, "resetAsks"] },
          },
        },
        pending: {
          description: "The PSP has it; a webhook, a poll or the buyer will move it.",
          tags: ["waiting"],
          entry: [
            { type: "awaitPoll", params: ({ event }) => stampOf(event) },
            { type: "announce", params: { type: "payment_order.pending" } },
          ],
          exit: "clearTimer",
          on: {
            "timer.fired": { guard: { type: "isTimer", params: itself }, actions: askPsp },
            "order.ask": { guard: "isIdle", actions: askPspOnRead },
            "order.adopted": { guard: "isCallLost", actions: { type: "awaitPoll", params: itself } },
            "psp.pending": [
              {
                guard: { type: "isAnswerWithPollBudget", params: itself },
                actions: [
                  { type: "recordPending", params: itself },
                  { type: "awaitPoll", params: itself },
                ],
              },
              {
                guard: { type: "isCurrentCall", params: itself },
                target: "parked",
                actions: [{ type: "recordPending", params: itself }, parkFor("pending_too_long")],
              },
              {
                guard: { type: "isPendingNews", params: itself },
                actions: { type: "recordPendingNews", params: itself },
              },
              {},
            ],
            "psp.unknown": [
              {
                guard: { type: "isAnswerWithPollBudget", params: itself },
                actions: { type: "awaitPoll", params: itself },
              },
              {
                guard: { type: "isCurrentCall", params: itself },
                target: "parked",
                actions: parkFor("pending_too_long"),
              },
            ],
            "psp.not_found": [
              {
                guard: { type: "isAnswerWithPollBudget", params: itself },
                actions: { type: "awaitPoll", params: itself },
              },
              {
                guard: { type: "isCurrentCall", params: itself },
                target: "parked",
                actions: parkFor("pending_too_long"),
              },
            ],
          },
        },
        resolving: {
          description: "An outcome is unknown; the PSP is being asked.",
          tags: ["inFlight"],
          entry: askPsp,
          exit: "clearTimer",
          on: {
            "timer.fired": { guard: { type: "isTimer", params: itself }, actions: askPsp },
            "order.ask": { guard: "isIdle", actions: askPspOnRead },
            "order.adopted": { guard: "isCallLost", actions: askPsp },
            "order.cancel": { actions: "requestCancel" },
            "psp.unknown": [
              {
                guard: { type: "isAnswerWithInquiryBudget", params: itself },
                actions: { type: "awaitInquiry", params: itself },
              },
              {
                guard: { type: "isCurrentCall", params: itself },
                target: "parked",
                actions: parkFor("inquiries_spent"),
              },
            ],
            "psp.not_found": [
              {
                guard: { type: "isSurelyAbsentAndCanceled", params: itself },
                target: "#paymentOrder.FAILED",
                actions: { type: "recordEnd", params: CANCELED },
              },
              {
                guard: { type: "isSurelyAbsentAfterLate", params: itself },
                target: "parked",
                actions: ["clearDoubt", parkFor("charged_before")],
              },
              {
                guard: { type: "isSurelyAbsentWithBudget", params: itself },
                target: "sending",
                actions: "clearDoubt",
              },
              {
                guard: { type: "isSurelyAbsent", params: itself },
                target: "parked",
                actions: ["clearDoubt", parkFor("retries_spent")],
              },
              {
                guard: { type: "isAnswerWithInquiryBudget", params: itself },
                actions: { type: "awaitInquiry", params: itself },
              },
              {
                guard: { type: "isCurrentCall", params: itself },
                target: "parked",
                actions: parkFor("inquiries_spent"),
              },
            ],
          },
        },
        retrying: {
          description: "Surely unsent, or softly declined; waits until the next send is due.",
          tags: ["waiting"],
          entry: {
            type: "awaitRetry",
            params: ({ event }) => ({
              ...stampOf(event),
              retryAfterMs: event.type === "psp.unsent" ? event.retryAfterMs : null,
            }),
          },
          exit: "clearTimer",
          on: {
            "timer.fired": { guard: { type: "isTimer", params: itself }, target: "sending" },
            "order.cancel": {
              target: "#paymentOrder.FAILED",
              actions: { type: "recordEnd", params: CANCELED },
            },
          },
        },
        authorized: {
          description: "The money is held for us; waits for capture, cancel or expiry.",
          tags: ["waiting"],
          entry: { type: "announce", params: { type: "payment_order.authorized" } },
          on: {
            "psp.succeeded": { guard: { type: "isRepeatedAuthorization", params: itself } },
            "psp.pending": {},
          },
        },
        parked: {
          description: "Retries are spent or facts disagree; an operator decides.",
          tags: ["needsReview"],
          entry: { type: "announce", params: { type: "payment_order.parked" } },
          exit: "unpark",
          on: {
            "order.ask": { guard: "isIdle", actions: askPspOnRead },
            "order.adopted": { guard: "isCallLost", actions: "endCall" },
            "order.retry": [
              {
                guard: "isAskNeededBeforeRetry",
                target: "resolving",
                actions: ["resetBudget", { type: "doubt", params: itself }],
              },
              { guard: "hasNoLate", target: "sending", actions: "resetBudget" },
            ],
            "order.resolve": [
              {
                guard: { type: "isBookable", params: itself },
                target: "#paymentOrder.SUCCESS",
                actions: [
                  { type: "recordResolution", params: itself },
                  {
                    type: "post",
                    params: ({ context, event }) => ({
                      rule: "pay_in",
                      reference: context.reference ?? "",
                      amount: event.amount,
                      currency: context.currency,
                    }),
                  },
                ],
              },
              {
                guard: { type: "isFailable", params: itself },
                target: "#paymentOrder.FAILED",
                actions: { type: "recordEnd", params: RESOLVED_AS_FAILED },
              },
            ],
            "psp.succeeded": [
              {
                guard: { type: "isCapturedElsewhere", params: itself },
                actions: [...bookLateSuccess, { type: "endAnsweredCall", params: itself }],
              },
              { guard: { type: "isAnswerWithoutNews", params: itself }, actions: "endCall" },
              { guard: { type: "isNoNews", params: itself } },
            ],
            "psp.declined": [
              { guard: { type: "isHeldAnswer", params: itself }, actions: "endCall" },
              { guard: "isHeld" },
            ],
            "order.conflicted": [{ guard: "isHeldWithCall", actions: "endCall" }, { guard: "isHeld" }],
            "psp.pending": [
              { guard: { type: "isPendingAnswerToParked", params: itself }, actions: "endCall" },
              { guard: "isPendingKnown" },
            ],
            "psp.unknown": { guard: { type: "isCurrentCall", params: itself }, actions: "endCall" },
            "psp.not_found": [
              {
                guard: { type: "isSurelyAbsentAndCanceled", params: itself },
                target: "#paymentOrder.FAILED",
                actions: { type: "recordEnd", params: CANCELED },
              },
              { guard: { type: "isSurelyAbsent", params: itself }, actions: "clearDoubt" },
              { guard: { type: "isCurrentCall", params: itself }, actions: "endCall" },
            ],
          },
        },
      },
    },
    SUCCESS: {
      description: "The money is captured and booked.",
      tags: ["terminal"],
      entry: { type: "announce", params: { type: "payment_order.succeeded" } },
      on: {
        "psp.succeeded": [
          { guard: { type: "isSecondSuccess", params: itself }, actions: bookLateSuccess },
          { guard: { type: "isMoreThanBooked", params: itself }, actions: bookExcess },
        ],
      },
    },
    FAILED: {
      description: "Surely nothing was charged; a success that shows up later is booked to suspense.",
      tags: ["terminal"],
      entry: { type: "announce", params: { type: "payment_order.failed" } },
      on: {
        "psp.succeeded": { guard: { type: "isUnexpectedSuccess", params: itself }, actions: bookLateSuccess },
      },
    },
  },
});

export type PaymentOrderMachine = typeof paymentOrderMachine;
