import { and, asc, eq } from "../drizzle.ts";
import { paymentEvents, paymentOrders } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import type { OrderRow } from "./order-columns.ts";
import { selectOrders } from "./select-orders.ts";

export interface CheckoutRow {
  readonly checkoutId: string;
  readonly buyerInfo: unknown;
  readonly metadata: unknown;
  readonly returnUrl: string | null;
  readonly createdAt: Date;
  /** In the order of the request. */
  readonly orders: readonly OrderRow[];
}

/** A payment event with its orders; null when the merchant has no such checkout. */
export async function findCheckout(db: Database, merchantId: number, checkoutId: string): Promise<CheckoutRow | null> {
  const [event] = await db
    .select({
      id: paymentEvents.id,
      checkoutId: paymentEvents.checkoutId,
      buyerInfo: paymentEvents.buyerInfo,
      metadata: paymentEvents.metadata,
      returnUrl: paymentEvents.returnUrl,
      createdAt: paymentEvents.createdAt,
    })
    .from(paymentEvents)
    .where(and(eq(paymentEvents.merchantId, merchantId), eq(paymentEvents.checkoutId, checkoutId)))
    .limit(1);
  if (event === undefined) return null;
  const orders = await selectOrders(db)
    .where(and(eq(paymentOrders.merchantId, merchantId), eq(paymentOrders.paymentEventId, event.id)))
    .orderBy(asc(paymentOrders.ordinal));
  const { id: _, ...rest } = event;
  return { ...rest, orders };
}
