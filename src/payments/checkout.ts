/** From a checked request to a payment event's rows and the actors of its orders. */
import { createHash } from "node:crypto";
import type { PolicyName } from "../../machines/payment-order-policy.ts";
import { newUuid, toPublicId } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import { toStamp } from "../engine/calls.ts";
import type { Opening } from "../engine/engine.ts";
import type { Connector } from "../psp/connector.ts";
import { openPaymentOrder } from "./payment-order-state.ts";
import type { CheckoutTerms, PaymentEventTerms } from "./represent.ts";
import type { CheckoutRequest } from "./service.ts";

export interface NewCheckout {
  readonly terms: PaymentEventTerms;
  readonly row: Record<string, unknown> & { readonly merchant_id: number; readonly checkout_id: string };
  readonly openings: readonly Opening[];
}

export interface CheckoutDeps {
  readonly ports: Ports;
  readonly connector: Connector;
  readonly policy: PolicyName;
  /** How long a hosted page waits for its buyer. */
  readonly hostedExpiryMs: number;
  /** Where the buyer of a hosted page goes. */
  readonly toPayUrl: (merchantId: number, checkoutId: string) => string;
}

/** SHA-256 (hex) of what the client asked for; ids that we generated are no part of it. */
export function hashContent(request: CheckoutRequest): string {
  const content = JSON.stringify(request, (_, value: unknown) => {
    if (typeof value === "bigint") return value.toString();
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    // The order of keys means nothing, neither in JSON nor here.
    return isObject ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  });
  return createHash("sha256").update(content).digest("hex");
}

export function openCheckout(deps: CheckoutDeps, merchantId: number, request: CheckoutRequest): NewCheckout {
  const { ports, connector } = deps;
  const eventId = newUuid(ports);
  const checkoutId = request.checkoutId ?? toPublicId("chk", eventId);
  const stamp = toStamp(ports);
  const createdAt = new Date(stamp.at).toISOString();
  const token = request.paymentMethod.kind === "token" ? request.paymentMethod.token : null;
  const checkout: CheckoutTerms = {
    id: eventId,
    checkoutId,
    paymentMethodToken: token,
    returnUrl: request.returnUrl,
    orderCount: request.orders.length,
  };
  const openings = request.orders.map((order, ordinal): Opening => {
    const id = newUuid(ports);
    const paymentOrderId = order.paymentOrderId ?? toPublicId("po", id);
    const state = openPaymentOrder(
      {
        merchantId,
        id,
        paymentOrderId,
        ordinal,
        sellerAccount: order.sellerAccount,
        amountMinor: order.amountMinor,
        currency: order.currency,
        platformFeeMinor: order.platformFeeMinor,
        psp: connector.account,
        description: order.description,
        metadata: order.metadata,
        createdAt,
        checkout,
      },
      {
        amount: order.amountMinor.toString(),
        platformFee: order.platformFeeMinor.toString(),
        currency: order.currency,
        psp: connector.account,
        policy: deps.policy,
        settleTimeMs: connector.limits.settleTimeMs,
        keyLifetimeMs: connector.limits.keyLifetimeMs,
      },
      (charge) => connector.buildCharge(charge),
    );
    const event =
      token === null
        ? ({
            type: "order.awaited",
            expiresInMs: deps.hostedExpiryMs,
            payUrl: deps.toPayUrl(merchantId, checkoutId),
            ...stamp,
          } as const)
        : ({ type: "order.started", ...stamp } as const);
    return { state, publicId: paymentOrderId, event };
  });
  return {
    terms: { checkoutId, buyerInfo: request.buyerInfo, metadata: request.metadata, createdAt },
    row: {
      merchant_id: merchantId,
      id: eventId,
      checkout_id: checkoutId,
      content_hash: hashContent(request),
      buyer_info: request.buyerInfo,
      payment_method_token: token,
      return_url: request.returnUrl,
      metadata: request.metadata,
      order_count: request.orders.length,
      created_at: createdAt,
    },
    openings,
  };
}
