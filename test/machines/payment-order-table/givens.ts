/** The rows of the table: every state, and what an order may remember in it, each reached by real events. */
import {
  later,
  answer,
  earlierOperation,
  type Happening,
  Life,
  order,
  TERMS,
  timerFires,
  webhook,
} from "../payment-order-under-test.ts";

const SETTLE_MS = TERMS.settleTimeMs;
const times = (count: number, ...happenings: readonly Happening[]): readonly Happening[] =>
  Array.from({ length: count }, () => happenings).flat();

const started = [order.started()];
const softlyDeclined = [answer.declined({ retryable: true }), timerFires()];
/** Four of five sends are used up; the fifth is out. */
const lastSend = [...started, ...times(4, answer.unsent(), timerFires())];
const unknown = [...started, answer.unknown()];
const askedAfterSettleTime = [
  ...unknown,
  answer.unknown(),
  order.asked(),
  later(SETTLE_MS, answer.unknown()),
  timerFires(),
];
const pending = [...started, answer.pending()];
const pendingTooLong = [...pending, ...times(6, timerFires(), answer.pending())];
const inquiriesSpent = [...unknown, ...times(7, answer.unknown(), timerFires()), answer.unknown()];
const heldLess = [...started, answer.captured({ amount: "9000" })];
/** The second charge is out when the first one turns out to have been paid. */
const overtaken = [...started, ...softlyDeclined, earlierOperation.captured()];
const secondCaptured = webhook.captured({ reference: "ch_2" });

const lived = (...happenings: readonly Happening[]): Life => {
  const life = new Life();
  life.take(...happenings);
  return life;
};
/** At a PSP whose "not found" proves nothing any more: it has forgotten the key. */
const livedBeyondKey = (...happenings: readonly Happening[]): Life => {
  const life = new Life({ keyLifetimeMs: 1_000 });
  life.take(...happenings);
  return life;
};

export const GIVENS = {
  "NOT_STARTED: just written": () => new Life(),
  "NOT_STARTED: waits for the buyer": () => lived(order.awaited()),
  "NOT_STARTED: waits, with ch_2 in suspense": () => lived(order.awaited(), secondCaptured),

  "sending: the first send": () => lived(...started),
  "sending: the last send": () => lived(...lastSend),
  "sending: operation 2, after a soft decline": () => lived(...started, ...softlyDeclined),
  "sending: operation 2, with ch_1 of operation 1 in suspense": () => lived(...overtaken),

  "pending: waits for the poll": () => lived(...pending),
  "pending: the PSP is being asked": () => lived(...pending, timerFires()),
  "pending: asked the last time": () => lived(...pending, ...times(5, timerFires(), answer.pending()), timerFires()),
  "pending: canceled before": () => lived(...unknown, order.canceled(), answer.pending()),
  "pending: with ch_1 held, after an operator's retry": () => lived(...heldLess, order.retried(), answer.pending()),

  "resolving: asked before the settle time": () => lived(...unknown),
  "resolving: waits to ask again": () => lived(...unknown, answer.unknown()),
  "resolving: asked after the settle time": () => lived(...askedAfterSettleTime),
  "resolving: asked after the settle time, canceled": () => lived(...askedAfterSettleTime, order.canceled()),
  "resolving: asked after the settle time, sends spent": () =>
    lived(
      ...lastSend,
      answer.unknown(),
      answer.unknown(),
      later(SETTLE_MS, timerFires()),
      answer.unknown(),
      timerFires(),
    ),
  "resolving: asked the last time, the PSP forgot the key": () =>
    livedBeyondKey(...unknown, ...times(7, answer.unknown(), timerFires())),
  "resolving: operation 2, asked after the settle time, with ch_1 of operation 1 in suspense": () =>
    lived(...overtaken, answer.unknown(), answer.unknown(), later(SETTLE_MS, timerFires())),
  "resolving: with ch_1 held, after an operator's retry": () => lived(...heldLess, order.retried()),

  "retrying: surely unsent": () => lived(...started, answer.unsent()),
  "retrying: softly declined": () => lived(...started, answer.declined({ retryable: true })),

  "authorized: for the whole amount": () => lived(...started, answer.captured({ captured: false })),

  "parked: retries spent": () => lived(...lastSend, answer.unsent()),
  "parked: retries spent by soft declines": () =>
    lived(...started, ...times(4, ...softlyDeclined), answer.declined({ retryable: true })),
  "parked: operation 2 was not charged, with ch_1 of operation 1 in suspense": () =>
    lived(...overtaken, answer.unsent()),
  "parked: inquiries spent": () => lived(...inquiriesSpent),
  "parked: inquiries spent, being asked on read": () => lived(...inquiriesSpent, order.asked()),
  "parked: pending too long": () => lived(...pendingTooLong),
  "parked: pending too long, being asked on read": () => lived(...pendingTooLong, order.asked()),
  "parked: amount differs": () => lived(...heldLess),
  "parked: amount differs, being asked on read": () => lived(...heldLess, order.asked()),
  "parked: amount differs, with ch_2 in suspense": () => lived(...heldLess, secondCaptured),
  "parked: currency differs": () => lived(...started, answer.captured({ currency: "EUR" })),
  "parked: reference conflict": () => lived(...started, order.conflicted()),
  "parked: the charge is in suspense": () => lived(...overtaken, answer.captured()),

  "SUCCESS: captured": () => lived(...started, answer.captured()),
  "SUCCESS: with ch_2 in suspense": () => lived(...started, answer.captured(), secondCaptured),

  "FAILED: declined": () => lived(...started, answer.declined()),
  "FAILED: canceled": () => lived(...started, answer.unsent(), order.canceled()),
  "FAILED: with ch_1 in suspense": () => lived(...started, answer.declined(), webhook.captured()),
} as const satisfies Record<string, () => Life>;

export type GivenName = keyof typeof GIVENS;
