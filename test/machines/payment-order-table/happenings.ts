/**
 * The columns of the table: everything that can happen to a payment order, by short names. `ch_1` is the charge
 * that the order is about, `ch_2` another one, `ch_declined` one that the PSP declined. An "answer" belongs to the
 * newest call; when that one is no longer open, it is an answer that comes too late.
 */
import { answer, earlierAnswer, earlierOperation, order, timer, webhook } from "../payment-order-under-test.ts";

export const HAPPENINGS = {
  "answer: captured": answer.captured(),
  "answer: captured, as charge ch_2": answer.captured({ reference: "ch_2" }),
  "answer: captured, less": answer.captured({ amount: "9000" }),
  "answer: captured, other currency": answer.captured({ currency: "EUR" }),
  "answer: authorized": answer.captured({ captured: false }),
  "earlier answer: captured": earlierAnswer.captured(),
  "webhook: captured": webhook.captured(),
  "webhook: captured, as charge ch_2": webhook.captured({ reference: "ch_2" }),
  "webhook: captured, less": webhook.captured({ amount: "9000" }),
  "webhook: captured, more": webhook.captured({ amount: "12000" }),
  "webhook: captured, other currency": webhook.captured({ currency: "EUR" }),
  "webhook: authorized": webhook.captured({ captured: false }),
  "webhook: authorized, as charge ch_2": webhook.captured({ captured: false, reference: "ch_2" }),
  "webhook of an earlier operation: captured": earlierOperation.captured(),

  "answer: pending": answer.pending(),
  "webhook: pending": webhook.pending(),
  "webhook: pending, with a page for the buyer": webhook.pending({ nextActionUrl: "https://psp.example/3ds" }),
  "webhook of an earlier operation: pending": earlierOperation.pending(),

  "answer: declined": answer.declined(),
  "answer: declined softly": answer.declined({ retryable: true }),
  "webhook: declined": webhook.declined(),
  "webhook: declined softly": webhook.declined({ retryable: true }),
  "webhook of an earlier operation: declined": earlierOperation.declined(),
  "webhook of an earlier operation: declined softly": earlierOperation.declined({ retryable: true }),

  "answer: unsent": answer.unsent(),
  "answer: held back by ourselves": answer.unsent({ heldBack: true }),
  "answer: unsent, come back in 20 s": answer.unsent({ retryAfterMs: 20_000 }),
  "earlier answer: unsent": earlierAnswer.unsent(),
  "answer: unknown": answer.unknown(),
  "earlier answer: unknown": earlierAnswer.unknown(),
  "webhook: unknown": webhook.unknown(),
  "answer: not found": answer.notFound(),
  "earlier answer: not found": earlierAnswer.notFound(),

  "order.started": order.started(),
  "order.awaited": order.awaited(),
  "order.cancel": order.canceled(),
  "order.retry": order.retried(),
  "order.ask": order.asked(),
  "order.resolve as succeeded": order.resolved(),
  "order.resolve as succeeded with less": order.resolved({ amount: "9000" }),
  "order.resolve as succeeded with more": order.resolved({ amount: "12000" }),
  "order.resolve as succeeded with nothing": order.resolved({ amount: "0" }),
  "order.resolve as succeeded, no reference": order.resolved({ reference: null }),
  "order.resolve as succeeded by charge ch_2": order.resolved({ reference: "ch_2" }),
  "order.resolve as failed": order.resolved({ outcome: "failed", reference: null }),
  "order.adopted": order.adopted(),
  "order.conflicted": order.conflicted(),
  "order.conflicted about charge ch_2": order.conflicted({ reference: "ch_2" }),

  "timer.fired: retry": timer("retry"),
  "timer.fired: poll": timer("poll"),
  "timer.fired: inquiry": timer("inquiry"),
  "timer.fired: expiry": timer("expiry"),
} as const;

export type HappeningName = keyof typeof HAPPENINGS;
