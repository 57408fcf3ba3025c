/**
 * The form in which an order's snapshot is stored, and the check on the way back. XState restarts silently at
 * the initial state when it is handed nothing, and turns what it can't read into a state of its own; so every
 * snapshot names its machine and version, and nothing is restored that does not pass here.
 */
import type { SnapshotFrom } from "xstate";
import { z } from "zod";
import { PAYMENT_ORDER_MACHINE, paymentOrderMachine } from "../../machines/payment-order.ts";
import { POLICIES, type PolicyName } from "../../machines/payment-order-policy.ts";
import type { PaymentOrderContext } from "../../machines/payment-order-types.ts";

export type PaymentOrderSnapshot = SnapshotFrom<typeof paymentOrderMachine>;

const minor = z.string().regex(/^\d{1,30}$/);
const money = z.object({ reference: z.string(), amount: minor, currency: z.string() });
const count = z.number().int().nonnegative();
const policyNames = Object.keys(POLICIES);
const policy = z.custom<PolicyName>((name) => typeof name === "string" && policyNames.includes(name));
const PARK_REASONS = [
  "retries_spent",
  "inquiries_spent",
  "pending_too_long",
  "amount_mismatch",
  "currency_mismatch",
  "reference_conflict",
  "charged_before",
  "booked_elsewhere",
] as const;

const contextSchema: z.ZodType<PaymentOrderContext> = z.object({
  amount: minor,
  platformFee: minor,
  currency: z.string(),
  psp: z.string(),
  policy,
  settleTimeMs: count,
  keyLifetimeMs: count,
  operation: count,
  attempt: count,
  sends: count,
  operationSends: count,
  budgetUsed: count,
  asks: count,
  call: z.object({ attempt: count, kind: z.enum(["charge", "inquiry"]), at: z.number() }).nullable(),
  keySince: z.number().nullable(),
  unknownSince: z.number().nullable(),
  timer: z.object({ name: z.enum(["retry", "poll", "inquiry", "expiry"]), dueAt: z.number() }).nullable(),
  cancelRequested: z.boolean(),
  reference: z.string().nullable(),
  nextActionUrl: z.string().nullable(),
  failure: z
    .object({ code: z.string(), message: z.string(), declineCode: z.string().nullable(), retryable: z.boolean() })
    .nullable(),
  captured: minor,
  held: money.nullable(),
  late: z.array(money),
  parked: z.object({ reason: z.enum(PARK_REASONS), since: z.number() }).nullable(),
});

const snapshotSchema = z.object({
  machine: z.literal(PAYMENT_ORDER_MACHINE.id),
  version: z.number().int(),
  value: z.union([
    z.enum(["NOT_STARTED", "SUCCESS", "FAILED"]),
    z.object({ EXECUTING: z.enum(["sending", "pending", "resolving", "retrying", "authorized", "parked"]) }),
  ]),
  context: contextSchema,
});

/** What is stored: JSON with the machine's id and version. */
export function toStoredSnapshot(snapshot: PaymentOrderSnapshot): Record<string, unknown> {
  return {
    machine: PAYMENT_ORDER_MACHINE.id,
    version: PAYMENT_ORDER_MACHINE.version,
    value: snapshot.value,
    context: snapshot.context,
  };
}

export type RestoreResult =
  | { readonly kind: "restored"; readonly snapshot: PaymentOrderSnapshot }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads a stored snapshot. Never throws: what can't be read comes back with the reason. */
export function restoreSnapshot(stored: unknown): RestoreResult {
  const parsed = snapshotSchema.safeParse(stored);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "snapshot" : issue.path.join(".");
    return { kind: "unreadable", reason: `${place}: ${issue?.message ?? "does not fit the machine"}` };
  }
  const { version, value, context } = parsed.data;
  if (version !== PAYMENT_ORDER_MACHINE.version) {
    return {
      kind: "unreadable",
      reason: `machine version ${version} is unknown here (this is ${PAYMENT_ORDER_MACHINE.version})`,
    };
  }
  return { kind: "restored", snapshot: paymentOrderMachine.resolveState({ value, context }) };
}
