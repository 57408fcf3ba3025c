/** The one map from an error to an answer: RFC 9457 problem documents. */
import { HTTPException } from "hono/http-exception";
import type { Logger } from "pino";
import { REFUSAL_STATUS, Refusal, type RefusalCode } from "../core/errors.ts";
import { type AnswerHeaders, sendBody } from "./answers.ts";
import { containsCardNumber } from "./body/card-guard.ts";
import type { HttpContext } from "./http-env.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** What each code means, in a few words; `detail` says what to do about this very request. */
export const PROBLEM_TITLES: Readonly<Record<RefusalCode, string>> = {
  "invalid-json": "The body is not JSON",
  "duplicate-json-key": "A JSON object has a key twice",
  "invalid-cursor": "The cursor is not one of ours",
  "idempotency-key-missing": "The Idempotency-Key header is missing",
  "idempotency-key-invalid": "The Idempotency-Key header is malformed",
  unauthenticated: "The request is not authenticated",
  "webhook-signature-invalid": "The webhook's signature is missing or wrong",
  "webhook-timestamp-out-of-tolerance": "The webhook is too old or too new",
  "insufficient-scope": "The API key may not do this",
  "cross-site-refused": "The request does not come from the console's own pages",
  "not-found": "There is no such thing",
  "method-not-allowed": "The method is not allowed here",
  "invalid-state": "The current state does not allow this",
  "checkout-conflict": "The checkout exists with other content",
  "payment-order-conflict": "The payment order exists in another checkout",
  "idempotency-in-progress": "The first request under this key is still running",
  "body-too-large": "The body is too large",
  "unsupported-media-type": "The body must be application/json",
  "idempotency-key-reused": "The idempotency key was used for another request",
  "invalid-amount": "An amount is malformed",
  "invalid-currency": "A currency is unknown",
  "amount-out-of-range": "An amount is out of range",
  "card-data-refused": "Card numbers are refused",
  "invalid-request": "The request is not valid",
  "unknown-field": "A field is unknown",
  "invalid-character": "A text has a character that is not allowed",
  "json-too-complex": "The JSON is too deep or has too many values",
  "not-supported": "This is not supported yet",
  "webhook-url-forbidden": "A webhook may not go to this URL",
  "rate-limited": "Too many requests",
  "internal-error": "Something went wrong on our side",
  "temporarily-unavailable": "Not available right now",
  "webhook-not-configured": "No webhook secret is configured",
};

/** When PostgreSQL is away: a restart takes about so long. */
const RETRY_AFTER_SECONDS = 2;

/** SQLSTATE classes and client codes that mean "ask again" (away, restarting, a conflict), not "the question is wrong". */
const DATABASE_AWAY =
  /^(08...|40001|40P01|57P0[1-3]|53[0-4]00|25006|57014|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|STATEMENT_LOST|ECONN(REFUSED|RESET)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

export interface ProblemDeps {
  readonly publicUrl: string;
  readonly log: Logger;
}

export type ErrorAnswerer = (error: unknown, c: HttpContext) => Response;

export function createErrorAnswerer({ publicUrl, log }: ProblemDeps): ErrorAnswerer {
  return (error, c) => {
    const refusal = toRefusal(error);
    if (refusal.code === "internal-error" || (refusal.code === "temporarily-unavailable" && error !== refusal)) {
      log.error({ err: error, request_id: c.get("requestId"), route: c.get("route") }, refusal.message);
    }
    const { errors, extra, retryAfterSeconds } = refusal.options;
    const body = {
      type: `${publicUrl}/problems/${refusal.code}`,
      title: PROBLEM_TITLES[refusal.code],
      status: REFUSAL_STATUS[refusal.code],
      detail: refusal.message,
      instance: instanceOf(c),
      code: refusal.code,
      request_id: c.get("requestId"),
      ...(errors === undefined || errors.length === 0 ? {} : { errors }),
      ...extra,
    };
    const retryAfter = retryAfterSeconds ?? (REFUSAL_STATUS[refusal.code] === 503 ? RETRY_AFTER_SECONDS : null);
    const headers: AnswerHeaders = {
      ...(retryAfter === null ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) }),
      ...(refusal.code === "unauthenticated" ? { "www-authenticate": 'Bearer realm="florin"' } : {}),
      ...allowHeader(extra),
    };
    return sendBody(c, { status: body.status, contentType: PROBLEM_TYPE, body: JSON.stringify(body), headers });
  };
}

/** Every error as a refusal; what nobody foresaw is an `internal-error` that tells nothing. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof HTTPException) return fromStatus(error.status);
  if (isDatabaseAway(error)) {
    return new Refusal(
      "temporarily-unavailable",
      "The database can't be reached. Send the same request again under the same key.",
    );
  }
  return new Refusal(
    "internal-error",
    "Send the request again under the same key; if it stays so, report the request_id.",
  );
}

function fromStatus(status: number): Refusal {
  switch (status) {
    case 401:
      return new Refusal("unauthenticated", "Send Authorization: Bearer with a secret key.");
    case 404:
      return new Refusal("not-found", "There is nothing at this address.");
    case 413:
      return new Refusal("body-too-large", "Send less than 64 KB.");
    case 415:
      return new Refusal("unsupported-media-type", "Send application/json.");
    default:
      return status < 500
        ? new Refusal("invalid-request", "The request can't be read.")
        : new Refusal(
            "internal-error",
            "Send the request again under the same key; if it stays so, report the request_id.",
          );
  }
}

/** Drizzle wraps the driver's error in one of its own; the driver's has the code. */
function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && typeof error.code === "string" && DATABASE_AWAY.test(error.code)) return true;
  return error.cause !== undefined && error.cause !== error && isDatabaseAway(error.cause);
}

function allowHeader(extra: Readonly<Record<string, unknown>> | undefined): AnswerHeaders {
  const methods = extra?.allowed_methods;
  return Array.isArray(methods) ? { allow: methods.join(", ") } : {};
}

/** The path alone: a query may hold tokens, and a path that holds a card number is not repeated. */
function instanceOf(c: HttpContext): string {
  const { path } = c.req;
  return path.length <= 300 && !path.split("/").some(containsCardNumber) ? path : "/";
}
