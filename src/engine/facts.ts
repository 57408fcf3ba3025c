/** Facts and commands as they come back from JSON columns: checked, because what is stored outlives the build that stored it. */
import { z } from "zod";
import type { PaymentOrderEvent, PspFact } from "../../machines/payment-order-types.ts";

const stamp = { at: z.number(), jitter: z.number() };
const origin = {
  source: z.enum(["answer", "inquiry", "webhook", "settlement"]),
  operation: z.number().int(),
  attempt: z.number().int().nullable(),
};

const factSchema: z.ZodType<PspFact> = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("psp.succeeded"),
    reference: z.string(),
    amount: z.string().regex(/^\d+$/),
    currency: z.string(),
    captured: z.boolean(),
    ...origin,
    ...stamp,
  }),
  z.object({
    type: z.literal("psp.pending"),
    reference: z.string().nullable(),
    nextActionUrl: z.string().nullable(),
    ...origin,
    ...stamp,
  }),
  z.object({
    type: z.literal("psp.declined"),
    reference: z.string().nullable(),
    code: z.string(),
    message: z.string(),
    declineCode: z.string().nullable(),
    retryable: z.boolean(),
    ...origin,
    ...stamp,
  }),
  z.object({
    type: z.literal("psp.unsent"),
    reason: z.string(),
    retryAfterMs: z.number().nullable(),
    heldBack: z.boolean(),
    ...origin,
    ...stamp,
  }),
  z.object({ type: z.literal("psp.unknown"), reason: z.string(), ...origin, ...stamp }),
  z.object({ type: z.literal("psp.not_found"), ...origin, ...stamp }),
]);

const commandSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("order.started"), ...stamp }),
  z.object({ type: z.literal("order.cancel"), ...stamp }),
  z.object({ type: z.literal("order.retry"), ...stamp }),
  z.object({
    type: z.literal("order.resolve"),
    outcome: z.enum(["succeeded", "failed"]),
    amount: z.string().regex(/^\d+$/),
    reference: z.string().nullable(),
    reason: z.string(),
    ...stamp,
  }),
]);

/** A stored PSP fact; null when this build can't read it. */
export function readFact(json: unknown): PspFact | null {
  const parsed = factSchema.safeParse(json);
  return parsed.success ? parsed.data : null;
}

/** A stored command; null when this build can't read it. */
export function readCommand(json: unknown): PaymentOrderEvent | null {
  const parsed = commandSchema.safeParse(json);
  return parsed.success ? parsed.data : null;
}
