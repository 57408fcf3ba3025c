/**
 * A refused request throws one of these; only `src/http` turns the code into a status. `detail` is written
 * for the person who sent the request and says what to do. It never repeats what may be card data.
 */
export const REFUSAL_STATUS = {
  "invalid-json": 400,
  "duplicate-json-key": 400,
  "invalid-cursor": 400,
  "idempotency-key-missing": 400,
  "idempotency-key-invalid": 400,
  unauthenticated: 401,
  "webhook-signature-invalid": 401,
  "webhook-timestamp-out-of-tolerance": 401,
  "insufficient-scope": 403,
  "cross-site-refused": 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "invalid-state": 409,
  "checkout-conflict": 409,
  "payment-order-conflict": 409,
  "idempotency-in-progress": 409,
  "body-too-large": 413,
  "unsupported-media-type": 415,
  "idempotency-key-reused": 422,
  "invalid-amount": 422,
  "invalid-currency": 422,
  "amount-out-of-range": 422,
  "card-data-refused": 422,
  "invalid-request": 422,
  "unknown-field": 422,
  "invalid-character": 422,
  "json-too-complex": 422,
  "not-supported": 422,
  "webhook-url-forbidden": 422,
  "rate-limited": 429,
  "internal-error": 500,
  "temporarily-unavailable": 503,
  "webhook-not-configured": 503,
} as const;

export type RefusalCode = keyof typeof REFUSAL_STATUS;

/** One faulty place in a request body; `pointer` is a JSON Pointer (RFC 6901). */
export interface FieldError {
  readonly pointer: string;
  readonly code: RefusalCode;
  readonly detail: string;
}

export interface RefusalOptions {
  readonly errors?: readonly FieldError[];
  /** Further members of the problem document, such as `current_state` and `allowed`. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
}

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly options: RefusalOptions;

  constructor(code: RefusalCode, detail: string, options: RefusalOptions = {}) {
    super(detail);
    this.code = code;
    this.options = options;
  }
}
