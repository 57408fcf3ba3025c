import { and, eq } from "../drizzle.ts";
import { paymentOrders } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import type { OrderRow } from "./order-columns.ts";
import { selectOrders } from "./select-orders.ts";

export async function findPaymentOrder(
  db: Database,
  merchantId: number,
  paymentOrderId: string,
): Promise<OrderRow | null> {
  const rows = await selectOrders(db)
    .where(and(eq(paymentOrders.merchantId, merchantId), eq(paymentOrders.paymentOrderId, paymentOrderId)))
    .limit(1);
  return rows[0] ?? null;
}
