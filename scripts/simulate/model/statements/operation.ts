/** What is asked about the database itself, the nodes on it, and what is kept for a time only. */
import type { Statements } from "../../../../src/db/access.ts";
import type { Synchronous } from "../../model-contract.ts";
import { textArgument, uuidArgument } from "../casts.ts";
import type { Store } from "../store.ts";
import { checkKind, isLoadable, isOpen } from "./actors.ts";

type OperationStatements = Pick<
  Synchronous<Statements>,
  "readDatabaseState" | "probe" | "findSetting" | "countOpenOrders" | "countUnservedOrders" | "purgeOutdated"
>;

/** A server that passes the check at start. */
const HEALTHY = {
  version: 180_000,
  fsync: "on",
  fullPageWrites: "on",
  synchronousCommit: "on",
  isStandby: false,
} as const;

const COUNTED: ReadonlySet<string | null> = new Set(["retrying", "pending", "resolving", "parked", "authorized"]);
const DAY_MS = 86_400_000;
/** As `src/db/statements/purge.ts` has them. */
const KEY_DAYS = 30;
const NODE_DAYS = 7;
const MAX_PURGED = 10_000;

export function createOperationStatements(store: Store): OperationStatements {
  return {
    readDatabaseState: () => ({ ...HEALTHY, nowMs: store.nowMs() }),
    probe: () => {},
    findSetting: (name) => store.settings.get(textArgument(name)) ?? null,
    countOpenOrders() {
      const counts = new Map<string, { status: string; phase: string; count: number }>();
      let owned = 0;
      for (const { status, phase, owner } of store.orders.values()) {
        if (owner !== null) owned += 1;
        if (phase === null || !COUNTED.has(phase)) continue;
        const name = `${status}/${phase}`;
        const row = counts.get(name) ?? { status, phase, count: 0 };
        row.count += 1;
        counts.set(name, row);
      }
      return [...counts.values(), { status: "EXECUTING", phase: "owned", count: owned }];
    },
    countUnservedOrders(kind, psps) {
      checkKind(kind);
      const counts = new Map<string, number>();
      for (const order of store.orders.values()) {
        const { psp, status } = order;
        if (!isOpen(store, kind, order) || !isLoadable(kind, order) || psps.includes(psp)) continue;
        if (status === "NOT_STARTED" || status === "EXECUTING") counts.set(psp, (counts.get(psp) ?? 0) + 1);
      }
      return [...counts].map(([psp, count]) => ({ psp, count }));
    },
    purgeOutdated() {
      const nowMs = store.nowMs();
      let keys = 0;
      for (const [name, { createdAtMs }] of store.keys) {
        if (createdAtMs >= nowMs - KEY_DAYS * DAY_MS || keys >= MAX_PURGED) continue;
        store.keys.delete(name);
        keys += 1;
      }
      let nodes = 0;
      for (const [nodeId, { heartbeatAtMs }] of store.nodes) {
        if (heartbeatAtMs >= nowMs - NODE_DAYS * DAY_MS || (store.ordersOfOwner.get(nodeId)?.size ?? 0) > 0) continue;
        store.nodes.delete(nodeId);
        nodes += 1;
      }
      return { keys, nodes, isMore: keys === MAX_PURGED };
    },
  };
}

export function beatNode(store: Store, node: string, name: string): void {
  const nodeId = uuidArgument(node);
  const known = store.nodes.get(nodeId);
  const nowMs = store.nowMs();
  if (known === undefined) {
    const row = { nodeId, name: textArgument(name), startedAtMs: nowMs, heartbeatAtMs: nowMs, stoppedAtMs: null };
    store.nodes.set(nodeId, row);
    return;
  }
  known.heartbeatAtMs = nowMs;
  known.stoppedAtMs = null;
}

export function stopNode(store: Store, node: string): void {
  const known = store.nodes.get(uuidArgument(node));
  if (known !== undefined) known.stoppedAtMs = store.nowMs();
}
