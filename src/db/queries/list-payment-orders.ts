import { and, desc, eq, gte, lt, sql, type SQL } from "../drizzle.ts";
import { paymentOrders } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import type { OrderRow } from "./order-columns.ts";
import { selectOrders } from "./select-orders.ts";
import { firstIdAt } from "./uuid-range.ts";

export interface PaymentOrderFilter {
  readonly status?: OrderRow["status"];
  readonly phase?: string;
  readonly sellerAccount?: string;
  readonly checkoutId?: string;
  readonly pspReference?: PspReferenceFilter;
  readonly createdFrom?: Date;
  readonly createdBefore?: Date;
}

/** A reference is unique within its PSP account; `psps` are all accounts there are. */
export interface PspReferenceFilter {
  readonly reference: string;
  readonly psps: readonly string[];
}

export interface PaymentOrderPage {
  readonly merchantId: number;
  readonly filter: PaymentOrderFilter;
  /** Internal id of the last order of the page before; null for the first page. */
  readonly beforeId: string | null;
  readonly limit: number;
}

/** An id is made moments before or after its order's `created_at`; far more than that is allowed here. */
const ID_SLACK_MS = 60_000;

/** Newest first, by the time-ordered internal id. */
export async function listPaymentOrders(db: Database, page: PaymentOrderPage): Promise<readonly OrderRow[]> {
  return await selectOrders(db)
    .where(and(eq(paymentOrders.merchantId, page.merchantId), ...conditionsOf(page)))
    .orderBy(desc(paymentOrders.id))
    .limit(page.limit);
}

function conditionsOf({ merchantId, filter, beforeId }: PaymentOrderPage): SQL[] {
  const { createdFrom, createdBefore } = filter;
  const conditions: SQL[] = [];
  if (beforeId !== null) conditions.push(lt(paymentOrders.id, beforeId));
  if (filter.status !== undefined) conditions.push(eq(paymentOrders.paymentOrderStatus, filter.status));
  if (filter.phase !== undefined) conditions.push(eq(paymentOrders.phase, filter.phase));
  if (filter.sellerAccount !== undefined) conditions.push(eq(paymentOrders.sellerAccount, filter.sellerAccount));
  if (filter.checkoutId !== undefined) conditions.push(isOfCheckout(merchantId, filter.checkoutId));
  if (filter.pspReference !== undefined) conditions.push(hasReference(merchantId, filter.pspReference));
  // The bounds on the id let the primary key do the work; `created_at` alone decides.
  if (createdFrom !== undefined) {
    conditions.push(
      gte(paymentOrders.createdAt, createdFrom),
      gte(paymentOrders.id, firstIdAt(createdFrom.getTime() - ID_SLACK_MS)),
    );
  }
  if (createdBefore !== undefined) {
    conditions.push(
      lt(paymentOrders.createdAt, createdBefore),
      lt(paymentOrders.id, firstIdAt(createdBefore.getTime() + ID_SLACK_MS)),
    );
  }
  return conditions;
}

function isOfCheckout(merchantId: number, checkoutId: string): SQL {
  return sql`${paymentOrders.paymentEventId} = (
    SELECT e.id FROM payment_events e WHERE e.merchant_id = ${merchantId} AND e.checkout_id = ${checkoutId})`;
}

/** Booked references are unique in the journal; those of orders that are not booked have an index of their own. */
function hasReference(merchantId: number, { reference, psps }: PspReferenceFilter): SQL {
  return sql`${paymentOrders.id} IN (
    SELECT j.actor_id FROM journal_entries j
    WHERE j.psp IN (${sql.join(
      psps.map((psp) => sql`${psp}`),
      sql`, `,
    )}) AND j.psp_reference = ${reference} AND j.merchant_id = ${merchantId}
    UNION ALL
    SELECT p.id FROM payment_orders p
    WHERE p.merchant_id = ${merchantId} AND p.psp_reference = ${reference} AND p.payment_order_status <> 'SUCCESS')`;
}
