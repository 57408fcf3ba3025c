/** The act after the commit: one PSP call, and its answer as the actor's next event. */
import type { PspFact, Stamp } from "../../machines/payment-order-types.ts";
import { assertNever } from "../core/assert.ts";
import type { InquiryOutcome, Outcome } from "../core/outcomes.ts";
import { MAX_AMOUNT_MINOR } from "../core/money.ts";
import type { Ports } from "../core/ports.ts";
import type { Answer } from "../psp/connector.ts";
import type { ActorRef, CallIntent, Connectors } from "./actor.ts";
import type { ActorStore } from "./actor-store.ts";
import type { Observation } from "./item.ts";
import type { Ownership } from "./ownership.ts";

export interface CallAnswer {
  readonly event: PspFact;
  readonly observation: Observation;
}

export interface CallDeps {
  readonly connectors: Connectors;
  readonly store: Pick<ActorStore, "loadRequest">;
  readonly ownership: Pick<Ownership, "sureUntilMs">;
  readonly ports: Ports;
  readonly onCall?: (report: {
    readonly psp: string;
    readonly kind: string;
    readonly outcome: string;
    readonly latencyMs: number;
  }) => void;
}

const MAX_REASON_LENGTH = 200;
const NOTHING_RECEIVED = { status: null, body: new Uint8Array() };

/** The machine's event for an outcome; `origin` says whose it is. */
export function toFact(
  outcome: Outcome | InquiryOutcome,
  origin: {
    readonly source: "answer" | "inquiry" | "webhook";
    readonly operation: number;
    readonly attempt: number | null;
  },
  stamp: Stamp,
): PspFact {
  const common = { ...origin, ...stamp };
  switch (outcome.kind) {
    case "succeeded":
      // No such payment exists, and no column would hold it: the PSP is asked, and a person looks at it in the end.
      if (outcome.amountMinor <= 0n || outcome.amountMinor > MAX_AMOUNT_MINOR) {
        return { type: "psp.unknown", reason: "implausible_amount", ...common };
      }
      return {
        type: "psp.succeeded",
        reference: outcome.reference,
        amount: outcome.amountMinor.toString(),
        currency: outcome.currency,
        captured: outcome.captured,
        ...common,
      };
    case "pending":
      return {
        type: "psp.pending",
        reference: outcome.reference,
        nextActionUrl: outcome.nextAction?.url ?? null,
        ...common,
      };
    case "declined":
      return {
        type: "psp.declined",
        reference: outcome.reference,
        code: outcome.code,
        message: outcome.message,
        declineCode: outcome.declineCode,
        retryable: outcome.retryable,
        ...common,
      };
    case "unsent":
      return {
        type: "psp.unsent",
        reason: outcome.reason,
        retryAfterMs: outcome.retryAfterMs,
        heldBack: outcome.heldBack ?? false,
        ...common,
      };
    case "unknown":
      return { type: "psp.unknown", reason: outcome.reason, ...common };
    case "not_found":
      return { type: "psp.not_found", ...common };
    default:
      return assertNever(outcome);
  }
}

export function toStamp(ports: Ports): Stamp {
  return { at: ports.clock.nowMs(), jitter: ports.random.unit() };
}

/** Makes the call, if the claim under which it was committed still holds. Never rejects: whatever goes wrong is an outcome. */
export async function performCall(deps: CallDeps, ref: ActorRef, call: CallIntent, claim: number): Promise<CallAnswer> {
  const { clock } = deps.ports;
  const startedMs = clock.monotonicMs();
  const source = call.kind === "charge" ? "answer" : "inquiry";
  const toEvent = (outcome: Outcome | InquiryOutcome): PspFact =>
    toFact(outcome, { source, operation: call.operationNumber, attempt: call.attempt }, toStamp(deps.ports));
  let answer: Answer<Outcome | InquiryOutcome>;
  let event: PspFact;
  try {
    answer = await callPsp(deps, ref, call, claim);
    event = toEvent(answer.outcome);
  } catch (error) {
    // A connector classifies and does not throw; if one does, the call may have happened.
    const reason = `connector_failed: ${String(error).slice(0, MAX_REASON_LENGTH)}`;
    answer = { outcome: { kind: "unknown", reason }, raw: NOTHING_RECEIVED };
    event = toEvent(answer.outcome);
  }
  const latencyMs = Math.round(clock.monotonicMs() - startedMs);
  deps.onCall?.({ psp: call.psp, kind: call.kind, outcome: answer.outcome.kind, latencyMs });
  return {
    event,
    observation: {
      attempt: call.attempt,
      source,
      fact: event,
      httpStatus: answer.raw.status,
      bodyBase64: Buffer.from(answer.raw.body).toString("base64"),
      latencyMs,
    },
  };
}

async function callPsp(
  deps: CallDeps,
  ref: ActorRef,
  call: CallIntent,
  claim: number,
): Promise<Answer<Outcome | InquiryOutcome>> {
  const { idempotencyKey } = call;
  const connector = deps.connectors.get(call.psp);
  const isCharge = call.kind === "charge";
  const holdBack = (reason: string): Answer<Outcome> => ({
    outcome: isCharge ? { kind: "unsent", reason, retryAfterMs: null, heldBack: true } : { kind: "unknown", reason },
    raw: NOTHING_RECEIVED,
  });
  if (connector === undefined) {
    const reason = "psp_not_configured";
    return { outcome: { kind: isCharge ? "unsent" : "unknown", reason, retryAfterMs: null }, raw: NOTHING_RECEIVED };
  }
  let body = "";
  try {
    if (isCharge) body = call.request ?? (await deps.store.loadRequest(ref, call.operationNumber));
  } catch {
    return holdBack("request_not_loaded");
  }
  // Asked last, with nothing awaited between here and the send: a paused process must not call, nor one whose claim lapsed
  // between the commit and the news of it.
  const sendBeforeMs = deps.ownership.sureUntilMs(claim);
  if (deps.ports.clock.monotonicMs() >= sendBeforeMs) return holdBack("ownership_unsure");
  return isCharge
    ? await connector.charge({ idempotencyKey, body, sendBeforeMs })
    : await connector.inquire({ idempotencyKey });
}
