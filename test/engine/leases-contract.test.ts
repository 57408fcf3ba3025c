/** One contract for every lease store, run over the process's memory and a real Redis. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import type { Leases } from "../../src/engine/leases/leases.ts";
import { createLeaseStore, createMemoryLeases } from "../../src/engine/leases/memory-leases.ts";
import { createRedisLeases } from "../../src/engine/leases/redis-leases.ts";
import { createTestRedis, type TestRedis } from "../support/redis.ts";

const TTL_MS = 300;
const LONG_TTL_MS = 60_000;

interface Store {
  open(node: string, ttlMs: number): Leases;
  /** Forgets every lease, as FLUSHALL does. */
  forgetAll(): Promise<void>;
  /** Writes a lease of a node that will never renew it. */
  plant(name: string, node: string, ttlMs: number): Promise<void>;
  holderOf(name: string): Promise<string | null>;
  close(): Promise<void>;
}

function openMemory(): Store {
  const store = createLeaseStore();
  const nowMs = (): number => systemPorts.clock.monotonicMs();
  return {
    open: (node, ttlMs) => createMemoryLeases({ node, ttlMs, store, ports: systemPorts }),
    forgetAll: async () => store.leases.clear(),
    plant: async (name, node, ttlMs) => void store.leases.set(name, { node, expiresAtMs: nowMs() + ttlMs }),
    async holderOf(name) {
      const lease = store.leases.get(name);
      return lease !== undefined && lease.expiresAtMs > nowMs() ? lease.node : null;
    },
    close: async () => {},
  };
}

function openRedis({ url, keyPrefix }: TestRedis): Store {
  const raw = new Redis(url, { keyPrefix });
  const keyOf = async (name: string): Promise<string> => {
    const keys = await raw.keys(`${keyPrefix}lease:*:${name}`);
    return keys[0]?.slice(keyPrefix.length) ?? "none";
  };
  return {
    open: (node, ttlMs) => createRedisLeases({ url, keyPrefix, node, ttlMs, ports: systemPorts }),
    async forgetAll() {
      for (const key of await raw.keys(`${keyPrefix}*`)) await raw.del(key.slice(keyPrefix.length));
    },
    async plant(name, node, ttlMs) {
      // The bucket is the code's own business: it is learnt by taking the lease once.
      const learner = createRedisLeases({ url, keyPrefix, node: "learner", ttlMs: LONG_TTL_MS, ports: systemPorts });
      await isReady(learner);
      await learner.take(name);
      const key = await keyOf(name);
      await learner.close();
      await raw.set(key, `${node}:planted`, "PX", ttlMs);
    },
    async holderOf(name) {
      const value = await raw.get(await keyOf(name));
      return value === null ? null : value.slice(0, value.indexOf(":"));
    },
    async close() {
      raw.disconnect();
    },
  };
}

const isReady = (leases: Leases): Promise<void> => vi.waitFor(() => expect(leases.isAvailable()).toBe(true));

let redis: TestRedis;
beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.drop());

describe.each([
  { store: "memory", openStore: openMemory },
  { store: "Redis", openStore: () => openRedis(redis) },
])("leases in $store", ({ openStore }) => {
  let store: Store;
  const opened: Leases[] = [];

  async function open(node: string, ttlMs = LONG_TTL_MS): Promise<Leases> {
    const leases = store.open(node, ttlMs);
    opened.push(leases);
    await isReady(leases);
    return leases;
  }

  beforeAll(() => {
    store = openStore();
  });
  afterEach(async () => {
    for (const leases of opened.splice(0)) await leases.close();
    await store.forgetAll();
  });
  afterAll(() => store.close());

  test("a free lease is taken, and the second node learns who has it", async () => {
    const [a, b] = [await open("a"), await open("b")];
    expect(await a.take("order/1")).toEqual({ kind: "taken" });
    expect(await b.take("order/1")).toEqual({ kind: "held", holder: "a" });
    expect(await b.take("order/2")).toEqual({ kind: "taken" });
  });

  test("of two nodes that ask at once exactly one takes it", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const verdicts = await Promise.all([a.take("order/1"), b.take("order/1")]);
    expect(verdicts.filter(({ kind }) => kind === "taken")).toHaveLength(1);
  });

  test("the same node takes a lease twice", async () => {
    const a = await open("a");
    await a.take("order/1");
    expect(await a.take("order/1")).toEqual({ kind: "taken" });
    a.giveBack("order/1");
    await vi.waitFor(async () => expect(await store.holderOf("order/1")).toBeNull());
  });

  test("a returned lease is free for others", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await a.take("order/1");
    a.giveBack("order/1");
    await vi.waitFor(async () => expect(await b.take("order/1")).toEqual({ kind: "taken" }));
  });

  test("take and return in one turn leave nothing behind, and return and take leave it taken", async () => {
    const a = await open("a");
    const first = a.take("order/1");
    a.giveBack("order/1");
    expect(await first).toEqual({ kind: "taken" });
    await vi.waitFor(async () => expect(await store.holderOf("order/1")).toBeNull());
    await a.take("order/1");
    a.giveBack("order/1");
    expect(await a.take("order/1")).toEqual({ kind: "taken" });
    expect(await store.holderOf("order/1")).toBe("a");
  });

  test("a return of what is another's now deletes nothing", async () => {
    const a = await open("a");
    await a.take("order/1");
    await store.forgetAll();
    await store.plant("order/1", "b", LONG_TTL_MS);
    a.giveBack("order/1");
    await a.take("order/2");
    expect(await store.holderOf("order/1")).toBe("b");
  });

  test("a lease whose node is gone expires", async () => {
    const a = await open("a");
    await store.plant("order/1", "dead", TTL_MS);
    expect(await a.take("order/1")).toEqual({ kind: "held", holder: "dead" });
    await vi.waitFor(async () => expect(await a.take("order/1")).toEqual({ kind: "taken" }), { timeout: 5_000 });
  });

  test("a lease that is in use outlives its time to live, and only until it is returned", async () => {
    const [a, b] = [await open("a", TTL_MS), await open("b", TTL_MS)];
    await a.take("order/1");
    await sleep(TTL_MS * 3);
    expect(await b.take("order/1")).toEqual({ kind: "held", holder: "a" });
    a.giveBack("order/1");
    await vi.waitFor(async () => expect(await b.take("order/1")).toEqual({ kind: "taken" }));
  });

  test("after a flush a lease in use is taken again by its renewal", async () => {
    const a = await open("a", TTL_MS);
    await a.take("order/1");
    await store.forgetAll();
    await vi.waitFor(async () => expect(await store.holderOf("order/1")).toBe("a"), { timeout: 5_000 });
  });

  test("after a flush a lease that another took meanwhile stays the other's", async () => {
    const a = await open("a", TTL_MS);
    await a.take("order/1");
    await store.forgetAll();
    await store.plant("order/1", "b", TTL_MS * 20);
    await sleep(TTL_MS);
    expect(await store.holderOf("order/1")).toBe("b");
    expect(await a.take("order/1")).toEqual({ kind: "held", holder: "b" });
  });

  test("a thousand leases of one turn are all taken, and all returned", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const names = Array.from({ length: 1_000 }, (_, index) => `order/${index}`);
    const verdicts = await Promise.all(names.map((name) => a.take(name)));
    expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(["taken"]));
    for (const name of names) a.giveBack(name);
    await vi.waitFor(async () => expect(await store.holderOf("order/999")).toBeNull());
    const again = await Promise.all(names.map((name) => b.take(name)));
    expect(again.every(({ kind }) => kind === "taken")).toBe(true);
  });

  test("a node that closes returns its leases", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await a.take("order/1");
    await a.close();
    expect(await b.take("order/1")).toEqual({ kind: "taken" });
  });

  test("a wake-up reaches the node that it names, and no other", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const [atA, atB]: [string[], string[]] = [[], []];
    a.onWake((name) => atA.push(name));
    const stop = b.onWake((name) => atB.push(name));
    await vi.waitFor(() => {
      a.wake("b", "order/1");
      expect(atB).toContain("order/1");
    });
    a.wake("a", "order/2");
    await vi.waitFor(() => expect(atA).toEqual(["order/2"]));
    stop();
    const heard = atB.length;
    a.wake("b", "order/3");
    a.wake("nobody", "order/4");
    await a.take("order/1");
    expect(atB).toHaveLength(heard);
  });
});
