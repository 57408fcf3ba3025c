/**
 * What the simulated PSP does with money: makes charges, settles them, and queues the notices. It knows nothing
 * of HTTP. Refunds, captures and payouts will be further functions here, each recording its own effect.
 */
import { hash, randomUUID } from "node:crypto";
import { z } from "zod";
import { type Agenda, createAgenda } from "./agenda.ts";
import type { Charge } from "./charge.ts";
import type { DeclineCode } from "./decline-codes.ts";
import type { Job, NoticeJob, NoticeType } from "./journal-entries.ts";
import type { NoticeSender } from "./notices.ts";
import type { SimulatorState } from "./state.ts";
import { type AnswerLoss, type Behaviour, findBehaviour } from "./tokens.ts";

/** How long an answer waits for `sim_webhook_first`'s notice: well within a client's 2 s. */
const NOTICE_BEFORE_ANSWER_MS = 1_000;
/** A notice that must come after another, or after the answer, comes this much later. */
const LATER_NOTICE_MS = 300;

const chargeBodySchema = z.object({
  amount: z.string().regex(/^[1-9][0-9]{0,17}$/),
  currency: z.string().regex(/^[A-Z]{3}$/),
  payment_method: z.string().min(1).max(255),
  capture_method: z.literal("automatic").default("automatic"),
  return_url: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .nullable()
    .default(null),
  metadata: z.record(z.string().max(40), z.string().max(500)).default({}),
});
type ChargeBody = z.infer<typeof chargeBodySchema>;

export type ChargeResult =
  | { readonly kind: "made"; readonly charge: Charge; readonly loss: AnswerLoss | null }
  | { readonly kind: "replayed"; readonly charge: Charge }
  | { readonly kind: "lost"; readonly loss: AnswerLoss }
  | { readonly kind: "refused"; readonly status: 400 | 409 | 422; readonly code: string; readonly message: string };

export interface Processor {
  /** Resolves when the effect is on disk. The same key and body give the same charge. */
  charge(idempotencyKey: string, body: string): Promise<ChargeResult>;
  /** Moves a charge to its final status: the buyer's choice, a due settlement, a test's wish. */
  settle(settlement: {
    readonly reference: string;
    readonly status: "succeeded" | "declined";
    readonly declineCode: DeclineCode | null;
    readonly notify: boolean;
  }): Promise<void>;
  /** Takes up what a killed process left. */
  resume(): void;
  clear(): void;
}

export interface ProcessorParts {
  readonly state: SimulatorState;
  readonly sender: NoticeSender;
  /** Shortens the delays of tokens in tests; 1 in life. */
  readonly delayScale: number;
}

export function createProcessor({ state, sender, delayScale }: ProcessorParts): Processor {
  const inUse = new Set<string>();
  const attempts = new Map<string, number>();

  const run = (job: Job): void => {
    if (job.kind === "notice") {
      void deliver(job);
      return;
    }
    applyStatus(job);
    agenda.done(job.id);
  };
  const agenda: Agenda = createAgenda(state, run);

  const deliver = async (job: NoticeJob): Promise<void> => {
    const attempt = (attempts.get(job.id) ?? 0) + 1;
    const { retryInMs } = await sender.deliver(job, attempt);
    if (retryInMs === null) {
      attempts.delete(job.id);
      agenda.done(job.id);
      return;
    }
    attempts.set(job.id, attempt);
    agenda.again(job, retryInMs);
  };

  const applyStatus = (change: Parameters<Processor["settle"]>[0] | Extract<Job, { kind: "settle" }>): void => {
    const { reference, status, declineCode } = change;
    if (state.findByReference(reference) === undefined) return;
    state.record({ t: "status", reference, status, declineCode });
    if (change.notify) notify(reference, status === "succeeded" ? "charge.succeeded" : "charge.failed");
  };

  /** Queues a notice; a test's faults may lose, double or delay it. */
  const notify = (reference: string, type: NoticeType, extra: Partial<NoticeJob> = {}): void => {
    const fault = state.faults().drawNotice();
    if (state.webhook() === null || fault.lost) return;
    const nowMs = Date.now();
    agenda.add({
      kind: "notice",
      id: `evt_${compactUuid()}`,
      createdAtMs: nowMs,
      dueAtMs: nowMs + fault.delayMs,
      reference,
      type,
      copies: fault.copies,
      forged: false,
      ...extra,
    });
  };

  const notifyOfFirstStatus = async (charge: Charge, behaviour: Behaviour): Promise<void> => {
    const { reference } = charge;
    const type = charge.status === "declined" ? "charge.failed" : "charge.succeeded";
    const nowMs = Date.now();
    if (behaviour.notice === "echo" && state.webhook()?.quiet !== true) notify(reference, type);
    if (behaviour.notice === "five_copies") notify(reference, type, { copies: 5 });
    if (behaviour.notice === "before_answer") {
      const id = `evt_${compactUuid()}`;
      notify(reference, type, { id });
      await untilDone(id);
    }
    if (behaviour.reordersNotices) {
      notify(reference, "charge.succeeded");
      notify(reference, "charge.pending", { createdAtMs: nowMs - 1, dueAtMs: nowMs + LATER_NOTICE_MS });
    }
    if (behaviour.forgesDecline) {
      notify(reference, "charge.failed", { forged: true, dueAtMs: nowMs + LATER_NOTICE_MS });
    }
  };

  const untilDone = async (jobId: string): Promise<void> => {
    const deadlineMs = Date.now() + NOTICE_BEFORE_ANSWER_MS;
    while (state.hasJob(jobId) && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  const make = async (idempotencyKey: string, body: ChargeBody, bodyText: string, behaviour: Behaviour) => {
    const charge = toCharge({ idempotencyKey, body, fingerprint: fingerprintOf(bodyText), behaviour, delayScale });
    state.record({ t: "charge", charge });
    const { settlement } = behaviour;
    if (settlement !== null) {
      const { afterMs, ...rest } = settlement;
      const dueAtMs = charge.createdAtMs + afterMs * delayScale;
      agenda.add({ kind: "settle", id: `job_${compactUuid()}`, dueAtMs, reference: charge.reference, ...rest });
    }
    await notifyOfFirstStatus(charge, behaviour);
    return charge;
  };

  const chargeOnce = async (idempotencyKey: string, bodyText: string): Promise<ChargeResult> => {
    const known = state.findByKey(idempotencyKey);
    if (known !== undefined) {
      if (known.fingerprint === fingerprintOf(bodyText)) return { kind: "replayed", charge: known };
      return refused(422, "idempotency_key_reused", "This key was used with another body.");
    }
    const body = readBody(bodyText);
    if (body === null) return refused(400, "invalid_request", "The body is not a valid charge.");
    const behaviour = findBehaviour(body.payment_method);
    if (behaviour === undefined) return refused(400, "payment_method_not_found", "There is no such payment method.");
    if (behaviour.refusal !== null && state.refusals(idempotencyKey) < behaviour.refusal.times) {
      if (Number.isFinite(behaviour.refusal.times)) state.record({ t: "refused", key: idempotencyKey });
      return { kind: "lost", loss: behaviour.refusal.loss };
    }
    const charge = await make(idempotencyKey, body, bodyText, behaviour);
    const shown: Charge = behaviour.reordersNotices ? { ...charge, status: "pending" } : charge;
    return { kind: "made", charge: shown, loss: behaviour.loss };
  };

  return {
    async charge(idempotencyKey, body) {
      if (inUse.has(idempotencyKey)) {
        return refused(409, "idempotency_key_in_use", "Another call under this key is not finished yet.");
      }
      inUse.add(idempotencyKey);
      try {
        const result = await chargeOnce(idempotencyKey, body);
        await state.flushed();
        return result;
      } finally {
        inUse.delete(idempotencyKey);
      }
    },
    async settle(settlement) {
      applyStatus(settlement);
      await state.flushed();
    },
    resume: () => agenda.resume(),
    clear() {
      agenda.clear();
      attempts.clear();
    },
  };
}

const compactUuid = (): string => randomUUID().replaceAll("-", "");
const fingerprintOf = (body: string): string => hash("sha1", body, "base64");
const refused = (status: 400 | 409 | 422, code: string, message: string): ChargeResult => ({
  kind: "refused",
  status,
  code,
  message,
});

function readBody(text: string): ChargeBody | null {
  try {
    return chargeBodySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function toCharge(parts: {
  readonly idempotencyKey: string;
  readonly body: ChargeBody;
  readonly fingerprint: string;
  readonly behaviour: Behaviour;
  readonly delayScale: number;
}): Charge {
  const { body, behaviour } = parts;
  const nowMs = Date.now();
  const otherCurrency = body.currency === "EUR" ? "USD" : "EUR";
  return {
    kind: "charge",
    reference: `ch_${compactUuid()}`,
    idempotencyKey: parts.idempotencyKey,
    fingerprint: parts.fingerprint,
    token: body.payment_method,
    amount: behaviour.distortion === "amount" ? String(BigInt(body.amount) + 1n) : body.amount,
    currency: behaviour.distortion === "currency" ? otherCurrency : body.currency,
    status: behaviour.status,
    declineCode: behaviour.declineCode,
    redirects: behaviour.redirects,
    returnUrl: body.return_url,
    metadata: body.metadata,
    createdAtMs: nowMs,
    hiddenUntilMs: behaviour.hiddenFromInquiryMs > 0 ? nowMs + behaviour.hiddenFromInquiryMs * parts.delayScale : 0,
  };
}
