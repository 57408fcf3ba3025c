/** What every reading query takes of a payment order, and the row that comes out. */
import { sql } from "../drizzle.ts";
import { nodes } from "../schema/engine.ts";
import { paymentEvents, paymentOrders } from "../schema/payments.ts";

export const ORDER_COLUMNS = {
  merchantId: paymentOrders.merchantId,
  id: paymentOrders.id,
  paymentOrderId: paymentOrders.paymentOrderId,
  paymentEventId: paymentOrders.paymentEventId,
  ordinal: paymentOrders.ordinal,
  sellerAccount: paymentOrders.sellerAccount,
  amount: paymentOrders.amount,
  currency: paymentOrders.currency,
  platformFee: paymentOrders.platformFee,
  psp: paymentOrders.psp,
  description: paymentOrders.description,
  metadata: sql<Readonly<Record<string, string>>>`${paymentOrders.metadata}`,
  createdAt: paymentOrders.createdAt,
  status: paymentOrders.paymentOrderStatus,
  phase: paymentOrders.phase,
  pspReference: paymentOrders.pspReference,
  amountCaptured: paymentOrders.amountCaptured,
  amountRefunded: paymentOrders.amountRefunded,
  lateOpen: paymentOrders.lateOpen,
  ledgerUpdated: paymentOrders.ledgerUpdated,
  stateSince: paymentOrders.stateSince,
  updatedAt: paymentOrders.updatedAt,
  snapshot: paymentOrders.snapshot,
  revision: paymentOrders.revision,
  owner: paymentOrders.owner,
  ownerName: nodes.name,
  quarantinedAt: paymentOrders.quarantinedAt,
  quarantineReason: paymentOrders.quarantineReason,
  checkoutId: paymentEvents.checkoutId,
  paymentMethodToken: paymentEvents.paymentMethodToken,
  returnUrl: paymentEvents.returnUrl,
  orderCount: paymentEvents.orderCount,
} as const;

/** One payment order with what its payment event shares; money in minor units. */
export interface OrderRow {
  readonly merchantId: number;
  readonly id: string;
  readonly paymentOrderId: string;
  readonly paymentEventId: string;
  readonly ordinal: number;
  readonly sellerAccount: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly platformFee: bigint;
  readonly psp: string;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly status: "NOT_STARTED" | "EXECUTING" | "SUCCESS" | "FAILED";
  readonly phase: string | null;
  readonly pspReference: string | null;
  readonly amountCaptured: bigint;
  readonly amountRefunded: bigint;
  readonly lateOpen: number;
  readonly ledgerUpdated: boolean;
  readonly stateSince: Date;
  readonly updatedAt: Date;
  readonly snapshot: unknown;
  readonly revision: number;
  readonly owner: string | null;
  readonly ownerName: string | null;
  readonly quarantinedAt: Date | null;
  readonly quarantineReason: string | null;
  readonly checkoutId: string;
  readonly paymentMethodToken: string | null;
  readonly returnUrl: string | null;
  readonly orderCount: number;
}
