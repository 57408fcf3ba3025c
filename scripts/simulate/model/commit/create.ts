/** What a creation writes: the idempotency key, the payment event and its orders. */
import { decodeHex, int2, int4, int8, json, text, timestamptz, uuid } from "../casts.ts";
import { required, uniqueViolation } from "../errors.ts";
import { sortByMerchant } from "../order.ts";
import { recordset } from "../recordset.ts";
import { joinKey, keyOf, type IdempotencyKey, type Order, type PaymentEvent } from "../rows.ts";
import { listInOrder, putRow, type Store } from "../store.ts";
import type { UndoLog } from "../undo.ts";
import { isAccepted, type Refused } from "./judge.ts";

const keys = recordset({
  item: int4,
  merchant_id: int4,
  key: text,
  request_hash: text,
  subject: text,
  status: int2,
  answer: text,
});

export function insertKeys(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const rows = keys
    .read(section)
    .filter(({ item }) => isAccepted(refused, item))
    .map((row) => ({ ...row, hash: decodeHex(row.request_hash) }));
  for (const row of sortByMerchant(rows, ({ key }) => key)) {
    const table = "idempotency_keys";
    const key: IdempotencyKey = {
      merchantId: required(row.merchant_id, table, "merchant_id"),
      key: required(row.key, table, "key"),
      requestHash: required(row.hash, table, "request_hash"),
      subject: required(row.subject, table, "subject"),
      status: row.status,
      answer: row.answer,
      createdAtMs: store.nowMs(),
    };
    const name = `${key.merchantId}/${key.key}`;
    if (store.keys.has(name)) throw uniqueViolation(table, "idempotency_keys_merchant_id_key_pk");
    putRow(store.keys, name, key, undo);
  }
}

const checkouts = recordset({
  item: int4,
  merchant_id: int4,
  id: uuid,
  checkout_id: text,
  content_hash: text,
  buyer_info: json,
  payment_method_token: text,
  return_url: text,
  metadata: json,
  order_count: int4,
  created_at: timestamptz,
});

export function insertCheckouts(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const rows = checkouts
    .read(section)
    .filter(({ item }) => isAccepted(refused, item))
    .map((row) => ({ ...row, hash: decodeHex(row.content_hash) }));
  for (const row of sortByMerchant(rows, ({ checkout_id }) => checkout_id)) {
    const table = "payment_events";
    const event: PaymentEvent = {
      merchantId: required(row.merchant_id, table, "merchant_id"),
      id: required(row.id, table, "id"),
      checkoutId: required(row.checkout_id, table, "checkout_id"),
      contentHash: required(row.hash, table, "content_hash"),
      buyerInfo: row.buyer_info,
      paymentMethodToken: row.payment_method_token,
      returnUrl: row.return_url,
      metadata: required(row.metadata, table, "metadata"),
      orderCount: required(row.order_count, table, "order_count"),
      openOrderCount: row.order_count ?? 0,
      succeededOrderCount: 0,
      isPaymentDone: false,
      createdAtMs: required(row.created_at, table, "created_at"),
    };
    const key = keyOf(event.merchantId, event.id);
    const name = joinKey(event.merchantId, event.checkoutId);
    if (store.paymentEvents.has(key)) throw uniqueViolation(table, "payment_events_merchant_id_id_pk");
    if (store.checkouts.has(name)) throw uniqueViolation(table, "payment_events_checkout_id");
    putRow(store.paymentEvents, key, event, undo);
    putRow(store.checkouts, name, event, undo);
  }
}

const created = recordset({
  item: int4,
  merchant_id: int4,
  id: uuid,
  payment_order_id: text,
  payment_event_id: uuid,
  ordinal: int2,
  seller_account: text,
  amount: int8,
  currency: text,
  platform_fee: int8,
  psp: text,
  description: text,
  metadata: json,
  at: timestamptz,
  status: text,
  phase: text,
  machine_version: int2,
  snapshot: json,
  owner: uuid,
});

const byOrdinal = (one: Order, other: Order): number => one.ordinal - other.ordinal;

export function insertOrders(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const rows = created.read(section).filter(({ item }) => isAccepted(refused, item));
  for (const row of sortByMerchant(rows, ({ payment_order_id }) => payment_order_id)) {
    const table = "payment_orders";
    const merchantId = required(row.merchant_id, table, "merchant_id");
    const id = required(row.id, table, "id");
    const order: Order = {
      key: keyOf(merchantId, id),
      merchantId,
      id,
      paymentOrderId: required(row.payment_order_id, table, "payment_order_id"),
      paymentEventId: required(row.payment_event_id, table, "payment_event_id"),
      ordinal: required(row.ordinal, table, "ordinal"),
      sellerAccount: required(row.seller_account, table, "seller_account"),
      amount: required(row.amount, table, "amount"),
      currency: required(row.currency, table, "currency"),
      platformFee: required(row.platform_fee, table, "platform_fee"),
      psp: required(row.psp, table, "psp"),
      description: row.description,
      metadata: required(row.metadata, table, "metadata"),
      createdAtMs: required(row.at, table, "created_at"),
      status: required(row.status, table, "payment_order_status") as Order["status"],
      phase: row.phase,
      pspReference: null,
      amountCaptured: 0n,
      amountRefunded: 0n,
      lateOpen: 0,
      ledgerUpdated: false,
      walletUpdated: false,
      stateSinceMs: row.at ?? 0,
      updatedAtMs: row.at ?? 0,
      machineVersion: required(row.machine_version, table, "machine_version"),
      snapshot: required(row.snapshot, table, "snapshot"),
      version: 1,
      revision: 1,
      owner: row.owner,
      fencingToken: 1,
      quarantinedAtMs: null,
      quarantineReason: null,
    };
    insertOrder(store, order, undo);
  }
}

function insertOrder(store: Store, order: Order, undo: UndoLog): void {
  const name = joinKey(order.merchantId, order.paymentOrderId);
  undo.touch(order.key);
  if (store.orders.has(order.key)) throw uniqueViolation("payment_orders", "payment_orders_merchant_id_id_pk");
  if (store.orderNames.has(name)) throw uniqueViolation("payment_orders", "payment_orders_payment_order_id");
  putRow(store.orders, order.key, order, undo);
  putRow(store.orderNames, name, order, undo);
  const eventKey = keyOf(order.merchantId, order.paymentEventId);
  listInOrder(store.ordersOfEvent, eventKey, { row: order, compare: byOrdinal }, undo);
  const { owner } = order;
  if (owner === null) return;
  const owned = store.ordersOfOwner.get(owner) ?? new Set();
  store.ordersOfOwner.set(owner, owned.add(order));
  undo.push(() => owned.delete(order));
}
