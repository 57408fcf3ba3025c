/** Actors as rows: read, adopted, reclaimed, released, set aside. */
import { invariant } from "../../../../src/core/assert.ts";
import type { ActorId, ActorTable, Adopter } from "../../../../src/db/statements/actors.ts";
import type { Statements } from "../../../../src/db/access.ts";
import type { Synchronous } from "../../model-contract.ts";
import { textArgument, uuidArgument } from "../casts.ts";
import { postgresError } from "../errors.ts";
import { keyOf, type Order } from "../rows.ts";
import { deleteTimer, setOwner, type Store } from "../store.ts";
import { NO_UNDO } from "../undo.ts";
import { toActorRows } from "./actor-columns.ts";

type ActorStatements = Pick<
  Synchronous<Statements>,
  | "loadActors"
  | "countOrphans"
  | "adoptActors"
  | "listOwnedActors"
  | "reclaimActors"
  | "releaseActor"
  | "quarantineActor"
  | "findStoredRequest"
  | "listForgottenActors"
>;

/** That this build restores it. */
export const isLoadable = (kind: ActorTable, order: Order | undefined): order is Order =>
  order !== undefined && order.quarantinedAtMs === null && kind.machineVersions.includes(order.machineVersion);

/** How many rows a `LIMIT` lets through. */
export function limitOf(limit: number): number {
  if (limit < 0) throw postgresError("2201W", "LIMIT must not be negative");
  return limit;
}

/** Phases whose orders the index of the queues holds. */
const QUEUED: ReadonlySet<string | null> = new Set(["retrying", "pending", "resolving", "parked", "authorized"]);

export const isOpen = (store: Store, kind: ActorTable, { owner, phase, key }: Order): boolean =>
  owner !== null || QUEUED.has(phase) || store.timers.get(key)?.actorKind === kind.name;

export function checkKind({ table }: ActorTable): void {
  invariant(table === "payment_orders", `the model has no actors in ${table}`);
}

const orderOf = (store: Store, { merchantId, id }: ActorId): Order | undefined =>
  store.orders.get(keyOf(merchantId, uuidArgument(id)));

/** Orders of nodes that resigned or went silent, by the age of the nodes and then of their ownership. */
function* findOrphans(store: Store, kind: ActorTable, { node, ownershipMs }: Adopter): Generator<Order> {
  const silentSinceMs = store.nowMs() - ownershipMs;
  const self = uuidArgument(node);
  for (const other of store.nodes.values()) {
    const isGone = other.stoppedAtMs !== null || other.heartbeatAtMs < silentSinceMs;
    if (!isGone || other.nodeId === self) continue;
    for (const order of store.ordersOfOwner.get(other.nodeId) ?? []) if (isLoadable(kind, order)) yield order;
  }
}

export function createActorStatements(store: Store): ActorStatements {
  return {
    loadActors(kind, ids) {
      checkKind(kind);
      const orders = ids.map((id) => orderOf(store, id)).filter((order) => isLoadable(kind, order));
      return toActorRows(store, kind, orders);
    },
    countOrphans: (kind, adopter) => [...findOrphans(store, kind, adopter)].length,
    adoptActors(kind, adopter, limit) {
      checkKind(kind);
      const most = limitOf(limit);
      const adopted: Order[] = [];
      for (const order of findOrphans(store, kind, adopter)) {
        if (adopted.length >= most) break;
        adopted.push(order);
      }
      for (const order of adopted) {
        order.fencingToken += 1;
        setOwner(store, order, uuidArgument(adopter.node));
      }
      return toActorRows(store, kind, adopted);
    },
    listOwnedActors(kind, node) {
      const owned = [...(store.ordersOfOwner.get(uuidArgument(node)) ?? [])];
      return owned.filter((order) => isLoadable(kind, order)).map(({ merchantId, id }) => ({ merchantId, id }));
    },
    reclaimActors(kind, node, ids) {
      checkKind(kind);
      const owner = uuidArgument(node);
      const orders = new Set(ids.map((id) => orderOf(store, id)));
      const reclaimed = [...orders].filter((order) => isLoadable(kind, order)).filter((order) => order.owner === owner);
      for (const order of reclaimed) order.fencingToken += 1;
      return toActorRows(store, kind, reclaimed);
    },
    releaseActor(_, held) {
      const order = orderOf(store, held);
      const node = uuidArgument(held.node);
      if (order?.owner === node && order.version === held.version) setOwner(store, order, null);
    },
    quarantineActor(_, { merchantId, id, node, version, reason }) {
      const quarantineReason = textArgument(reason);
      const order = orderOf(store, { merchantId, id });
      const mine = uuidArgument(node);
      if (order === undefined || order.quarantinedAtMs !== null) return;
      if (order.version !== version || (order.owner !== null && order.owner !== mine)) return;
      order.quarantinedAtMs = store.nowMs();
      order.quarantineReason = quarantineReason;
      order.fencingToken += 1;
      setOwner(store, order, null);
      deleteTimer(store, order.key, NO_UNDO);
    },
    findStoredRequest({ merchantId, id }, operationNumber) {
      const attempts = store.attempts.get(keyOf(merchantId, uuidArgument(id))) ?? [];
      const found = attempts.find(
        (attempt) =>
          attempt.operation === "charge" && attempt.operationNumber === operationNumber && attempt.request !== null,
      );
      return found?.request ?? null;
    },
    listForgottenActors(kind, limit) {
      checkKind(kind);
      const oldest = Math.min(...kind.machineVersions);
      const forgotten = [...store.orders.values()].filter(
        (order) => order.machineVersion < oldest && isOpen(store, kind, order),
      );
      const total = forgotten.length;
      return forgotten
        .slice(0, limitOf(limit))
        .map(({ id, machineVersion }) => ({ id, version: machineVersion, total }));
    },
  };
}
