/** Headers that change what a request does: `Idempotency-Key`, `Prefer: wait`, `X-Request-Id`. */
import { hash } from "node:crypto";
import { Refusal } from "../core/errors.ts";
import { type IdempotentCall, MAX_WAIT_SECONDS } from "../payments/service.ts";
import { containsCardNumber } from "./body/card-guard.ts";
import { refuseCardData } from "./body/text-guards.ts";
import type { HttpContext } from "./http-env.ts";

const MAX_KEY_CHARS = 255;
const PRINTABLE = /^[\x20-\x7e]+$/;
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The key with or without the quotes of RFC 8941. Throws `idempotency-key-missing`, `-invalid`, `card-data-refused`. */
export function readIdempotencyKey(c: HttpContext): string {
  const header = c.req.header("idempotency-key");
  if (header === undefined || header.trim() === "") {
    throw new Refusal(
      "idempotency-key-missing",
      "Send the header Idempotency-Key with a fresh unique value, such as a UUID, and keep it for repeats.",
    );
  }
  const text = header.trim();
  const key = text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? unquote(text.slice(1, -1)) : text;
  if (key === null || key.length === 0 || key.length > MAX_KEY_CHARS || !PRINTABLE.test(key)) {
    throw new Refusal(
      "idempotency-key-invalid",
      `Send 1 to ${MAX_KEY_CHARS} printable ASCII characters, quoted or not.`,
    );
  }
  if (containsCardNumber(key)) throw refuseCardData();
  return key;
}

/** What a quoted string of RFC 8941 means; null when a quote or backslash in it is not escaped. */
function unquote(text: string): string | null {
  return /^(?:[^"\\]|\\["\\])*$/.test(text) ? text.replace(/\\(["\\])/g, "$1") : null;
}

/** The identity of a request that must happen once. `bodyText` is the body as it came. */
export function toIdempotentCall(c: HttpContext, key: string, bodyText: string): IdempotentCall {
  const requestHash = hash("sha256", `${c.req.method}\n${c.req.path}\n${bodyText}`);
  return { merchantId: c.get("caller").merchantId, key, requestHash };
}

/** Seconds of `Prefer: wait=N`, cut to the limit; null when the header asks for nothing that we do (RFC 7240). */
export function readWaitSeconds(c: HttpContext): number | null {
  const header = c.req.header("prefer");
  if (header === undefined) return null;
  const match = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=$|[,;])/i.exec(header);
  return match === null ? null : Math.min(Number(match[1]), MAX_WAIT_SECONDS);
}

/** The caller's own request id when it is harmless in a log line; null otherwise. */
export function readRequestId(c: HttpContext): string | null {
  const header = c.req.header("x-request-id");
  return header !== undefined && REQUEST_ID.test(header) && !containsCardNumber(header) ? header : null;
}
