/**
 * A PSP that lives in this process and says yes at once: it shows what Florin itself can do, without a PSP's
 * share of the time. It keeps nothing. The reference follows from the key, so a repeated charge under one key is
 * the same charge; an inquiry finds nothing, and the resend that follows gives the same reference again.
 */
import type { Answer, ChargeRequest, Connector } from "../connector.ts";
import type { Outcome } from "../../core/outcomes.ts";
import { isRecord } from "../untrusted-text.ts";

const NO_BYTES = new Uint8Array(0);
/** It never waits for anything, so its limits bound nothing; they must only be valid. */
const TIMEOUT_MS = 1_000;
const MAX_CONCURRENT = 100_000;
const KEY_LIFETIME_MS = 86_400_000;

export function createInstantConnector(options: { readonly account: string }): Connector {
  return {
    account: options.account,
    limits: {
      timeoutMs: TIMEOUT_MS,
      maxConcurrent: MAX_CONCURRENT,
      settleTimeMs: 0,
      keyLifetimeMs: KEY_LIFETIME_MS,
    },
    buildCharge: ({ amountMinor, currency }: ChargeRequest) =>
      JSON.stringify({ amount: amountMinor.toString(), currency }),
    charge: ({ idempotencyKey, body }) => Promise.resolve(answerCharge(idempotencyKey, body)),
    inquire: () => Promise.resolve({ outcome: { kind: "not_found" }, raw: { status: 404, body: NO_BYTES } }),
    readNotice: () => ({ kind: "forged", reason: "this PSP sends no notices" }),
    cardFormUrl({ returnUrl }) {
      const url = new URL(returnUrl);
      url.searchParams.set("token", "pm_card_visa");
      return url.href;
    },
  };
}

function answerCharge(idempotencyKey: string, body: string): Answer<Outcome> {
  const charge = readBody(body);
  if (charge === null) {
    const outcome: Outcome = { kind: "unsent", reason: "invalid_request", retryAfterMs: null };
    return { outcome, raw: { status: 400, body: NO_BYTES } };
  }
  const reference = `instant_${idempotencyKey}`;
  return {
    outcome: { kind: "succeeded", reference, captured: true, ...charge },
    raw: { status: 201, body: Buffer.from(`{"reference":${JSON.stringify(reference)},"status":"succeeded"}`) },
  };
}

function readBody(text: string): { readonly amountMinor: bigint; readonly currency: string } | null {
  try {
    const body: unknown = JSON.parse(text);
    if (!isRecord(body) || typeof body.amount !== "string" || typeof body.currency !== "string") return null;
    return { amountMinor: BigInt(body.amount), currency: body.currency };
  } catch {
    return null;
  }
}
