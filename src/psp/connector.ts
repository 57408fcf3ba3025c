/**
 * What Florin needs of a PSP. One folder a PSP implements it; `test/psp/connector-contract.ts` runs the same
 * test over every connector. A connector never throws for what the PSP or the network does: it classifies.
 * It keeps no state about orders, and it never resends by itself.
 */
import type { InquiryOutcome, Outcome } from "../core/outcomes.ts";

/** Everything a connector may use to build a charge. The same input gives the same bytes. */
export interface ChargeRequest {
  readonly merchantId: number;
  /** Our internal UUID of the order; comes back in webhooks. */
  readonly orderId: string;
  /** The merchant's own id of the order. */
  readonly paymentOrderId: string;
  readonly checkoutId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly paymentMethodToken: string;
  /** Where the PSP sends the buyer after a redirect; null when there is nowhere. */
  readonly returnUrl: string | null;
}

/** What was received, as bytes: a PSP's text may hold NUL or lone surrogates that no text column takes. */
export interface RawAnswer {
  /** HTTP status; null when no answer came. */
  readonly status: number | null;
  /** At most `MAX_ANSWER_BYTES` of the body. */
  readonly body: Uint8Array;
}

/** What is kept of an answer. Longer bodies are cut. */
export const MAX_ANSWER_BYTES = 16_384;

export interface Answer<O> {
  readonly outcome: O;
  readonly raw: RawAnswer;
}

export interface ConnectorLimits {
  /** After this a call is given up as `unknown`. */
  readonly timeoutMs: number;
  /** Calls at one time; the rest wait. */
  readonly maxConcurrent: number;
  /** After this "not found" is final. */
  readonly settleTimeMs: number;
  /** For how long the PSP remembers an idempotency key; never resent later than that. */
  readonly keyLifetimeMs: number;
}

/** A PSP's notice after its signature was checked. `fact` is null when we don't know its type. */
export interface PspNotice {
  /** The PSP's id of the notice, unique within the PSP account. */
  readonly eventId: string;
  readonly type: string;
  /** Whose it is, as we sent it with the charge; null when the notice names none. */
  readonly subject: NoticeSubject | null;
  readonly fact: Outcome | null;
}

export interface NoticeSubject {
  readonly merchantId: number;
  readonly orderId: string;
  /** The key of the operation that the notice is about. */
  readonly idempotencyKey: string;
}

export type NoticeVerdict =
  | { readonly kind: "genuine"; readonly notice: PspNotice }
  | { readonly kind: "forged"; readonly reason: string }
  | { readonly kind: "stale"; readonly reason: string };

export interface RawNotice {
  readonly body: Uint8Array;
  /** Lower-case header names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly nowMs: number;
  /** Shared secrets that are valid now, newest first. */
  readonly secrets: readonly string[];
}

export interface ChargeCall {
  readonly idempotencyKey: string;
  readonly body: string;
  /**
   * Monotonic time until which the sender's claim on the order surely holds. A call that waits for a place is
   * checked against it again right before it leaves.
   */
  readonly sendBeforeMs?: number;
}

export interface Connector {
  /** The PSP account that this connector speaks for, as in `/psp/{psp_account}/webhooks`. */
  readonly account: string;
  readonly limits: ConnectorLimits;
  /** The body of a charge. It is stored with the intent and sent unchanged on every resend. */
  buildCharge(request: ChargeRequest): string;
  charge(call: ChargeCall): Promise<Answer<Outcome>>;
  /** Asks what became of the operation under that key. */
  inquire(call: { readonly idempotencyKey: string }): Promise<Answer<InquiryOutcome>>;
  /** Checks signature and age on the raw bytes, then reads the notice. */
  readNotice(raw: RawNotice): NoticeVerdict;
  /** Where a buyer types the card for a hosted page: the PSP's own form, which comes back to `returnUrl`. */
  cardFormUrl(form: { readonly checkoutId: string; readonly returnUrl: string; readonly summary: string }): string;
}
