/**
 * Faults that a test adds to every call of the merchant's API, drawn from a seeded generator: the same seed and
 * the same order of calls give the same faults.
 */
import { z } from "zod";
import { createSeededUnit } from "../../core/seeded-random.ts";
import type { AnswerLoss } from "./tokens.ts";

const rate = z.number().min(0).max(1).default(0);

export const faultPlanSchema = z.object({
  seed: z.number().int().default(1),
  rates: z
    .object({
      timeout_before: rate,
      timeout_after: rate,
      reset_after: rate,
      status_500: rate,
      status_429: rate,
      webhook_lost: rate,
      webhook_dup: rate,
      webhook_delay_ms: z.number().int().min(0).max(600_000).default(0),
    })
    .strict()
    .prefault({}),
  /** No call is answered while this holds: a PSP that accepts connections and says nothing. */
  hang: z.boolean().default(false),
  /** Added to every answer. */
  latency_ms: z.number().int().min(0).max(60_000).default(0),
});

export type FaultPlan = z.infer<typeof faultPlanSchema>;

export const NO_FAULTS: FaultPlan = faultPlanSchema.parse({});

/** What a drawn fault does to one call: how the answer is lost, and whether the call took effect before. */
export interface CallFault {
  readonly loss: AnswerLoss;
  readonly takesEffect: boolean;
}

export interface NoticeFault {
  readonly lost: boolean;
  readonly copies: number;
  readonly delayMs: number;
}

export interface Faults {
  readonly plan: FaultPlan;
  drawCall(): CallFault | null;
  drawNotice(): NoticeFault;
}

const NO_NOTICE_FAULT: NoticeFault = { lost: false, copies: 1, delayMs: 0 };

export function createFaults(plan: FaultPlan): Faults {
  const unit = createSeededUnit(plan.seed);
  const { rates } = plan;
  const callFaults: readonly (readonly [number, CallFault])[] = [
    [rates.timeout_before, { loss: "hold", takesEffect: false }],
    [rates.status_500, { loss: "status_500", takesEffect: false }],
    [rates.status_429, { loss: "status_429", takesEffect: false }],
    [rates.timeout_after, { loss: "hold", takesEffect: true }],
    [rates.reset_after, { loss: "reset", takesEffect: true }],
  ];
  const callsFail = callFaults.some(([share]) => share > 0);
  const noticesFail = rates.webhook_lost > 0 || rates.webhook_dup > 0 || rates.webhook_delay_ms > 0;
  return {
    plan,
    drawCall() {
      if (!callsFail) return null;
      for (const [share, fault] of callFaults) if (unit() < share) return fault;
      return null;
    },
    drawNotice() {
      if (!noticesFail) return NO_NOTICE_FAULT;
      return {
        lost: unit() < rates.webhook_lost,
        copies: unit() < rates.webhook_dup ? 2 : 1,
        delayMs: Math.floor(unit() * rates.webhook_delay_ms),
      };
    },
  };
}
