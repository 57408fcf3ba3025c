/**
 * A payment order's machine in the hands of a test: events as people say them, and what came of each. Time
 * passes only through the events. An event may be told relative to the order (`answer` belongs to its newest call).
 */
import { initialTransition, transition } from "xstate";
import { paymentOrderMachine } from "../../machines/payment-order.ts";
import { toEffect } from "../../machines/payment-order-effects.ts";
import type {
  HeldMoney,
  Origin,
  PaymentOrderContext,
  PaymentOrderEffect,
  PaymentOrderEvent,
  PaymentOrderInput,
  PspFact,
  Stamp,
  TimerName,
} from "../../machines/payment-order-types.ts";
import { formatAmount } from "../../src/core/money.ts";
import { createPureTransition } from "../../src/engine/pure-transition.ts";
import {
  type PaymentOrderSnapshot,
  restoreSnapshot,
  toStoredSnapshot,
} from "../../src/payments/payment-order-snapshot.ts";

export type Snapshot = PaymentOrderSnapshot;

/** 100.00 USD at a PSP whose "not found" is final after 3 s and which remembers a key for a day. */
export const TERMS: PaymentOrderInput = {
  amount: "10000",
  platformFee: "300",
  currency: "USD",
  psp: "simulator",
  policy: "swift",
  settleTimeMs: 3_000,
  keyLifetimeMs: 86_400_000,
};

export const START_MS = 1_800_000_000_000;
/** Between two events, where the event does not say otherwise. */
const STEP_MS = 100;

/** What an event can refer to: the order as it is, and the time of the event. */
export interface Moment extends Stamp {
  readonly context: PaymentOrderContext;
}
export type Happening = (moment: Moment) => PaymentOrderEvent;

const stampOf = ({ at, jitter }: Moment): Stamp => ({ at, jitter });

/** Whose fact it is. */
type From = (context: PaymentOrderContext) => Origin;
const fromNewestCall: From = ({ attempt, operation, call }) => ({
  source: call?.kind === "inquiry" ? "inquiry" : "answer",
  operation,
  attempt,
});
const fromEarlierCall: From = ({ attempt, operation }) => ({ source: "answer", operation, attempt: attempt - 1 });
const fromWebhook: From = ({ operation }) => ({ source: "webhook", operation, attempt: null });
const fromWebhookOfEarlierOperation: From = ({ operation }) => ({
  source: "webhook",
  operation: operation - 1,
  attempt: null,
});

type Over<T extends PspFact["type"]> = Partial<Omit<Extract<PspFact, { type: T }>, "type">>;

function factsFrom(from: From) {
  return {
    captured:
      (over: Over<"psp.succeeded"> = {}): Happening =>
      (moment) => ({
        type: "psp.succeeded",
        captured: true,
        reference: "ch_1",
        amount: moment.context.amount,
        currency: moment.context.currency,
        ...from(moment.context),
        ...stampOf(moment),
        ...over,
      }),
    pending:
      (over: Over<"psp.pending"> = {}): Happening =>
      (moment) => ({
        type: "psp.pending",
        reference: "ch_1",
        nextActionUrl: null,
        ...from(moment.context),
        ...stampOf(moment),
        ...over,
      }),
    declined:
      (over: Over<"psp.declined"> = {}): Happening =>
      (moment) => ({
        type: "psp.declined",
        reference: "ch_declined",
        code: "card_declined",
        message: "The card was declined.",
        declineCode: over.retryable === true ? "try_again_later" : "stolen_card",
        retryable: false,
        ...from(moment.context),
        ...stampOf(moment),
        ...over,
      }),
    unsent:
      (over: Over<"psp.unsent"> = {}): Happening =>
      (moment) => ({
        type: "psp.unsent",
        reason: "connection refused",
        retryAfterMs: null,
        heldBack: false,
        ...from(moment.context),
        ...stampOf(moment),
        ...over,
      }),
    unknown: (): Happening => (moment) => ({
      type: "psp.unknown",
      reason: "timeout",
      ...from(moment.context),
      ...stampOf(moment),
    }),
    notFound: (): Happening => (moment) => ({ type: "psp.not_found", ...from(moment.context), ...stampOf(moment) }),
  };
}

/** What the newest call brought back, be it still open or overtaken by a webhook. */
export const answer = factsFrom(fromNewestCall);
/** What a call before the newest one brought back, late. */
export const earlierAnswer = factsFrom(fromEarlierCall);
export const webhook = factsFrom(fromWebhook);
export const earlierOperation = factsFrom(fromWebhookOfEarlierOperation);

const command =
  (type: "order.started" | "order.cancel" | "order.retry" | "order.ask" | "order.adopted"): (() => Happening) =>
  () =>
  (moment) => ({ type, ...stampOf(moment) });

export const order = {
  started: command("order.started"),
  canceled: command("order.cancel"),
  retried: command("order.retry"),
  asked: command("order.ask"),
  adopted: command("order.adopted"),
  awaited: (): Happening => (moment) => ({
    type: "order.awaited",
    expiresInMs: 3_600_000,
    payUrl: "https://pay.example/chk_1",
    ...stampOf(moment),
  }),
  conflicted:
    (over: { readonly reference?: string } = {}): Happening =>
    (moment) => ({
      type: "order.conflicted",
      reference: "ch_1",
      amount: moment.context.amount,
      currency: moment.context.currency,
      ...stampOf(moment),
      ...over,
    }),
  resolved:
    (over: Partial<Omit<Extract<PaymentOrderEvent, { type: "order.resolve" }>, "type">> = {}): Happening =>
    (moment) => ({
      type: "order.resolve",
      outcome: "succeeded",
      amount: moment.context.amount,
      reference: "ch_1",
      reason: "The PSP's dashboard shows it.",
      ...stampOf(moment),
      ...over,
    }),
} as const;

/** The deadline that the order waits for passes; with `later` the timer is late. */
export const timerFires = (): Happening => (moment) => {
  const { timer } = moment.context;
  if (timer === null) throw new Error("the order waits for no timer");
  return { type: "timer.fired", name: timer.name, at: Math.max(timer.dueAt, moment.at), jitter: moment.jitter };
};
/** A timer of that name fires now, whether the order waits for it or not. */
export const timer =
  (name: TimerName): Happening =>
  (moment) => ({ type: "timer.fired", name, ...stampOf(moment) });

/** The same event, that much later. */
export const later =
  (ms: number, happening: Happening): Happening =>
  (moment) =>
    happening({ ...moment, at: moment.at + ms });

export interface Step {
  readonly event: PaymentOrderEvent;
  readonly before: Snapshot;
  readonly next: Snapshot;
  readonly effects: readonly PaymentOrderEffect[];
}

export function nameOf({ value }: Snapshot): string {
  return typeof value === "string" ? value : `EXECUTING.${value.EXECUTING}`;
}

const ownTransition = createPureTransition(paymentOrderMachine);

/** Each step of every test is taken by XState's `transition()` too, which must say the same. */
export function takeStep(before: Snapshot, event: PaymentOrderEvent): Step {
  const [next, actions] = ownTransition(before, event);
  const step = { event, before, next, effects: actions.map(toEffect) };
  const [xstateNext, xstateActions] = transition(paymentOrderMachine, before, event);
  const xstateStep = { event, before, next: xstateNext, effects: xstateActions.map(toEffect) };
  if (showStep(step) !== showStep(xstateStep))
    throw new Error(`XState's transition() gives ${showStep(xstateStep)}, Florin's ${showStep(step)}`);
  return step;
}

const showStep = (step: Step): string =>
  JSON.stringify([toStoredSnapshot(step.next), step.next.status, isIgnored(step), step.effects]);

/** The event changed nothing at all: the engine writes no transition for it. */
export function isIgnored({ before, next, effects }: Step): boolean {
  return next.context === before.context && next.value === before.value && effects.length === 0;
}

export function newSnapshot(terms: Partial<PaymentOrderInput> = {}): Snapshot {
  const [snapshot] = initialTransition(paymentOrderMachine, { ...TERMS, ...terms });
  return snapshot;
}

/** What the database gives back. */
export function storeAndRestore(snapshot: Snapshot): Snapshot {
  const restored = restoreSnapshot(JSON.parse(JSON.stringify(toStoredSnapshot(snapshot))));
  if (restored.kind === "unreadable") throw new Error(restored.reason);
  return restored.snapshot;
}

const showMoney = ({ reference, amount, currency }: HeldMoney): string =>
  `${reference} ${formatAmount(BigInt(amount), currency)} ${currency}`;

export function showEffect(effect: PaymentOrderEffect): string {
  switch (effect.type) {
    case "charge":
      return `${effect.params.isResend ? "resend" : "send"} charge ${effect.params.operation} as attempt ${effect.params.attempt}`;
    case "inquire":
      return `ask about charge ${effect.params.operation} as attempt ${effect.params.attempt}`;
    case "post":
      return `post ${effect.params.rule} ${showMoney(effect.params)}`;
    case "announce":
      return `announce ${effect.params.type.replace(/^payment_order\./, "")}`;
  }
}

/** One value of the order's memory in words; times are told relative to `at`. */
export function showMemory<K extends keyof PaymentOrderContext>(
  key: K,
  context: PaymentOrderContext,
  at: number,
): string {
  const ago = (since: number | null): string =>
    since === null ? "none" : since === at ? "now" : `${at - since} ms ago`;
  switch (key) {
    case "timer":
      return context.timer === null ? "none" : `${context.timer.name} in ${context.timer.dueAt - at} ms`;
    case "call":
      return context.call === null ? "none" : `${context.call.kind} ${context.call.attempt}`;
    case "held":
      return context.held === null ? "none" : showMoney(context.held);
    case "late":
      return context.late.map(showMoney).join(", ") || "none";
    case "parked":
      return context.parked?.reason ?? "none";
    case "captured":
      return formatAmount(BigInt(context.captured), context.currency);
    case "failure":
      return context.failure?.code ?? "none";
    case "keySince":
      return ago(context.keySince);
    case "unknownSince":
      return ago(context.unknownSince);
    default:
      return String(context[key] ?? "none");
  }
}

/** How a story is told: with the order kept in memory, or in ways that must make no difference. */
export const TELLINGS = [
  "kept in memory",
  "restored from its row before every event",
  "hearing everything that a PSP says twice",
] as const;
export type Telling = (typeof TELLINGS)[number];

/** One order's life. */
export class Life {
  readonly steps: Step[] = [];
  readonly #telling: Telling;
  #snapshot: Snapshot;
  #now = START_MS;

  constructor(terms: Partial<PaymentOrderInput> = {}, telling: Telling = "kept in memory") {
    this.#snapshot = newSnapshot(terms);
    this.#telling = telling;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }
  get state(): string {
    return nameOf(this.#snapshot);
  }
  get context(): PaymentOrderContext {
    return this.#snapshot.context;
  }
  get now(): number {
    return this.#now;
  }

  /** What this event would be, now. */
  tell(happening: Happening): PaymentOrderEvent {
    return happening({ context: this.context, at: this.#now + STEP_MS, jitter: 0.5 });
  }

  /** Everything happens in turn; returns the effects of the last event. */
  take(...happenings: readonly Happening[]): readonly string[] {
    let last: Step | null = null;
    for (const happening of happenings) last = this.#takeOne(this.tell(happening));
    return last === null ? [] : last.effects.map(showEffect);
  }

  canTake(happening: Happening): boolean {
    return this.#snapshot.can(this.tell(happening));
  }

  /** All effects so far whose description begins like this. */
  effects(beginning = ""): readonly string[] {
    return this.steps.flatMap((step) => step.effects.map(showEffect)).filter((effect) => effect.startsWith(beginning));
  }

  #takeOne(event: PaymentOrderEvent): Step {
    if (this.#telling === "restored from its row before every event") this.#snapshot = storeAndRestore(this.#snapshot);
    const step = takeStep(this.#snapshot, event);
    this.#snapshot = step.next;
    this.#now = Math.max(this.#now, event.at);
    this.steps.push(step);
    if (this.#telling === "hearing everything that a PSP says twice" && event.type.startsWith("psp.")) {
      const again = takeStep(this.#snapshot, event);
      this.#snapshot = again.next;
      this.steps.push(again);
    }
    return step;
  }
}
