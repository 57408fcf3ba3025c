/**
 * `Prefer: wait`: holds a request until its orders come to rest. Orders that this node works on report each
 * step; those that another node moves are read again now and then.
 */
import type { Ports } from "../core/ports.ts";
import { createBatcher } from "../db/batcher.ts";
import type { ActorKind, ActorRef, ActorState } from "../engine/actor.ts";
import { refName } from "../engine/actor.ts";
import type { ActorStore } from "../engine/actor-store.ts";
import type { Engine } from "../engine/engine.ts";

export interface OrderWatch {
  /** The orders' newest known states once all are settled, when `waitMs` have passed, or when this node has drained. */
  settled(states: readonly ActorState[], waitMs: number): Promise<readonly ActorState[]>;
  stop(): void;
}

/** Another node's step is seen this late at worst. */
const REREAD_MS = 500;
const MAX_REREAD = 1_000;

export interface WatchDeps {
  readonly engine: Engine;
  readonly store: ActorStore;
  readonly kind: ActorKind;
  readonly ports: Ports;
}

/** Watches for all requests of a node that wait: thousands of them read again with one statement at a time. */
export function createOrderWatcher(deps: WatchDeps): (refs: readonly ActorRef[]) => OrderWatch {
  const reader = createBatcher(deps.ports, MAX_REREAD, async (refs: readonly ActorRef[]) => {
    const { actors } = await deps.store.load(deps.kind, refs);
    const found = new Map(actors.map(({ state }) => [refName(state.ref), state]));
    return refs.map((ref) => found.get(refName(ref)) ?? null);
  });
  return (refs) => watchOrders(deps, reader.run, refs);
}

function watchOrders(
  deps: WatchDeps,
  reread: (ref: ActorRef) => Promise<ActorState | null>,
  refs: readonly ActorRef[],
): OrderWatch {
  const newest = new Map<string, ActorState>();
  let notify: () => void = () => {};
  const stops = refs.map((ref) =>
    deps.engine.watch(ref, (state) => {
      newest.set(refName(ref), state);
      notify();
    }),
  );
  const stop = (): void => {
    for (const one of stops) one();
  };

  return {
    stop,
    async settled(states, waitMs) {
      for (const state of states) {
        const name = refName(state.ref);
        if (!newest.has(name)) newest.set(name, state);
      }
      const current = (): readonly ActorState[] => states.map((state) => newest.get(refName(state.ref)) ?? state);
      const isDone = (): boolean => current().every((state) => state.isSettled);
      if (!isDone() && waitMs > 0) {
        await new Promise<void>((resolve) => {
          const stopAll: (() => void)[] = [];
          const finish = (): void => {
            for (const one of stopAll) one();
            notify = () => {};
            resolve();
          };
          notify = () => {
            if (isDone()) finish();
          };
          stopAll.push(
            deps.ports.timers.after(waitMs, finish),
            deps.ports.timers.every(REREAD_MS, () => void readElsewhere()),
          );
          stopAll.push(deps.engine.onDrained(finish));
        });
      }
      return current();
    },
  };

  async function readElsewhere(): Promise<void> {
    const away = [...newest.values()].filter((state) => !state.isSettled && !deps.engine.isLive(state.ref));
    await Promise.all(
      away.map(async (known) => {
        const state = await reread(known.ref).catch(() => null);
        // What this node did meanwhile is newer than what was read.
        if (state !== null && newest.get(refName(known.ref)) === known) newest.set(refName(known.ref), state);
      }),
    );
    notify();
  }
}
