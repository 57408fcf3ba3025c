/**
 * A PSP that keeps its word (one result for each key, "not found" only where nothing is or within the settle time)
 * on a network that loses answers, tells things twice and late, below nodes that die. Whatever the order, the
 * buyer is charged once at most, and the books say what the PSP did.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answer, type Happening, Life, order, TERMS, timerFires, webhook } from "./payment-order-under-test.ts";
import { isThorough } from "../support/thorough.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env.RUNS ?? (isThorough ? 1_000 : 400));
console.log(`payment order and an honest PSP: SEED=${SEED}`);

type Result = "captured" | "declined" | "declined softly" | "pending";

/** What becomes of one call, whichever it is. */
interface CallDraw {
  readonly reaches: boolean;
  /** `node dies`: the answer is lost and the order adopted. */
  readonly answer: "told" | "told" | "lost" | "refused" | "node dies";
  /** What the PSP does with a key that it has not seen. */
  readonly result: Result;
  /** What it does with a pending charge, before it is asked. */
  readonly later: Exclude<Result, "pending">;
  readonly visibleAfterMs: number;
  readonly also: "nothing" | "webhook of everything, twice" | "cancel" | "ask" | "retry";
}

const callDraw: fc.Arbitrary<CallDraw> = fc.record({
  reaches: fc.boolean(),
  answer: fc.constantFrom("told", "told", "told", "lost", "refused", "node dies"),
  result: fc.constantFrom("captured", "declined", "declined softly", "pending"),
  later: fc.constantFrom("captured", "declined", "declined softly"),
  visibleAfterMs: fc.constantFrom(0, TERMS.settleTimeMs - 1),
  also: fc.constantFrom("nothing", "nothing", "webhook of everything, twice", "cancel", "ask", "retry"),
});

interface Charge {
  result: Result;
  readonly madeAt: number;
  readonly visibleAfterMs: number;
}

class HonestPsp {
  readonly charges = new Map<number, Charge>();

  get captured(): number {
    return [...this.charges.values()].filter(({ result }) => result === "captured").length;
  }

  charge(operation: number, draw: CallDraw, madeAt: number): void {
    if (this.charges.has(operation)) return;
    this.charges.set(operation, { result: draw.result, madeAt, visibleAfterMs: draw.visibleAfterMs });
  }

  /** What it says about the charge under that key, in somebody's mouth. */
  say(operation: number, from: typeof answer, now: number): Happening {
    const charge = this.charges.get(operation);
    if (charge === undefined || now - charge.madeAt < charge.visibleAfterMs) return from.notFound();
    return this.sayTruth(operation, charge.result, from);
  }

  sayTruth(operation: number, result: Result, from: typeof answer): Happening {
    const reference = `ch_${operation}`;
    switch (result) {
      case "captured":
        return from.captured({ reference, operation });
      case "pending":
        return from.pending({ reference, operation });
      case "declined":
        return from.declined({ reference, operation });
      case "declined softly":
        return from.declined({ reference, operation, retryable: true });
    }
  }

  webhooks(): readonly Happening[] {
    return [...this.charges].map(([operation, { result }]) => this.sayTruth(operation, result, webhook));
  }
}

function callOut(life: Life, psp: HonestPsp, draw: CallDraw): void {
  const { call, operation } = life.context;
  if (call?.kind === "charge" && draw.answer === "refused") {
    life.take(answer.unsent());
    return;
  }
  const existing = psp.charges.get(operation);
  if (existing?.result === "pending") existing.result = draw.later;
  if (call?.kind === "charge" && draw.reaches) psp.charge(operation, draw, life.now);
  if (draw.answer === "node dies") life.take(order.adopted());
  else if (draw.answer === "told" && (call?.kind === "inquiry" || draw.reaches)) {
    // A charge is answered with what was done; an inquiry may not see it yet.
    const charge = psp.charges.get(operation);
    life.take(
      call?.kind === "charge" && charge !== undefined
        ? psp.sayTruth(operation, charge.result, answer)
        : psp.say(operation, answer, life.now),
    );
  } else life.take(answer.unknown());
}

function liveWith(draws: readonly CallDraw[]): { readonly life: Life; readonly psp: HonestPsp } {
  const [life, psp] = [new Life(), new HonestPsp()];
  life.take(order.started());
  for (const draw of draws) {
    if (life.context.call !== null) callOut(life, psp, draw);
    else if (life.context.timer !== null) life.take(timerFires());
    if (draw.also === "webhook of everything, twice") life.take(...psp.webhooks(), ...psp.webhooks());
    if (draw.also === "cancel") life.take(order.canceled());
    if (draw.also === "ask") life.take(order.asked());
    if (draw.also === "retry") life.take(order.retried());
  }
  return { life, psp };
}

describe("with an honest PSP behind a bad network", () => {
  test("the buyer is charged once at most", () => {
    fc.assert(
      fc.property(fc.array(callDraw, { maxLength: 80, size: "max" }), (draws) => {
        const { psp } = liveWith(draws);
        expect(psp.captured).toBeLessThanOrEqual(1);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test("once the PSP's webhooks are in, the order is SUCCESS when the buyer was charged, and only then", () => {
    fc.assert(
      fc.property(fc.array(callDraw, { maxLength: 80, size: "max" }), (draws) => {
        const { life, psp } = liveWith(draws);
        life.take(...psp.webhooks());
        expect(life.state === "SUCCESS").toBe(psp.captured === 1);
        expect(life.effects("post")).toEqual(
          psp.captured === 1 ? [`post pay_in ${life.context.reference} 100.00 USD`] : [],
        );
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test("an order whose calls all get through ends or is parked", () => {
    fc.assert(
      fc.property(fc.array(callDraw, { maxLength: 40, size: "max" }), (draws) => {
        const { life, psp } = liveWith(draws);
        const through: CallDraw = {
          reaches: true,
          answer: "told",
          result: "captured",
          later: "captured",
          visibleAfterMs: 0,
          also: "nothing",
        };
        for (let steps = 0; steps < 60 && !life.snapshot.hasTag("terminal"); steps += 1) {
          if (life.context.call !== null) callOut(life, psp, through);
          else if (life.context.timer !== null) life.take(timerFires());
        }
        expect(["SUCCESS", "FAILED", "EXECUTING.parked"]).toContain(life.state);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
