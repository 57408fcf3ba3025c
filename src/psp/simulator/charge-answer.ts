/**
 * Reads a charge as the simulator's API and notices show it. Everything is checked before it counts: a charge
 * that we can't read exactly is null, which means `unknown`, never a guess.
 */
import type { Outcome, Redirect } from "../../core/outcomes.ts";
import { cleanText, isPlainId, isRecord } from "../untrusted-text.ts";
import { isRetryableDecline } from "./decline-codes.ts";

const MAX_CODE_CHARS = 64;
const MAX_MESSAGE_CHARS = 500;
const MAX_URL_CHARS = 2_048;
/** 18 digits fit every bigint column; our own amounts end at 10^17. */
const AMOUNT_PATTERN = /^(?:0|[1-9][0-9]{0,17})$/;
const CURRENCY_PATTERN = /^[A-Z]{3}$/;

export type ChargeFact = Exclude<Outcome, { kind: "unsent" | "unknown" }>;

export interface ChargeAnswer {
  readonly idempotencyKey: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly fact: ChargeFact;
}

export function readChargeAnswer(value: unknown): ChargeAnswer | null {
  if (!isRecord(value) || value.object !== "charge") return null;
  const { reference, idempotency_key: idempotencyKey, metadata } = value;
  if (!isPlainId(reference) || !isPlainId(idempotencyKey)) return null;
  const fact = readFact(value, reference);
  return fact === null ? null : { idempotencyKey, metadata: isRecord(metadata) ? metadata : {}, fact };
}

function readFact(charge: Readonly<Record<string, unknown>>, reference: string): ChargeFact | null {
  switch (charge.status) {
    case "succeeded": {
      const { amount, currency, captured } = charge;
      if (typeof amount !== "string" || !AMOUNT_PATTERN.test(amount)) return null;
      if (typeof currency !== "string" || !CURRENCY_PATTERN.test(currency)) return null;
      if (typeof captured !== "boolean") return null;
      return { kind: "succeeded", reference, amountMinor: BigInt(amount), currency, captured };
    }
    case "pending":
      return { kind: "pending", reference, nextAction: readRedirect(charge.next_action) };
    case "declined": {
      if (!isRecord(charge.failure) || typeof charge.failure.code !== "string") return null;
      const { code, decline_code: declineCode, message } = charge.failure;
      const knownDeclineCode = typeof declineCode === "string" ? cleanText(declineCode, MAX_CODE_CHARS) : null;
      return {
        kind: "declined",
        reference,
        code: cleanText(code, MAX_CODE_CHARS),
        declineCode: knownDeclineCode,
        message: typeof message === "string" ? cleanText(message, MAX_MESSAGE_CHARS) : "",
        retryable: isRetryableDecline(knownDeclineCode),
      };
    }
    default:
      return null;
  }
}

/** A link that buyers will follow: http or https only. Without a usable one the charge is still pending. */
function readRedirect(value: unknown): Redirect | null {
  if (!isRecord(value) || value.type !== "redirect" || typeof value.url !== "string") return null;
  if (value.url.length > MAX_URL_CHARS) return null;
  const url = URL.parse(value.url);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  return { type: "redirect", url: url.href };
}
