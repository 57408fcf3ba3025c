/** How a payment order and a payment event look to merchants: in answers, in stored answers and in events. */
import type { PaymentOrderContext } from "../../machines/payment-order-types.ts";
import { formatAmount } from "../core/money.ts";

export type OrderStatus = "NOT_STARTED" | "EXECUTING" | "SUCCESS" | "FAILED";
export type EventStatus = OrderStatus | "PARTIAL";

/** What was asked for, once: it never changes. Money in minor units, times in RFC 3339. */
export interface PaymentOrderTerms {
  readonly merchantId: number;
  readonly id: string;
  readonly paymentOrderId: string;
  readonly ordinal: number;
  readonly sellerAccount: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly platformFeeMinor: bigint;
  readonly psp: string;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly checkout: CheckoutTerms;
}

/** What the orders of one payment event share. */
export interface CheckoutTerms {
  readonly id: string;
  readonly checkoutId: string;
  readonly paymentMethodToken: string | null;
  readonly returnUrl: string | null;
  readonly orderCount: number;
}

/** Where the order stands. */
export interface PaymentOrderStanding {
  readonly status: OrderStatus;
  readonly phase: string | null;
  readonly context: PaymentOrderContext;
  readonly amountRefundedMinor: bigint;
  readonly isBooked: boolean;
  readonly revision: number;
  readonly updatedAt: string;
}

export function toPaymentOrder(terms: PaymentOrderTerms, standing: PaymentOrderStanding) {
  const { context } = standing;
  const { failure } = context;
  return {
    object: "payment_order",
    payment_order_id: terms.paymentOrderId,
    checkout_id: terms.checkout.checkoutId,
    seller_account: terms.sellerAccount,
    amount: formatAmount(terms.amountMinor, terms.currency),
    currency: terms.currency,
    platform_fee: formatAmount(terms.platformFeeMinor, terms.currency),
    status: standing.status,
    phase: standing.phase,
    psp: terms.psp,
    psp_reference: context.reference,
    attempts: context.sends,
    failure:
      failure === null
        ? null
        : {
            code: failure.code,
            message: failure.message,
            ...(failure.declineCode === null ? {} : { decline_code: failure.declineCode }),
            retryable: failure.retryable,
          },
    next_action: context.nextActionUrl === null ? null : { type: "redirect", url: context.nextActionUrl },
    next_check_at: context.timer === null ? null : new Date(context.timer.dueAt).toISOString(),
    amount_captured: formatAmount(BigInt(context.captured), terms.currency),
    amount_refunded: formatAmount(standing.amountRefundedMinor, terms.currency),
    ledger_updated: standing.isBooked,
    wallet_updated: standing.isBooked,
    version: standing.revision,
    description: terms.description,
    metadata: terms.metadata,
    created_at: terms.createdAt,
    updated_at: standing.updatedAt,
  } as const;
}

export type PaymentOrderObject = ReturnType<typeof toPaymentOrder>;

export interface PaymentEventTerms {
  readonly checkoutId: string;
  readonly buyerInfo: unknown;
  readonly metadata: unknown;
  readonly createdAt: string;
}

/** One status for the whole checkout: the orders' own while they agree, EXECUTING while any is open, else PARTIAL. */
export function statusOfEvent(statuses: readonly OrderStatus[]): EventStatus {
  const [first] = statuses;
  if (first !== undefined && statuses.every((status) => status === first)) return first;
  return statuses.every((status) => status === "SUCCESS" || status === "FAILED") ? "PARTIAL" : "EXECUTING";
}

export function toPaymentEvent(terms: PaymentEventTerms, orders: readonly PaymentOrderObject[]) {
  const statuses = orders.map((order) => order.status);
  return {
    object: "payment_event",
    checkout_id: terms.checkoutId,
    status: statusOfEvent(statuses),
    is_payment_done: statuses.length > 0 && statuses.every((status) => status === "SUCCESS"),
    buyer_info: terms.buyerInfo,
    payment_orders: orders,
    metadata: terms.metadata,
    created_at: terms.createdAt,
  } as const;
}
