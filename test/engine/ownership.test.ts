/** Several nodes on one database: who may work on an order, who takes over, and what a node may still do that lost it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Redis } from "ioredis";
import { systemPorts } from "../../src/core/ports.ts";
import {
  createLeaseStore,
  createMemoryLeases,
  type LeaseStore,
  type StoredLease,
} from "../../src/engine/leases/memory-leases.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { createTestRedis, type TestRedis } from "../support/redis.ts";
import {
  expectOnce,
  type FlorinUnderTest,
  holdLock,
  type NodeOptions,
  rerunCodes,
  startFlorinUnderTest,
  type TestNode,
  until,
  untilBlocked,
} from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";
import { createShiftedPorts } from "./simulator-florin.ts";

let florin: FlorinUnderTest;
let redis: TestRedis;
let made = 0;

beforeAll(async () => {
  [florin, redis] = await Promise.all([startFlorinUnderTest(), createTestRedis()]);
});
afterEach(async () => {
  florin.psp.reset();
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(async () => {
  await Promise.all([florin.close(), redis.drop()]);
});

const newIds = (count: number): string[] => Array.from({ length: count }, () => `order-${++made}`);
const checkoutOf = (id: string) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });
const never = new Promise<never>(() => {});
const charges = () => florin.psp.calls.filter(({ kind }) => kind === "charge");

/** Creates orders whose charges stay out until they are let go. */
async function payHeld(node: TestNode, ids: readonly string[]): Promise<{ letGo(): void; answered: Promise<unknown> }> {
  const gate = Promise.withResolvers<void>();
  const out = florin.psp.calls.length + ids.length;
  florin.psp.onCharge = async (_, make) => {
    const outcome = make();
    await gate.promise;
    return outcome;
  };
  const answered = Promise.all(ids.map((id) => pay(node, checkoutOf(id))));
  // Not every test waits for it: a node that is stopped meanwhile refuses what it can't answer any more.
  answered.catch(() => {});
  await until(() => florin.psp.calls.length === out, "all charges are out");
  return { letGo: () => gate.resolve(), answered };
}

async function allBecome(ids: readonly string[], state: string): Promise<void> {
  await until(async () => {
    const rows = await florin.owner`SELECT 1 FROM payment_orders
      WHERE payment_order_id = ANY (${[...ids]}) AND COALESCE(phase, payment_order_status) = ${state}`;
    return rows.length === ids.length;
  }, `${ids.length} orders become ${state}`);
}

/** Grants every lease to everyone, and knows of no holder. */
class LyingLeases extends Map<string, StoredLease> {
  override get(): undefined {
    return undefined;
  }
}
const lyingStore = (): LeaseStore => ({ ...createLeaseStore(), leases: new LyingLeases() });

describe.each([
  {
    leases: "in Redis",
    options: (): NodeOptions => ({ openLeases: chooseLeases({ redisUrl: redis.url, keyPrefix: redis.keyPrefix }) }),
  },
  { leases: "in each node's memory", options: (): NodeOptions => ({}) },
  {
    leases: "that lie",
    options: (store = lyingStore()): NodeOptions => ({
      openLeases: (options) => createMemoryLeases({ ...options, store }),
    }),
  },
])("with leases $leases", ({ options }) => {
  test("nobody takes the orders of a live node, whatever is flushed and however often is swept", async () => {
    const settings = options();
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => florin.openNode(settings)));
    if (a === undefined || b === undefined || c === undefined) throw new Error("there are three nodes");
    const ids = newIds(50);
    const { letGo, answered } = await payHeld(a, ids);
    await flushRedis();
    for (let round = 0; round < 3; round += 1) {
      expect(await b.sweeper.sweep()).toMatchObject({ adopted: 0 });
      expect(await c.sweeper.sweep()).toMatchObject({ adopted: 0 });
    }
    letGo();
    await answered;
    for (const id of ids) expect(await florin.order(id)).toMatchObject({ state: "SUCCESS", token: 1, version: 2 });
    expect(florin.psp.calls).toHaveLength(ids.length);
  });

  test("a dead node's orders are taken by the others, each once, and charged once", async () => {
    const settings = options();
    const a = await florin.openNode({ ...settings, isProxied: true });
    const ids = newIds(40);
    florin.psp.onCharge = (_, make) => {
      if (charges().length % 2 === 0) make();
      return never;
    };
    await Promise.all(ids.map((id) => pay(a, checkoutOf(id), { waitMs: 0 })));
    await until(() => charges().length === ids.length, "all charges are out");
    a.isolate();
    await florin.expire(a);
    florin.psp.onCharge = (_, make) => make();
    await Promise.all([florin.openNode(settings), florin.openNode(settings)]);
    await allBecome(ids, "SUCCESS");
    for (const id of ids) {
      const order = await florin.order(id);
      expectOnce(order);
      const took = await florin.owner`SELECT DISTINCT node FROM transitions
        WHERE actor_id = ${order.id} AND event ->> 'type' = 'order.adopted'`;
      expect(took).toHaveLength(1);
    }
    expect(
      florin.psp.effects.filter(({ order_id }) => charges().some(({ orderId }) => orderId === order_id)),
    ).toHaveLength(ids.length);
  });

  test("orders at rest are moved by any node, one step at a time", async () => {
    const settings = options();
    const nodes = await Promise.all([1, 2, 3].map(() => florin.openNode(settings)));
    const ids = newIds(60);
    florin.psp.onCharge = ({ orderId }, make) =>
      florin.psp.callsOf(orderId).length < 3 ? { kind: "unsent", reason: "rate_limited", retryAfterMs: 300 } : make();
    await Promise.all(
      nodes.flatMap((node, index) =>
        ids.slice(index * 20, index * 20 + 20).map((id) => pay(node, checkoutOf(id), { waitMs: 0 })),
      ),
    );
    await allBecome(ids, "SUCCESS");
    for (const id of ids) {
      const order = await florin.order(id);
      expectOnce(order);
      expect(florin.psp.callsOf(order.id)).toHaveLength(3);
    }
  });
});

async function flushRedis(): Promise<void> {
  const client = new Redis(redis.url);
  for (const key of await client.keys(`${redis.keyPrefix}*`)) await client.del(key);
  client.disconnect();
}

test("the orders of a node that resigned are taken at once", async () => {
  const a = await florin.openNode();
  const b = await florin.openNode();
  const ids = newIds(5);
  florin.psp.onCharge = () => never;
  await Promise.all(ids.map((id) => pay(a, checkoutOf(id), { waitMs: 0 })));
  await until(() => charges().length === ids.length, "all charges are out");
  florin.psp.reset();
  await a.stop(0);
  expect(await b.sweeper.sweep()).toMatchObject({ adopted: ids.length });
  await allBecome(ids, "SUCCESS");
});

test("a node that slept longer than its claim makes no call, and none until it has beaten again", async () => {
  let sleptMs = 0;
  const clock = { ...systemPorts.clock, monotonicMs: () => systemPorts.clock.monotonicMs() + sleptMs };
  const node = await florin.openNode({ ports: { ...systemPorts, clock }, isSweeping: false });
  const [id = ""] = newIds(1);
  const lock = await holdLock(
    florin.database,
    `INSERT INTO payment_orders (merchant_id, id, payment_order_id, payment_event_id, ordinal, seller_account, amount, currency,
       platform_fee, psp, metadata, created_at, payment_order_status, state_since, updated_at, machine_version, snapshot, version,
       revision, fencing_token)
     VALUES (1, gen_random_uuid(), '${id}', gen_random_uuid(), 0, '', 1, '', 0, '', '{}', now(), 'FAILED', now(), now(), 1, '{}', 0, 0, 0)`,
  );
  void pay(node, checkoutOf(id), { waitMs: 0 });
  await untilBlocked(florin, 1);
  // The process is paused between its commit and the call.
  sleptMs = 60_000;
  await lock.sql.unsafe("ROLLBACK; BEGIN");
  await lock.release();
  await allBecome([id], "retrying");
  expect(florin.psp.calls).toEqual([]);
  const [said] =
    await florin.owner`SELECT fact ->> 'reason' AS reason FROM observations WHERE actor_id = ${(await florin.order(id)).id}`;
  expect(said).toEqual({ reason: "ownership_unsure" });

  await node.ownership.beat();
  node.sweeper.start();
  await allBecome([id], "SUCCESS");
  expect(charges()).toHaveLength(1);
});

test("a node whose claim lapsed while its commit was under way makes no call, although it has beaten again since", async () => {
  let sleptMs = 0;
  const clock = { ...systemPorts.clock, monotonicMs: () => systemPorts.clock.monotonicMs() + sleptMs };
  const node = await florin.openNode({ ports: { ...systemPorts, clock }, isSweeping: false });
  const [id = ""] = newIds(1);
  const lock = await holdLock(florin.database, "LOCK TABLE transitions IN SHARE MODE");
  void pay(node, checkoutOf(id), { waitMs: 0 });
  await untilBlocked(florin, 1);
  sleptMs = 60_000;
  await node.ownership.beat();
  await lock.release();
  // Others may have adopted the order in between, and be asking the PSP about it.
  await allBecome([id], "retrying");
  expect(florin.psp.calls).toEqual([]);

  node.sweeper.start();
  await allBecome([id], "SUCCESS");
  expect(charges()).toHaveLength(1);
});

test("an adoption whose answer was lost with the connection leaves no order behind", async () => {
  const a = await florin.openNode();
  const b = await florin.openNode({ isProxied: true, isSweeping: false });
  const ids = newIds(3);
  florin.psp.onCharge = () => never;
  await Promise.all(ids.map((id) => pay(a, checkoutOf(id), { waitMs: 0 })));
  await until(() => charges().length === ids.length, "all charges are out");
  florin.psp.reset();
  await a.stop(0);
  let isAsked = false;
  b.proxy.onClientMessage = ({ type, sql }) => {
    if (type === "E" && sql?.includes("adopted AS")) isAsked = true;
    return "pass";
  };
  b.proxy.onServerMessage = ({ commandTag }) => {
    if (!isAsked || commandTag !== `SELECT ${ids.length}`) return "pass";
    isAsked = false;
    return "cut";
  };
  await b.sweeper.sweep().catch(() => {});
  await until(async () => (await florin.order(ids[0] ?? "")).owner === b.node, "the adoption is committed");
  b.sweeper.start();
  await allBecome(ids, "SUCCESS");
  for (const id of ids) expectOnce(await florin.order(id));
});

test("from the moment of its adoption the former owner's write is refused, before the new owner has written anything", async () => {
  const a = await florin.openNode();
  const b = await florin.openNode({ isSweeping: false });
  const [id = ""] = newIds(1);
  const { letGo } = await payHeld(a, [id]);
  const before = await florin.order(id);
  await florin.expire(a);
  const kind = b.kinds.get("payment_order");
  if (kind === undefined) throw new Error("payment orders are not registered");
  expect((await b.store.adopt(kind, 10)).actors).toHaveLength(1);
  letGo();
  await until(async () => (await florin.order(id)).observations === 1, "what the former owner learnt is stored");
  expect(await florin.order(id)).toEqual({
    ...before,
    owner: b.node,
    token: before.token + 1,
    observations: 1,
    unhandledObservations: 1,
  });
  b.sweeper.start();
  await until(async () => (await florin.order(id)).unhandledObservations === 0, "the new owner takes it");
  expectOnce(await florin.order(id));
});

test("two nodes that both believe in their claim: the overtaken one's answer is kept and reaches the owner", async () => {
  const a = await florin.openNode();
  const [id = ""] = newIds(1);
  const { letGo } = await payHeld(a, [id]);
  florin.psp.onInquiry = () => ({ kind: "unknown", reason: "timeout" });
  // For the others this node is dead; it does not know, and goes on.
  await florin.owner`UPDATE payment_orders SET owner = gen_random_uuid() WHERE payment_order_id = ${id}`;
  await florin.owner`INSERT INTO nodes (node_id, name, stopped_at) SELECT owner, 'gone', now() FROM payment_orders WHERE payment_order_id = ${id}`;
  const b = await florin.openNode();
  await allBecome([id], "resolving");
  letGo();
  await allBecome([id], "SUCCESS");
  expectOnce(await florin.order(id));
  expect([...rerunCodes(a), ...rerunCodes(b)]).toEqual([]);
  const [receipt] =
    await florin.owner`SELECT source, node FROM observations WHERE actor_id = ${(await florin.order(id)).id} AND attempt = 1`;
  expect(receipt).toEqual({ source: "answer", node: a.node });
});

describe("an order at rest whose lease another node seems to hold", () => {
  /** A node for which every deadline that is due was due long ago. */
  async function openPatientNode(options: NodeOptions): Promise<TestNode> {
    const ports = createShiftedPorts();
    const node = await florin.openNode({ ...options, ports, isSweeping: false });
    ports.offsetMs = 20_000;
    return node;
  }

  async function payPending(node: TestNode): Promise<string> {
    const [id = ""] = newIds(1);
    florin.psp.onCharge = (_, make) => {
      make();
      return PENDING;
    };
    await pay(node, checkoutOf(id), { waitMs: 100 });
    await allBecome([id], "pending");
    return id;
  }

  const pollFallsDue = (): Promise<void> =>
    until(
      async () => (await florin.owner`SELECT 1 FROM timers WHERE due_at <= now()`).length === 1,
      "its poll falls due",
    );

  test("is moved by the others all the same when that node lost PostgreSQL in the middle of a step", async () => {
    const store = createLeaseStore();
    const options: NodeOptions = { openLeases: (lease) => createMemoryLeases({ ...lease, store }), isSweeping: false };
    const a = await florin.openNode({ ...options, isProxied: true });
    const b = await openPatientNode(options);
    const id = await payPending(a);
    await pollFallsDue();
    a.proxy.onClientMessage = ({ sql }) => {
      if (sql?.includes("commit_steps") !== true) return "pass";
      a.isolate();
      return "cut";
    };
    void a.sweeper.sweep().catch(() => {});
    await until(() => a.engine.size().live === 1 && store.leases.size === 1, "the node has the order and its lease");
    await b.sweeper.sweep();
    await allBecome([id], "SUCCESS");
    expectOnce(await florin.order(id));
  });

  test("is moved when the lease store says so of everything, for ever", async () => {
    const held = { node: "00000000-0000-7000-8000-000000000000", expiresAtMs: Number.POSITIVE_INFINITY };
    class StubbornLeases extends Map<string, StoredLease> {
      override get(): StoredLease {
        return held;
      }
    }
    const store = { ...createLeaseStore(), leases: new StubbornLeases() };
    const id = await payPending(await florin.openNode({ isSweeping: false }));
    await pollFallsDue();
    const node = await openPatientNode({ openLeases: (lease) => createMemoryLeases({ ...lease, store }) });
    await node.sweeper.sweep();
    await allBecome([id], "SUCCESS");
    expectOnce(await florin.order(id));
  });
});
