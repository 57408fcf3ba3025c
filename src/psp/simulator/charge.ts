/**
 * What the simulator holds of a charge, and the two ways it is shown: to the merchant's code (API answers and
 * notices) and to tests (effects, the truth that a test compares our books with).
 */
import { DECLINE_REASONS, type DeclineCode } from "./decline-codes.ts";

export type EffectKind = "charge" | "authorize" | "capture" | "void" | "refund" | "payout" | "dispute";
export type EffectStatus = "succeeded" | "pending" | "declined";

export interface Charge {
  readonly kind: EffectKind;
  readonly reference: string;
  readonly idempotencyKey: string;
  /** Hash of the request body: the same key with another body is refused. */
  readonly fingerprint: string;
  readonly token: string;
  /** Integer minor units. */
  readonly amount: string;
  readonly currency: string;
  readonly status: EffectStatus;
  readonly declineCode: DeclineCode | null;
  /** True when the buyer has to visit the 3DS page. */
  readonly redirects: boolean;
  readonly returnUrl: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  /** Until then an inquiry says "not found"; 0 for never hidden. */
  readonly hiddenUntilMs: number;
}

export interface ChargeView {
  readonly object: "charge";
  readonly reference: string;
  readonly idempotency_key: string;
  readonly status: EffectStatus;
  readonly captured: boolean;
  readonly amount: string;
  readonly currency: string;
  readonly payment_method: string;
  readonly failure: { readonly code: string; readonly decline_code: string; readonly message: string } | null;
  readonly next_action: { readonly type: "redirect"; readonly url: string } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly created_at: string;
}

export function threeDSecureUrl(publicUrl: string, reference: string): string {
  return `${publicUrl}/3ds/${reference}`;
}

/** The charge as merchants see it. */
export function toChargeView(charge: Charge, publicUrl: string): ChargeView {
  const { status, declineCode } = charge;
  const reason = status === "declined" ? DECLINE_REASONS[declineCode ?? "generic_decline"] : null;
  return {
    object: "charge",
    reference: charge.reference,
    idempotency_key: charge.idempotencyKey,
    status,
    captured: status === "succeeded",
    amount: charge.amount,
    currency: charge.currency,
    payment_method: charge.token,
    failure: reason && {
      code: reason.code,
      decline_code: declineCode ?? "generic_decline",
      message: reason.message,
    },
    next_action:
      status === "pending" && charge.redirects
        ? { type: "redirect", url: threeDSecureUrl(publicUrl, charge.reference) }
        : null,
    metadata: charge.metadata,
    created_at: new Date(charge.createdAtMs).toISOString(),
  };
}

export interface EffectView {
  readonly id: string;
  readonly kind: EffectKind;
  readonly payment_order_id: string | null;
  readonly order_id: string | null;
  readonly merchant_id: string | null;
  readonly idempotency_key: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: EffectStatus;
  readonly at: string;
}

/** The charge as one line of the PSP's own truth. */
export function toEffectView(charge: Charge): EffectView {
  return {
    id: charge.reference,
    kind: charge.kind,
    payment_order_id: charge.metadata.payment_order_id ?? null,
    order_id: charge.metadata.order_id ?? null,
    merchant_id: charge.metadata.merchant_id ?? null,
    idempotency_key: charge.idempotencyKey,
    amount: charge.amount,
    currency: charge.currency,
    status: charge.status,
    at: new Date(charge.createdAtMs).toISOString(),
  };
}
