/**
 * What the doors (HTTP, scripts, tests) may ask of payments. The implementation is the only caller of the
 * engine; refused requests throw `Refusal`. Amounts are bigints of minor units, ids are the merchant's own.
 */

/** The longest `Prefer: wait`; longer ones outlive the patience of proxies. */
export const MAX_WAIT_SECONDS = 30;

export interface CheckoutOrder {
  /** The merchant's id of the order; generated when missing. */
  readonly paymentOrderId: string | null;
  readonly sellerAccount: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly platformFeeMinor: bigint;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface BuyerInfo {
  readonly id?: string;
  readonly email?: string;
  readonly name?: string;
  readonly country?: string;
}

export interface CheckoutRequest {
  readonly checkoutId: string | null;
  readonly buyerInfo: BuyerInfo | null;
  /** A token of the PSP, or the hosted page where the buyer will give the card to the PSP. */
  readonly paymentMethod: { readonly kind: "token"; readonly token: string } | { readonly kind: "hosted_page" };
  readonly orders: readonly CheckoutOrder[];
  readonly returnUrl: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface IdempotentCall {
  readonly merchantId: number;
  readonly key: string;
  /** SHA-256, hex, of method, path and the raw body. */
  readonly requestHash: string;
}

/** Bytes that were stored, but for the buyer's data, before they are sent; the same for every replay until those are erased. */
export interface StoredAnswer {
  readonly status: number;
  readonly body: string;
  readonly isReplay: boolean;
}

export type OperatorCommand =
  | { readonly kind: "cancel" }
  | { readonly kind: "retry" }
  | {
      readonly kind: "resolve";
      readonly outcome: "succeeded" | "failed";
      readonly amountMinor: bigint | null;
      readonly reason: string;
      readonly pspReference: string | null;
    };

export interface PaymentsService {
  /**
   * Creates the payment event with its orders and starts them. `waitMs` > 0 waits until every order is
   * terminal, parked, authorized or needs the buyer. Throws `idempotency-key-reused`, `idempotency-in-progress`,
   * `checkout-conflict`, `payment-order-conflict`, `temporarily-unavailable`.
   */
  create(call: IdempotentCall, request: CheckoutRequest, waitMs: number): Promise<StoredAnswer>;
  /** Throws `not-found`, `invalid-state` (with `current_state` and `allowed`), `idempotency-…`. */
  command(call: IdempotentCall, paymentOrderId: string, command: OperatorCommand): Promise<StoredAnswer>;
  /** The buyer's card came back from the PSP's form as a token: starts the orders that wait for it. Safe to repeat. */
  startHosted(merchantId: number, checkoutId: string, token: string): Promise<void>;
  /** Somebody looks at an order that waits for a PSP: asks the PSP once more, at most every few seconds. */
  askOnRead(merchantId: number, paymentOrderId: string): void;
}

/** What became of a PSP's notice. `stored` answers 200, whatever the order made of it. */
export interface WebhookService {
  /** Throws `webhook-signature-invalid`, `webhook-timestamp-out-of-tolerance`, `webhook-not-configured`, `not-found`. */
  receive(pspAccount: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void>;
}
