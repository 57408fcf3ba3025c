/**
 * Leases within one process: for the embedded default, and for tests that run two nodes in one process. The
 * store is the shared part, as a Redis would be; whoever holds the object sees the same leases.
 */
import type { LeaseOptions, Leases } from "./leases.ts";

export interface StoredLease {
  readonly node: string;
  /** On the clock of `Ports.clock.monotonicMs`. */
  readonly expiresAtMs: number;
}

export interface LeaseStore {
  readonly leases: Map<string, StoredLease>;
  readonly listeners: Map<string, Set<(name: string) => void>>;
}

export interface MemoryLeaseOptions extends LeaseOptions {
  readonly store: LeaseStore;
}

export function createLeaseStore(): LeaseStore {
  return { leases: new Map(), listeners: new Map() };
}

export function createMemoryLeases({ node, ttlMs, store, ports }: MemoryLeaseOptions): Leases {
  const own = new Set<string>();
  const listeners = new Set<(name: string) => void>();
  const expiry = (): number => ports.clock.monotonicMs() + ttlMs;

  const holderOf = (name: string): string | null => {
    const lease = store.leases.get(name);
    return lease !== undefined && lease.expiresAtMs > ports.clock.monotonicMs() ? lease.node : null;
  };

  const renewAll = (): void => {
    for (const name of own) {
      const holder = holderOf(name);
      if (holder === null || holder === node) store.leases.set(name, { node, expiresAtMs: expiry() });
      else own.delete(name);
    }
  };
  const stopRenewing = ports.timers.every(Math.ceil(ttlMs / 3), renewAll);

  return {
    async take(name) {
      const holder = holderOf(name);
      if (holder !== null && holder !== node) return { kind: "held", holder };
      store.leases.set(name, { node, expiresAtMs: expiry() });
      own.add(name);
      return { kind: "taken" };
    },
    giveBack(name) {
      if (own.delete(name) && store.leases.get(name)?.node === node) store.leases.delete(name);
    },
    wake(target, name) {
      // Later, as over a network: the caller must not run the listener's work inside its own step.
      ports.timers.soon(() => {
        for (const listener of store.listeners.get(target) ?? []) listener(name);
      });
    },
    onWake(listener) {
      listeners.add(listener);
      store.listeners.set(node, listeners);
      return () => listeners.delete(listener);
    },
    isAvailable: () => true,
    async close() {
      stopRenewing();
      if (store.listeners.get(node) === listeners) store.listeners.delete(node);
      for (const name of own) if (store.leases.get(name)?.node === node) store.leases.delete(name);
      own.clear();
    },
  };
}
