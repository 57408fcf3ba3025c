/** What holds for every payment order, whatever happens to it and in whatever order. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PaymentOrderContext, PaymentOrderEvent } from "../../machines/payment-order-types.ts";
import { toStoredSnapshot } from "../../src/payments/payment-order-snapshot.ts";
import {
  isIgnored,
  nameOf,
  newSnapshot,
  type Snapshot,
  START_MS,
  type Step,
  storeAndRestore,
  takeStep,
} from "./payment-order-under-test.ts";
import { isThorough } from "../support/thorough.ts";

/** The same seed gives the same run: `SEED=… RUNS=… vitest run test/machines`. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env.RUNS ?? (isThorough ? 1_000 : 400));
console.log(`payment order properties: SEED=${SEED}`);

/** A draw from which an event is made once the order that it happens to is known. */
interface Draw {
  readonly kind: (typeof KINDS)[number];
  /** Whose fact it is. */
  readonly from: "newest call" | "earlier call" | "webhook" | "earlier operation" | "later operation";
  readonly reference: string;
  readonly amount: "exact" | "less" | "more";
  readonly currency: "USD" | "EUR";
  readonly flag: boolean;
  readonly waitMs: number;
  readonly jitter: number;
}

/** Many events in one, because chance alone seldom lets a whole schedule run out: asked or sent until parked. */
const PATIENCE_ENDS = ["unsent until parked", "pending until parked", "unknown until parked"] as const;
const MAX_EVENTS_OF_PATIENCE = 40;

const KINDS = [
  "psp.succeeded",
  "psp.pending",
  "psp.declined",
  "psp.unsent",
  "psp.unknown",
  "psp.not_found",
  "order.started",
  "order.awaited",
  "order.cancel",
  "order.retry",
  "order.ask",
  "order.adopted",
  "order.conflicted",
  "order.resolve",
  "the timer it waits for",
  "some timer",
  ...PATIENCE_ENDS,
] as const;

const draw: fc.Arbitrary<Draw> = fc.record({
  kind: fc.oneof(
    fc.constantFrom(...KINDS),
    // Otherwise orders would seldom grow old enough to be parked, retried and resolved.
    fc.constantFrom("the timer it waits for", "the timer it waits for", "order.retry", "order.ask", ...PATIENCE_ENDS),
  ),
  from: fc.oneof(
    { weight: 6, arbitrary: fc.constant("newest call" as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom("earlier call", "webhook", "earlier operation", "later operation"),
    },
  ),
  reference: fc.constantFrom("ch_1", "ch_2", "ch_3"),
  amount: fc.constantFrom("exact", "exact", "exact", "less", "more"),
  currency: fc.constantFrom("USD", "USD", "USD", "EUR"),
  flag: fc.boolean(),
  waitMs: fc.constantFrom(0, 1, 500, 5_000, 60_000, 100_000_000),
  jitter: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});

const life = fc.record({
  draws: fc.array(draw, { minLength: 5, maxLength: 40, size: "max" }),
  settleTimeMs: fc.constantFrom(0, 3_000),
  keyLifetimeMs: fc.constantFrom(10_000, 86_400_000),
  isHosted: fc.boolean(),
});
type LifeDraw = typeof life extends fc.Arbitrary<infer T> ? T : never;

const AMOUNTS = { exact: "10000", less: "9000", more: "11000" } as const;

function toOrigin({ from }: Draw, { attempt, operation, call }: PaymentOrderContext) {
  const source = call?.kind === "inquiry" ? ("inquiry" as const) : ("answer" as const);
  switch (from) {
    case "newest call":
      return { source, operation, attempt };
    case "earlier call":
      return { source, operation, attempt: attempt - 1 };
    case "webhook":
      return { source: "webhook" as const, operation, attempt: null };
    case "earlier operation":
      return { source: "webhook" as const, operation: operation - 1, attempt: null };
    case "later operation":
      return { source: "webhook" as const, operation: operation + 1, attempt: null };
  }
}

function toEvent(draw: Draw, context: PaymentOrderContext, now: number): PaymentOrderEvent {
  const { reference, currency, flag, jitter } = draw;
  const stamp = { at: now + draw.waitMs, jitter };
  const fact = { ...toOrigin(draw, context), ...stamp };
  const amount = AMOUNTS[draw.amount];
  switch (draw.kind) {
    case "psp.succeeded":
      return { type: draw.kind, reference, amount, currency, captured: draw.waitMs !== 1, ...fact };
    case "psp.pending":
      return { type: draw.kind, reference, nextActionUrl: flag ? "https://psp.example/3ds" : null, ...fact };
    case "psp.declined":
      return { type: draw.kind, reference, code: "no", message: "No.", declineCode: null, retryable: flag, ...fact };
    case "psp.unsent":
      return {
        type: draw.kind,
        reason: "refused",
        retryAfterMs: flag ? 7_000 : null,
        heldBack: draw.waitMs === 1,
        ...fact,
      };
    case "psp.unknown":
      return { type: draw.kind, reason: "timeout", ...fact };
    case "psp.not_found":
      return { type: draw.kind, ...fact };
    case "order.awaited":
      return { type: draw.kind, expiresInMs: 60_000, payUrl: "https://pay.example/1", ...stamp };
    case "order.conflicted":
      return { type: draw.kind, reference, amount, currency, ...stamp };
    case "order.resolve":
      return {
        type: draw.kind,
        outcome: flag ? "succeeded" : "failed",
        amount,
        reference: draw.waitMs === 0 ? null : reference,
        reason: "seen at the PSP",
        ...stamp,
      };
    case "the timer it waits for":
      return {
        type: "timer.fired",
        name: context.timer?.name ?? "retry",
        jitter,
        at: Math.max(now, context.timer?.dueAt ?? now),
      };
    case "unsent until parked":
      return { type: "psp.unsent", reason: "refused", retryAfterMs: null, heldBack: false, ...fact };
    case "pending until parked":
      return { type: "psp.pending", reference, nextActionUrl: null, ...fact };
    case "unknown until parked":
      return { type: "psp.unknown", reason: "timeout", ...fact };
    case "some timer":
      return { type: "timer.fired", name: flag ? "retry" : "poll", ...stamp };
    default:
      return { type: draw.kind, ...stamp };
  }
}

/** The steps of a life; the first starts the order, the rest is drawn. */
function* live({ draws, settleTimeMs, keyLifetimeMs, isHosted }: LifeDraw): Generator<Step> {
  let snapshot: Snapshot = newSnapshot({ settleTimeMs, keyLifetimeMs });
  let now = START_MS;
  const stamp = { at: START_MS, jitter: 0.5 };
  const first: PaymentOrderEvent = isHosted
    ? { type: "order.awaited", expiresInMs: 60_000, payUrl: "https://pay.example/1", ...stamp }
    : { type: "order.started", ...stamp };
  function take(event: PaymentOrderEvent): Step {
    const step = takeStep(snapshot, event);
    snapshot = step.next;
    now = Math.max(now, event.at);
    return step;
  }
  yield take(first);
  for (const next of draws) {
    if (!isPatienceEnd(next)) {
      yield take(toEvent(next, snapshot.context, now));
      continue;
    }
    for (let events = 0; events < MAX_EVENTS_OF_PATIENCE && isBusy(snapshot); events += 1) {
      const isCallOut = snapshot.context.call !== null;
      yield take(
        isCallOut
          ? toEvent({ ...next, from: "newest call" }, snapshot.context, now)
          : toEvent({ ...next, kind: "the timer it waits for" }, snapshot.context, now),
      );
    }
  }
}

const isPatienceEnd = ({ kind }: Draw): boolean => PATIENCE_ENDS.some((end) => end === kind);
const isBusy = (snapshot: Snapshot): boolean => snapshot.hasTag("inFlight") || snapshot.hasTag("waiting");

function inEveryLife(check: (life: Iterable<Step>) => void): void {
  fc.assert(
    fc.property(life, (drawn) => check(live(drawn))),
    { seed: SEED, numRuns: RUNS },
  );
}
const atEveryStep = (check: (step: Step) => void): void =>
  inEveryLife((steps) => {
    for (const step of steps) check(step);
  });

const isTerminal = (snapshot: Snapshot): boolean => snapshot.hasTag("terminal");
const posts = (step: Step) => step.effects.flatMap((effect) => (effect.type === "post" ? [effect.params] : []));
const charges = (step: Step) => step.effects.flatMap((effect) => (effect.type === "charge" ? [effect.params] : []));
const isOfOperation = ({ event, before }: Step): boolean =>
  "operation" in event && event.operation === before.context.operation;
const isAnswerToOpenCall = ({ event, before }: Step): boolean =>
  "attempt" in event && before.context.call !== null && event.attempt === before.context.call.attempt;

describe("in every life of a payment order", () => {
  test("the machine never breaks", () => {
    atEveryStep(({ next }) => expect(next.status).toBe("active"));
  });

  test("the stored snapshot is the order, at every step", () => {
    atEveryStep(({ next }) => {
      const restored = storeAndRestore(next);
      expect(toStoredSnapshot(restored)).toEqual(toStoredSnapshot(next));
      expect([...restored.tags]).toEqual([...next.tags]);
    });
  });

  test("the pay-in is posted once at most, and nothing is posted twice", () => {
    inEveryLife((steps) => {
      const posted = [...steps].flatMap(posts);
      expect(posted.filter(({ rule }) => rule === "pay_in").length).toBeLessThanOrEqual(1);
      const references = posted.map(({ reference }) => reference);
      expect(new Set(references).size).toBe(references.length);
    });
  });

  test("SUCCESS comes with its pay-in, and each success in `late` with its posting to suspense", () => {
    atEveryStep((step) => {
      const { before, next } = step;
      const entered = nameOf(next) === "SUCCESS" && nameOf(before) !== "SUCCESS";
      const payIns = posts(step).filter(({ rule }) => rule === "pay_in");
      expect(payIns.map(({ amount, currency }) => ({ amount, currency }))).toEqual(
        entered ? [{ amount: next.context.captured, currency: next.context.currency }] : [],
      );
      const { late } = next.context;
      expect(posts(step).filter(({ rule }) => rule === "late_success")).toEqual(
        late.slice(before.context.late.length).map((money) => ({ rule: "late_success", ...money })),
      );
    });
  });

  test("money that the PSP holds stays known until it settles the order", () => {
    atEveryStep(({ before, next }) => {
      const { held } = before.context;
      if (held === null) return;
      if (next.context.held === null) expect(next.context.reference).toBe(held.reference);
      else expect(next.context.held.reference).toBe(held.reference);
    });
  });

  test("a new operation begins only with a proven decline of the current one", () => {
    atEveryStep((step) => {
      const { before, next, event } = step;
      if (next.context.operation === before.context.operation) return;
      expect(next.context.operation).toBe(before.context.operation + 1);
      expect(event.type).toBe("psp.declined");
      expect(isOfOperation(step)).toBe(true);
    });
  });

  test("nothing is charged while an outcome is unknown or money is held or in suspense", () => {
    atEveryStep((step) => {
      if (charges(step).length === 0) return;
      expect(step.next.context.unknownSince).toBeNull();
      expect(step.next.context.held).toBeNull();
      expect(step.next.context.late).toEqual([]);
    });
  });

  test("a charge is sent again under its key only when the last send surely left nothing", () => {
    inEveryLife((steps) => {
      let isSurelyNotThere = true;
      for (const step of steps) {
        const { event, before, next } = step;
        const { call, unknownSince, keySince, settleTimeMs, keyLifetimeMs } = before.context;
        if (next.context.operation !== before.context.operation) isSurelyNotThere = true;
        else if (event.type === "psp.unsent" && isAnswerToOpenCall(step)) isSurelyNotThere = true;
        else if (event.type === "psp.not_found" && isAnswerToOpenCall(step)) {
          const askedAt = call?.at ?? 0;
          const isSettled = askedAt - (unknownSince ?? askedAt) >= settleTimeMs;
          const isRemembered = keySince === null || askedAt - keySince < keyLifetimeMs;
          if (isSettled && isRemembered) isSurelyNotThere = true;
        } else if (event.type === "psp.succeeded" || event.type === "psp.pending") {
          if (isOfOperation(step) && !isIgnored(step)) isSurelyNotThere = false;
        }
        const [charge, ...more] = charges(step);
        expect(more).toEqual([]);
        if (charge === undefined) continue;
        if (charge.isResend) expect(isSurelyNotThere).toBe(true);
        expect(charge).toEqual({
          attempt: next.context.attempt,
          operation: next.context.operation,
          isResend: next.context.operationSends > 1,
        });
        isSurelyNotThere = false;
      }
    });
  });

  test("no order gets stuck: it has a call out or a deadline, or waits for a person", () => {
    atEveryStep(({ next }) => {
      const isWaitingForPerson =
        isTerminal(next) || next.hasTag("needsReview") || next.matches({ EXECUTING: "authorized" });
      const { call, timer } = next.context;
      expect(isWaitingForPerson || call !== null || timer !== null).toBe(true);
    });
  });

  test("an open call is the newest attempt, and none is open once the order has ended", () => {
    atEveryStep(({ next }) => {
      const { call, attempt } = next.context;
      if (call !== null) expect(call.attempt).toBe(attempt);
      if (isTerminal(next)) expect(call).toBeNull();
    });
  });

  test("every answer to the open call closes it or moves the order", () => {
    atEveryStep((step) => {
      // Inquiries have no `unsent`, and only they know `not_found`.
      const kind = step.before.context.call?.kind;
      if (step.event.type === "psp.unsent" && kind === "inquiry") return;
      if (step.event.type === "psp.not_found" && kind === "charge") return;
      if (isAnswerToOpenCall(step)) expect(step.next.context.call).not.toBe(step.before.context.call);
    });
  });

  test("FAILED is never entered while money is held, or while a charge is out that the PSP has not declined", () => {
    atEveryStep((step) => {
      const { before, next, event } = step;
      if (nameOf(next) !== "FAILED" || nameOf(before) === "FAILED") return;
      expect(next.context.held).toBeNull();
      expect(before.context.held).toBeNull();
      if (before.context.call?.kind === "charge") {
        expect(event.type).toBe("psp.declined");
        expect(isOfOperation(step)).toBe(true);
      }
    });
  });

  test("the clock alone fails no order that a PSP may have heard of", () => {
    atEveryStep(({ event, before, next }) => {
      if (event.type !== "timer.fired" || nameOf(next) !== "FAILED" || nameOf(before) === "FAILED") return;
      expect(nameOf(before)).toBe("NOT_STARTED");
      expect(before.context.sends).toBe(0);
    });
  });

  test("SUCCESS and FAILED are never left, and take nothing but late money", () => {
    atEveryStep((step) => {
      if (!isTerminal(step.before)) return;
      expect(nameOf(step.next)).toBe(nameOf(step.before));
      const { late: _, ...memory } = step.next.context;
      const { late: __, ...memoryBefore } = step.before.context;
      expect(memory).toEqual(memoryBefore);
      if (!isIgnored(step)) expect(posts(step).map(({ rule }) => rule)).toEqual(["late_success"]);
    });
  });

  test("a canceled order is charged again only by an operator", () => {
    inEveryLife((steps) => {
      let hasOperatorRetried = false;
      for (const step of steps) {
        if (step.event.type === "order.retry" && !isIgnored(step)) hasOperatorRetried = true;
        if (step.before.context.cancelRequested && !hasOperatorRetried) expect(charges(step)).toEqual([]);
      }
    });
  });
});
