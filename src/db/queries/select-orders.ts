import { and, eq } from "../drizzle.ts";
import { nodes } from "../schema/engine.ts";
import { paymentEvents, paymentOrders } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import { ORDER_COLUMNS } from "./order-columns.ts";

/** The common part of every query for payment orders; the caller adds `where`, order and limit. */
export function selectOrders(db: Database) {
  return db
    .select(ORDER_COLUMNS)
    .from(paymentOrders)
    .innerJoin(
      paymentEvents,
      and(eq(paymentEvents.merchantId, paymentOrders.merchantId), eq(paymentEvents.id, paymentOrders.paymentEventId)),
    )
    .leftJoin(nodes, eq(nodes.nodeId, paymentOrders.owner));
}
