/** What a step changes in its order's row and in the counts of the payment event. */
import { bool, int2, int4, int8, json, text, timestamptz, uuid } from "../casts.ts";
import { outOfRange, required } from "../errors.ts";
import { recordset, type RowOf } from "../recordset.ts";
import { keyOf, type Order, type PaymentEvent } from "../rows.ts";
import { changeRow, setOwner, type Store } from "../store.ts";
import type { UndoLog } from "../undo.ts";
import { insertEvent } from "./history.ts";
import { isAccepted, type Refused } from "./judge.ts";

const MOVED = {
  item: int4,
  merchant_id: int4,
  id: uuid,
  status: text,
  phase: text,
  psp_reference: text,
  amount_captured: int8,
  late_added: int2,
  booked: bool,
  at: timestamptz,
  machine_version: int2,
  snapshot: json,
  owner: uuid,
  new_token: int8,
};
const moved = recordset(MOVED);
const MAX_SMALLINT = 2 ** 15 - 1;

export function moveOrders(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const rows = moved.read(section);
  const before = new Map<Order, Order>();
  for (const row of rows) {
    const order = store.orders.get(keyOf(row.merchant_id, row.id));
    if (order === undefined || !isAccepted(refused, row.item)) continue;
    const known = before.get(order);
    const changes = toChanges(known ?? order, row);
    // A row is updated once by one statement; a second one that names it is checked all the same, and dropped.
    if (known !== undefined) continue;
    if (rows.length > 1) before.set(order, { ...order });
    const { owner } = order;
    undo.touch(order.key);
    changeRow(order, changes, undo);
    setOwner(store, order, row.owner);
    // Undone before the row itself, so that the index of owners is put right too.
    undo.push(() => setOwner(store, order, owner));
  }
}

/** `OR` with NULL. */
const or = (one: boolean, other: boolean | null): boolean | null => one || other;

function toChanges(order: Order, row: RowOf<typeof MOVED>): Partial<Order> {
  const table = "payment_orders";
  const lateOpen = addLate(order.lateOpen, row.late_added);
  const isSameState = order.status === row.status && order.phase === row.phase;
  return {
    status: required(row.status, table, "payment_order_status") as Order["status"],
    phase: row.phase,
    pspReference: row.psp_reference,
    amountCaptured: required(row.amount_captured, table, "amount_captured"),
    lateOpen: required(lateOpen, table, "late_open"),
    ledgerUpdated: required(or(order.ledgerUpdated, row.booked), table, "ledger_updated"),
    walletUpdated: required(or(order.walletUpdated, row.booked), table, "wallet_updated"),
    stateSinceMs: isSameState ? order.stateSinceMs : required(row.at, table, "state_since"),
    updatedAtMs: required(row.at, table, "updated_at"),
    machineVersion: required(row.machine_version, table, "machine_version"),
    snapshot: required(row.snapshot, table, "snapshot"),
    version: order.version + 1,
    revision: order.revision + 1,
    fencingToken: Number(required(row.new_token, table, "fencing_token")),
  };
}

function addLate(before: number, added: number | null): number | null {
  if (added === null) return null;
  const sum = before + added;
  if (sum > MAX_SMALLINT || sum < -MAX_SMALLINT - 1) throw outOfRange("smallint", sum);
  return sum;
}

const siblings = recordset({ item: int4, merchant_id: int4, payment_event_id: uuid, has_siblings: bool });
const ended = recordset({
  item: int4,
  merchant_id: int4,
  payment_event_id: uuid,
  succeeded: bool,
  done_event_id: uuid,
  at: timestamptz,
});

interface Ended {
  readonly event: PaymentEvent;
  orders: number;
  succeeded: number;
  doneEventId: string | null;
  atMs: number | null;
}

export function countEnded(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  // Only then is this column read at all.
  if (section.includes('"has_siblings":true')) siblings.read(section);
  const byEvent = new Map<string, Ended>();
  for (const row of ended.read(section)) {
    if (!isAccepted(refused, row.item)) continue;
    const key = keyOf(row.merchant_id, row.payment_event_id);
    const event = store.paymentEvents.get(key);
    if (event === undefined) continue;
    const sum = byEvent.get(key) ?? { event, orders: 0, succeeded: 0, doneEventId: null, atMs: null };
    byEvent.set(key, sum);
    sum.orders += 1;
    if (row.succeeded === true) sum.succeeded += 1;
    const { done_event_id: id, at } = row;
    if (id !== null && (sum.doneEventId === null || id < sum.doneEventId)) sum.doneEventId = id;
    if (at !== null && (sum.atMs === null || at > sum.atMs)) sum.atMs = at;
  }
  for (const { event, orders, succeeded, doneEventId, atMs } of byEvent.values()) {
    const succeededOrderCount = event.succeededOrderCount + succeeded;
    const isPaymentDone = succeededOrderCount === event.orderCount;
    changeRow(event, { openOrderCount: event.openOrderCount - orders, succeededOrderCount, isPaymentDone }, undo);
    if (!isPaymentDone) continue;
    insertEvent(
      store,
      {
        merchantId: event.merchantId,
        id: required(doneEventId, "events", "id"),
        type: "payment_event.done",
        subjectId: event.id,
        orderVersion: null,
        data: null,
        createdAtMs: required(atMs, "events", "created_at"),
      },
      undo,
    );
  }
}
