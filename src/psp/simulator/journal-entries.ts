/**
 * The lines of the journal and what they carry. They are validated on replay: a journal from another version or
 * a damaged disk must stop the start, not bring back half of the charges.
 */
import { Webhook as Signer } from "standardwebhooks";
import { z } from "zod";
import { isDeclineCode } from "./decline-codes.ts";
import { faultPlanSchema } from "./faults.ts";

const statusSchema = z.enum(["succeeded", "pending", "declined"]);
const declineCodeSchema = z.string().refine(isDeclineCode).nullable();

const chargeSchema = z.object({
  kind: z.enum(["charge", "authorize", "capture", "void", "refund", "payout", "dispute"]),
  reference: z.string(),
  idempotencyKey: z.string(),
  fingerprint: z.string(),
  token: z.string(),
  amount: z.string(),
  currency: z.string(),
  status: statusSchema,
  declineCode: declineCodeSchema,
  redirects: z.boolean(),
  returnUrl: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  createdAtMs: z.number(),
  hiddenUntilMs: z.number(),
});

const settleJobSchema = z.object({
  kind: z.literal("settle"),
  id: z.string(),
  dueAtMs: z.number(),
  reference: z.string(),
  status: statusSchema,
  declineCode: declineCodeSchema,
  notify: z.boolean(),
});

const noticeJobSchema = z.object({
  kind: z.literal("notice"),
  id: z.string(),
  dueAtMs: z.number(),
  createdAtMs: z.number(),
  reference: z.string(),
  type: z.enum(["charge.succeeded", "charge.pending", "charge.failed"]),
  copies: z.number(),
  forged: z.boolean(),
});

/** A secret that can sign: an unusable one must be refused when it is registered, not at the first notice. */
export const secretSchema = z
  .string()
  .max(255)
  .refine((secret) => {
    try {
      return new Signer(secret) instanceof Signer;
    } catch {
      return false;
    }
  }, "not a Standard Webhooks secret (whsec_ and base64)");

/** Where notices go. `quiet` leaves out those that only repeat what the direct answer said. */
export const webhookSchema = z.object({
  url: z.url({ protocol: /^https?$/ }).max(2_048),
  secret: secretSchema,
  previous_secret: secretSchema.nullable().default(null),
  quiet: z.boolean().default(false),
});

export const entrySchema = z.discriminatedUnion("t", [
  z.object({ t: z.literal("identity"), id: z.string() }),
  z.object({ t: z.literal("charge"), charge: chargeSchema }),
  z.object({ t: z.literal("status"), reference: z.string(), status: statusSchema, declineCode: declineCodeSchema }),
  z.object({ t: z.literal("refused"), key: z.string() }),
  z.object({ t: z.literal("job"), job: z.discriminatedUnion("kind", [settleJobSchema, noticeJobSchema]) }),
  z.object({ t: z.literal("done"), id: z.string() }),
  z.object({ t: z.literal("webhook"), webhook: webhookSchema }),
  z.object({ t: z.literal("faults"), plan: faultPlanSchema }),
]);

/** One line of the journal. `refused` counts a call that left no effect; `job` is work that has a due time. */
export type Entry = z.infer<typeof entrySchema>;
export type SettleJob = z.infer<typeof settleJobSchema>;
export type NoticeJob = z.infer<typeof noticeJobSchema>;
export type NoticeType = NoticeJob["type"];
export type Job = SettleJob | NoticeJob;
export type Webhook = z.infer<typeof webhookSchema>;
