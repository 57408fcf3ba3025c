/** Payment orders as the HTTP front reads them: one, a checkout's, a page of them, the queues. */
import type { OrderRow } from "../../../../src/db/queries/order-columns.ts";
import type { PaymentOrderPage } from "../../../../src/db/queries/list-payment-orders.ts";
import { firstIdAt } from "../../../../src/db/queries/uuid-range.ts";
import type { Reads } from "../../../../src/db/reads.ts";
import type { Synchronous } from "../../model-contract.ts";
import { textArgument, timestamptz, uuidArgument } from "../casts.ts";
import { compareText } from "../order.ts";
import { joinKey, keyOf, type Order } from "../rows.ts";
import type { Store } from "../store.ts";
import { limitOf } from "../statements/actors.ts";
import { countQueues } from "./queues.ts";

type OrderReads = Pick<
  Synchronous<Reads>,
  "findPaymentOrder" | "findCheckout" | "listPaymentOrders" | "listQueue" | "countQueues"
>;

/** The order with what its payment event shares; null when that is missing, as in the join. */
function toRow(store: Store, order: Order): OrderRow | null {
  const event = store.paymentEvents.get(keyOf(order.merchantId, order.paymentEventId));
  if (event === undefined) return null;
  return {
    merchantId: order.merchantId,
    id: order.id,
    paymentOrderId: order.paymentOrderId,
    paymentEventId: order.paymentEventId,
    ordinal: order.ordinal,
    sellerAccount: order.sellerAccount,
    amount: order.amount,
    currency: order.currency,
    platformFee: order.platformFee,
    psp: order.psp,
    description: order.description,
    metadata: order.metadata as OrderRow["metadata"],
    createdAt: new Date(order.createdAtMs),
    status: order.status,
    phase: order.phase,
    pspReference: order.pspReference,
    amountCaptured: order.amountCaptured,
    amountRefunded: order.amountRefunded,
    lateOpen: order.lateOpen,
    ledgerUpdated: order.ledgerUpdated,
    stateSince: new Date(order.stateSinceMs),
    updatedAt: new Date(order.updatedAtMs),
    snapshot: order.snapshot,
    revision: order.revision,
    owner: order.owner,
    ownerName: order.owner === null ? null : (store.nodes.get(order.owner)?.name ?? null),
    quarantinedAt: order.quarantinedAtMs === null ? null : new Date(order.quarantinedAtMs),
    quarantineReason: order.quarantineReason,
    checkoutId: event.checkoutId,
    paymentMethodToken: event.paymentMethodToken,
    returnUrl: event.returnUrl,
    orderCount: event.orderCount,
  };
}

const toRows = (store: Store, orders: readonly Order[]): readonly OrderRow[] =>
  orders.map((order) => toRow(store, order)).filter((row) => row !== null);

/** Far more than an id's time may differ from its order's, as `list-payment-orders.ts` has it. */
const ID_SLACK_MS = 60_000;

function matcherOf(store: Store, { merchantId, filter, beforeId }: PaymentOrderPage): (order: Order) => boolean {
  const { createdFrom, createdBefore, checkoutId, pspReference } = filter;
  const before = beforeId === null ? null : uuidArgument(beforeId);
  const event =
    checkoutId === undefined ? undefined : store.checkouts.get(joinKey(merchantId, textArgument(checkoutId)));
  const booked = new Set(
    pspReference?.psps
      .map((psp) => store.bookedReferences.get(joinKey(psp, pspReference.reference)))
      .map((found) => (found?.merchantId === merchantId ? found.actorId : null)),
  );
  return (order) =>
    order.merchantId === merchantId &&
    (before === null || order.id < before) &&
    (filter.status === undefined || order.status === filter.status) &&
    (filter.phase === undefined || order.phase === filter.phase) &&
    (filter.sellerAccount === undefined || order.sellerAccount === filter.sellerAccount) &&
    (checkoutId === undefined || order.paymentEventId === event?.id) &&
    (pspReference === undefined ||
      booked.has(order.id) ||
      (order.pspReference === pspReference.reference && order.status !== "SUCCESS")) &&
    (createdFrom === undefined ||
      (order.createdAtMs >= createdFrom.getTime() && order.id >= firstIdAt(createdFrom.getTime() - ID_SLACK_MS))) &&
    (createdBefore === undefined ||
      (order.createdAtMs < createdBefore.getTime() && order.id < firstIdAt(createdBefore.getTime() + ID_SLACK_MS)));
}

/** Newest first. */
const byIdDown = (one: Order, other: Order): number => compareText(other.id, one.id);
const bySinceDown = (one: Order, other: Order): number => other.stateSinceMs - one.stateSinceMs || byIdDown(one, other);

function isInQueue({ phase, quarantinedAtMs, lateOpen }: Order, queue: string): boolean {
  if (queue === "late") return lateOpen > 0;
  if (queue === "parked") return phase === "parked" || quarantinedAtMs !== null;
  return phase === queue && quarantinedAtMs === null;
}

export function createOrderReads(store: Store): OrderReads {
  return {
    findPaymentOrder(merchantId, paymentOrderId) {
      const order = store.orderNames.get(joinKey(merchantId, textArgument(paymentOrderId)));
      return order === undefined ? null : toRow(store, order);
    },
    findCheckout(merchantId, checkoutId) {
      const event = store.checkouts.get(joinKey(merchantId, textArgument(checkoutId)));
      if (event === undefined) return null;
      return {
        checkoutId: event.checkoutId,
        buyerInfo: event.buyerInfo,
        metadata: event.metadata,
        returnUrl: event.returnUrl,
        createdAt: new Date(event.createdAtMs),
        orders: toRows(store, store.ordersOfEvent.get(keyOf(merchantId, event.id)) ?? []),
      };
    },
    listPaymentOrders(page) {
      const matches = matcherOf(store, page);
      const orders = [...store.orders.values()].filter(matches).sort(byIdDown);
      return toRows(store, orders).slice(0, limitOf(page.limit));
    },
    listQueue({ merchantId, queue, before, limit }) {
      const since = before === null ? null : { ms: timestamptz(before.since) ?? 0, id: uuidArgument(before.id) };
      const orders = [...store.orders.values()].filter(
        (order) =>
          order.merchantId === merchantId &&
          isInQueue(order, queue) &&
          (since === null || order.stateSinceMs < since.ms || (order.stateSinceMs === since.ms && order.id < since.id)),
      );
      return toRows(store, orders.sort(bySinceDown)).slice(0, limitOf(limit));
    },
    countQueues: (merchantId) => countQueues(store, merchantId),
  };
}
