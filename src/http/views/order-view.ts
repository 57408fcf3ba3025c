/** Rows of the reading side as the objects that merchants see: the very form that events and stored answers have. */
import { newPaymentOrderContext } from "../../../machines/payment-order-context.ts";
import { restoreSnapshot } from "../../payments/payment-order-snapshot.ts";
import type { PaymentOrderContext } from "../../../machines/payment-order-types.ts";
import type { CheckoutRow } from "../../db/queries/find-checkout.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";
import { type PaymentOrderState, toState } from "../../payments/payment-order-state.ts";
import {
  type PaymentOrderObject,
  type PaymentOrderTerms,
  toPaymentEvent,
  toPaymentOrder,
} from "../../payments/represent.ts";

function toTerms(row: OrderRow): PaymentOrderTerms {
  return {
    merchantId: row.merchantId,
    id: row.id,
    paymentOrderId: row.paymentOrderId,
    ordinal: row.ordinal,
    sellerAccount: row.sellerAccount,
    amountMinor: row.amount,
    currency: row.currency,
    platformFeeMinor: row.platformFee,
    psp: row.psp,
    description: row.description,
    metadata: row.metadata,
    createdAt: row.createdAt.toISOString(),
    checkout: {
      id: row.paymentEventId,
      checkoutId: row.checkoutId,
      paymentMethodToken: row.paymentMethodToken,
      returnUrl: row.returnUrl,
      orderCount: row.orderCount,
    },
  };
}

function toBooks(row: OrderRow) {
  return {
    revision: row.revision,
    amountRefundedMinor: row.amountRefunded,
    isBooked: row.ledgerUpdated,
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** The order as its machine sees it; null when its snapshot can't be restored (it is quarantined then). */
export function readOrderState(row: OrderRow): PaymentOrderState | null {
  const restored = restoreSnapshot(row.snapshot);
  if (restored.kind === "unreadable") return null;
  return toState({
    terms: toTerms(row),
    snapshot: restored.snapshot,
    books: toBooks(row),
    buildCharge: refuseToCharge,
  });
}

/** The reading side never decides anything. */
function refuseToCharge(): never {
  throw new Error("a reader must not build a charge");
}

export function showOrder(row: OrderRow): PaymentOrderObject {
  const state = readOrderState(row);
  if (state !== null) return state.represent();
  const { status, phase } = row;
  return toPaymentOrder(toTerms(row), { status, phase, context: contextFromColumns(row), ...toBooks(row) });
}

export function showCheckout(row: CheckoutRow) {
  const terms = {
    checkoutId: row.checkoutId,
    buyerInfo: row.buyerInfo,
    metadata: row.metadata,
    createdAt: row.createdAt.toISOString(),
  };
  return toPaymentEvent(terms, row.orders.map(showOrder));
}

/** What the columns alone can tell of a quarantined order. */
function contextFromColumns(row: OrderRow): PaymentOrderContext {
  return {
    ...newPaymentOrderContext({
      amount: row.amount.toString(),
      platformFee: row.platformFee.toString(),
      currency: row.currency,
      psp: row.psp,
      policy: "standard",
      settleTimeMs: 0,
      keyLifetimeMs: 0,
    }),
    operation: 0,
    reference: row.pspReference,
    captured: row.amountCaptured.toString(),
  };
}
