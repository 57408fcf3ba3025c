import { and, desc, eq, type SQL, sql } from "../drizzle.ts";
import { paymentOrders } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import type { OrderRow } from "./order-columns.ts";
import { selectOrders } from "./select-orders.ts";

export const QUEUES = ["retrying", "pending", "resolving", "parked", "late"] as const;
export type QueueName = (typeof QUEUES)[number];

export interface QueuePage {
  readonly merchantId: number;
  readonly queue: QueueName;
  /** The last order of the page before; null for the first page. */
  readonly before: { readonly since: string; readonly id: string } | null;
  readonly limit: number;
}

/** Constants, not parameters: only so does the planner see that a partial index fits. */
const IN_QUEUE: Readonly<Record<QueueName, SQL>> = {
  retrying: sql`${paymentOrders.phase} = 'retrying' AND ${paymentOrders.quarantinedAt} IS NULL`,
  pending: sql`${paymentOrders.phase} = 'pending' AND ${paymentOrders.quarantinedAt} IS NULL`,
  resolving: sql`${paymentOrders.phase} = 'resolving' AND ${paymentOrders.quarantinedAt} IS NULL`,
  parked: sql`(${paymentOrders.phase} = 'parked' OR ${paymentOrders.quarantinedAt} IS NOT NULL)`,
  late: sql`${paymentOrders.lateOpen} > 0`,
};

/** Orders that came into the queue last, first. */
export async function listQueue(
  db: Database,
  { merchantId, queue, before, limit }: QueuePage,
): Promise<readonly OrderRow[]> {
  const page =
    before === null
      ? undefined
      : sql`(${paymentOrders.stateSince}, ${paymentOrders.id}) < (${before.since}::timestamptz, ${before.id}::uuid)`;
  return await selectOrders(db)
    .where(and(eq(paymentOrders.merchantId, merchantId), IN_QUEUE[queue], page))
    .orderBy(desc(paymentOrders.stateSince), desc(paymentOrders.id))
    .limit(limit);
}
