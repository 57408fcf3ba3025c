import { and, eq, inArray } from "../drizzle.ts";
import { transitions } from "../schema/engine.ts";
import { paymentOrders } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import { MAX_HISTORY } from "./actor-key.ts";
import type { EventsOfOrder } from "./list-events.ts";
import { msOfId } from "./uuid-range.ts";

/**
 * What `listEvents` needs to find the events of one order, and that of its payment event, which was written with
 * whichever order ended last. Null when the merchant has no such order.
 */
export async function findOrderMoments(
  db: Database,
  merchantId: number,
  paymentOrderId: string,
): Promise<EventsOfOrder | null> {
  const [order] = await db
    .select({ id: paymentOrders.id, paymentEventId: paymentOrders.paymentEventId })
    .from(paymentOrders)
    .where(and(eq(paymentOrders.merchantId, merchantId), eq(paymentOrders.paymentOrderId, paymentOrderId)))
    .limit(1);
  if (order === undefined) return null;
  const siblings = db
    .select({ id: paymentOrders.id })
    .from(paymentOrders)
    .where(and(eq(paymentOrders.merchantId, merchantId), eq(paymentOrders.paymentEventId, order.paymentEventId)));
  const steps = await db
    .select({ stepId: transitions.stepId })
    .from(transitions)
    .where(and(eq(transitions.merchantId, merchantId), inArray(transitions.actorId, siblings)))
    .limit(MAX_HISTORY);
  return {
    subjectIds: [order.id, order.paymentEventId],
    movedAt: steps.map(({ stepId }) => new Date(msOfId(stepId))),
  };
}
