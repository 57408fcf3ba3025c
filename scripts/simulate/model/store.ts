/** The tables of the model with their indexes. Who writes keeps them in step through these functions alone. */
import type { UndoLog } from "./undo.ts";
import type * as rows from "./rows.ts";
import { TimeIndex } from "./time-index.ts";

export interface Store {
  readonly nowMs: () => number;
  readonly paymentEvents: Map<rows.Key, rows.PaymentEvent>;
  /** By merchant and checkout id. */
  readonly checkouts: Map<string, rows.PaymentEvent>;
  readonly orders: Map<rows.Key, rows.Order>;
  /** By merchant and payment order id. */
  readonly orderNames: Map<string, rows.Order>;
  readonly ordersOfEvent: Map<rows.Key, rows.Order[]>;
  readonly ordersOfOwner: Map<string, Set<rows.Order>>;
  readonly transitions: Map<rows.Key, rows.Transition[]>;
  readonly attempts: Map<rows.Key, rows.Attempt[]>;
  readonly observations: Map<rows.Key, rows.Observation[]>;
  readonly unhandledObservations: TimeIndex<rows.Observation>;
  readonly timers: Map<rows.Key, rows.Timer>;
  readonly timersDue: TimeIndex<rows.Timer>;
  /** By `psp/event id`. */
  readonly inbox: Map<string, rows.Notice>;
  readonly noticesOfActor: Map<rows.Key, rows.Notice[]>;
  readonly unhandledNotices: TimeIndex<rows.Notice>;
  readonly commands: Map<string, rows.Command>;
  readonly unhandledCommands: TimeIndex<rows.Command>;
  readonly events: rows.OutboxEvent[];
  readonly eventIds: Set<string>;
  readonly eventsOfSubject: Map<rows.Key, rows.OutboxEvent[]>;
  /** By `merchant/currency/account`. */
  readonly accounts: Map<string, rows.Account>;
  readonly entries: Map<rows.Key, rows.Entry[]>;
  /** PSP and reference of what is booked. */
  readonly bookedReferences: Map<string, { readonly merchantId: number; readonly actorId: string }>;
  readonly postings: Map<rows.Key, rows.Posting[]>;
  /** By `merchant/currency/account`, either side. */
  readonly postingsOfAccount: Map<string, rows.Posting[]>;
  /** By `merchant/key`. */
  readonly keys: Map<string, rows.IdempotencyKey>;
  readonly nodes: Map<string, rows.Node>;
  readonly merchants: Map<number, rows.Merchant>;
  readonly apiKeys: Map<string, rows.ApiKey>;
  readonly settings: Map<string, string>;
}

export function createStore(nowMs: () => number): Store {
  return {
    nowMs,
    paymentEvents: new Map(),
    checkouts: new Map(),
    orders: new Map(),
    orderNames: new Map(),
    ordersOfEvent: new Map(),
    ordersOfOwner: new Map(),
    transitions: new Map(),
    attempts: new Map(),
    observations: new Map(),
    unhandledObservations: new TimeIndex((row) => row.atMs),
    timers: new Map(),
    timersDue: new TimeIndex((row) => row.dueAtMs),
    inbox: new Map(),
    noticesOfActor: new Map(),
    unhandledNotices: new TimeIndex((row) => row.receivedAtMs),
    commands: new Map(),
    unhandledCommands: new TimeIndex((row) => row.createdAtMs),
    events: [],
    eventIds: new Set(),
    eventsOfSubject: new Map(),
    accounts: new Map(),
    entries: new Map(),
    bookedReferences: new Map(),
    postings: new Map(),
    postingsOfAccount: new Map(),
    keys: new Map(),
    nodes: new Map(),
    merchants: new Map(),
    apiKeys: new Map(),
    settings: new Map(),
  };
}

export function putRow<K, Row>(table: Map<K, Row>, key: K, row: Row, undo: UndoLog): void {
  table.set(key, row);
  undo.push(() => table.delete(key));
}

/** Adds to the list of that key. */
export function listRow<K, Row>(lists: Map<K, Row[]>, key: K, row: Row, undo: UndoLog): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [row]);
  else list.push(row);
  undo.push(() => {
    if (list === undefined) lists.delete(key);
    else list.pop();
  });
}

/** Adds to the list of that key, which stays sorted; the newest row mostly goes last. */
export function listInOrder<K, Row>(
  lists: Map<K, Row[]>,
  key: K,
  { row, compare }: { readonly row: Row; readonly compare: (one: Row, other: Row) => number },
  undo: UndoLog,
): void {
  const list = lists.get(key) ?? [];
  if (list.length === 0) lists.set(key, list);
  let place = list.length;
  for (let before = list[place - 1]; before !== undefined && compare(before, row) > 0; before = list[place - 1]) {
    place -= 1;
  }
  list.splice(place, 0, row);
  undo.push(() => {
    list.splice(place, 1);
    if (list.length === 0) lists.delete(key);
  });
}

export function addToIndex<Row>(index: TimeIndex<Row>, row: Row, undo: UndoLog): void {
  index.add(row);
  undo.push(() => index.delete(row));
}

export function dropFromIndex<Row>(index: TimeIndex<Row>, row: Row, undo: UndoLog): void {
  index.delete(row);
  undo.push(() => index.add(row));
}

/** Changes columns that no index is made of. */
export function changeRow<Row extends object>(row: Row, changes: Partial<Row>, undo: UndoLog): void {
  const before = { ...row };
  Object.assign(row, changes);
  undo.push(() => Object.assign(row, before));
}

/** The owner of an order, in its row and in the index of owners. */
export function setOwner(store: Store, order: rows.Order, owner: string | null): void {
  if (order.owner === owner) return;
  if (order.owner !== null) store.ordersOfOwner.get(order.owner)?.delete(order);
  order.owner = owner;
  if (owner === null) return;
  const owned = store.ordersOfOwner.get(owner);
  if (owned === undefined) store.ordersOfOwner.set(owner, new Set([order]));
  else owned.add(order);
}

export function deleteTimer(store: Store, key: rows.Key, undo: UndoLog): void {
  const timer = store.timers.get(key);
  if (timer === undefined) return;
  store.timers.delete(key);
  undo.push(() => store.timers.set(key, timer));
  dropFromIndex(store.timersDue, timer, undo);
}
