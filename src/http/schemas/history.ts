/** An order's history and its explanation, as they stand in the document. */
import { z } from "@hono/zod-openapi";
import { amount, currency, time } from "./values.ts";

const attemptFields = {
  attempt: z.int(),
  operation: z.enum(["charge", "inquiry"]),
  operation_number: z
    .int()
    .openapi({ description: "Advances only after a proven decline; part of the PSP's idempotency key." }),
  psp: z.string(),
  idempotency_key: z.string(),
  outcome: z.string().nullable().openapi({
    description:
      "`succeeded`, `pending`, `declined`, `unsent`, `unknown`, for inquiries also `not_found`; null while no answer is known.",
  }),
  psp_reference: z.string().nullable(),
  http_status: z.int().nullable(),
  latency_ms: z.int().nullable(),
  answered_at: time.nullable(),
} as const;

export const attempt = z.strictObject({ at: time, ...attemptFields }).openapi("Attempt");

export const timelineEntry = z
  .union([
    z.strictObject({
      at: time,
      kind: z.literal("transition"),
      seq: z.int(),
      from: z.string(),
      to: z.string(),
      event: z.string(),
      node: z.string().nullable(),
    }),
    z.strictObject({ at: time, kind: z.literal("attempt"), ...attemptFields }),
    z.strictObject({
      at: time,
      kind: z.literal("webhook"),
      psp: z.string(),
      event_id: z.string(),
      type: z.string(),
      outcome: z.string().nullable(),
      disposition: z
        .string()
        .nullable()
        .openapi({ description: "`taken`, `ignored`, `unmatched`; null until it is handled." }),
    }),
    z.strictObject({
      at: time,
      kind: z.literal("posting"),
      rule: z.string(),
      debit_account: z.string(),
      credit_account: z.string(),
      amount,
      currency,
      psp_reference: z.string().nullable(),
    }),
    z.strictObject({
      at: time,
      kind: z.literal("event"),
      id: z.string(),
      type: z.string(),
      order_version: z.int().nullable(),
    }),
    z.strictObject({
      at: time,
      kind: z.literal("operator"),
      command: z.string(),
      outcome: z.string().nullable(),
      amount: amount.nullable(),
      reason: z.string().nullable(),
      psp_reference: z.string().nullable(),
    }),
  ])
  .openapi("TimelineEntry");

export const timeline = z.strictObject({ data: z.array(timelineEntry) }).openapi("Timeline");

export const explanation = z
  .strictObject({
    summary: z.string().openapi({ description: "One plain sentence." }),
    state: z.string().openapi({ example: "EXECUTING.pending" }),
    since: time,
    waiting_for: z.string().nullable(),
    next_at: time.nullable(),
    attempts: z.array(attempt),
    holder: z.string().nullable().openapi({ description: "The node that works on it now." }),
    allowed_events: z.array(z.string()).openapi({ example: ["cancel"] }),
  })
  .openapi("Explanation");
