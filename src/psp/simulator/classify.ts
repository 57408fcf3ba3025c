/**
 * What an HTTP exchange with the simulator means. The rule behind every line: `unsent` and `not_found` are
 * claims that money did not move, so they need the PSP's documented word for it; a status alone could come
 * from any proxy in between. Everything else is `unknown`.
 */
import type { InquiryOutcome, Outcome, Unknown } from "../../core/outcomes.ts";
import { type HttpExchange, parseRetryAfterMs } from "../http-exchange.ts";
import { isRecord, parseJsonBytes } from "../untrusted-text.ts";
import { readChargeAnswer } from "./charge-answer.ts";

type Answered = Extract<HttpExchange, { kind: "answered" }>;

/** Refusals before anything happened, by status and code as documented. */
const UNSENT_ERRORS: ReadonlySet<string> = new Set([
  "400 invalid_request",
  "400 idempotency_key_missing",
  "413 body_too_large",
]);

const unknown = (reason: string): Unknown => ({ kind: "unknown", reason });

export function classifyCharge(
  exchange: HttpExchange,
  call: { readonly key: string; readonly nowMs: number },
): Outcome {
  if (exchange.kind === "not_sent") return { kind: "unsent", reason: exchange.reason, retryAfterMs: null };
  if (exchange.kind === "lost") return unknown(exchange.reason);
  const { status } = exchange;
  if (status === 200 || status === 201) return readFact(exchange, call.key);
  if (status === 429) {
    return { kind: "unsent", reason: "rate_limited", retryAfterMs: parseRetryAfterMs(exchange.retryAfter, call.nowMs) };
  }
  const code = readErrorCode(exchange);
  if (status === 400 && code === "payment_method_not_found") {
    const message = "The PSP knows no such payment method.";
    return { kind: "declined", reference: null, code, declineCode: null, message, retryable: false };
  }
  if (UNSENT_ERRORS.has(`${status} ${code}`)) {
    return { kind: "unsent", reason: code, retryAfterMs: parseRetryAfterMs(exchange.retryAfter, call.nowMs) };
  }
  // With 409 and 422 our key is known there, so an earlier call under it may well have charged: ask.
  if (status === 409 && code === "idempotency_key_in_use") return unknown("idempotency_key_in_use");
  if (status === 422 && code === "idempotency_key_reused") return unknown("idempotency_key_reused");
  return unknown(`http_${status}`);
}

export function classifyInquiry(exchange: HttpExchange, call: { readonly key: string }): InquiryOutcome {
  if (exchange.kind !== "answered") return unknown(exchange.reason);
  if (exchange.status === 200) return readFact(exchange, call.key);
  if (exchange.status === 404 && readErrorCode(exchange) === "charge_not_found") return { kind: "not_found" };
  return unknown(exchange.status === 429 ? "rate_limited" : `http_${exchange.status}`);
}

function readFact(exchange: Answered, key: string) {
  if (exchange.cut) return unknown("answer_too_long");
  const answer = readChargeAnswer(parseJsonBytes(exchange.body));
  if (answer === null) return unknown("unreadable_answer");
  if (answer.idempotencyKey !== key) return unknown("answer_for_another_key");
  return answer.fact;
}

function readErrorCode(exchange: Answered): string {
  const body = exchange.cut ? undefined : parseJsonBytes(exchange.body);
  const code = isRecord(body) && isRecord(body.error) ? body.error.code : undefined;
  return typeof code === "string" && /^[a-z_]{1,64}$/.test(code) ? code : "";
}
