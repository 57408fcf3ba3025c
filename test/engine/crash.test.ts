/** Processes that die, databases and caches that go away, a PSP that hangs: what is left, and who takes it up. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createGuardedConnector } from "../../src/psp/guarded-connector.ts";
import { findFreePort } from "../support/free-port.ts";
import { expectIntegrity } from "../support/integrity.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { expectOnce, type FlorinUnderTest, startFlorinUnderTest, type TestNode, until } from "./florin-under-test.ts";
import { createPspDouble } from "./psp-double.ts";

let florin: FlorinUnderTest;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
});
afterEach(async () => {
  florin.psp.reset();
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(() => florin.close());

const newId = (): string => `order-${++made}`;
const checkoutOf = (id: string) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });
const becomes = (id: string, state: string): Promise<void> =>
  until(async () => (await florin.order(id)).state === state, `${id} becomes ${state}`);
const never = new Promise<never>(() => {});

/** As `kill -9`: nothing is handed over, and its heartbeat is as old as if the ownership time had passed. */
async function kill(node: TestNode): Promise<void> {
  node.isolate();
  await florin.expire(node);
}

describe("a node that is killed", () => {
  test("after the PSP's success and before its commit: the order is asked about, booked once, charged once", async () => {
    const a = await florin.openNode({ isProxied: true });
    const id = newId();
    florin.psp.onCharge = (_, make) => {
      make();
      return never;
    };
    await pay(a, checkoutOf(id), { waitMs: 200 });
    await kill(a);
    florin.psp.reset();
    await florin.openNode();
    await becomes(id, "SUCCESS");
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["inquiry"]);
  });

  test("after the PSP's success: the same key on another node gets the same bytes each time, and no second charge", async () => {
    const a = await florin.openNode({ isProxied: true });
    const [id, key] = [newId(), newId()];
    florin.psp.onCharge = (_, make) => {
      make();
      return never;
    };
    // Nobody heard the first answer: it would have waited for the end.
    void pay(a, checkoutOf(id), { key }).catch(() => {});
    await until(() => florin.psp.calls.length === 1, "the charge is out");
    await kill(a);
    florin.psp.reset();
    const b = await florin.openNode({ isSweeping: false });
    const early = await pay(b, checkoutOf(id), { key });
    expect([early.status, early.isReplay]).toEqual([201, true]);
    b.sweeper.start();
    await becomes(id, "SUCCESS");
    expect(await pay(b, checkoutOf(id), { key })).toEqual(early);
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["inquiry"]);
  });

  test("before the call left: the PSP is asked, then the same bytes are sent, and charge once", async () => {
    const a = await florin.openNode({ isProxied: true });
    const id = newId();
    florin.psp.onCharge = () => never;
    await pay(a, checkoutOf(id), { waitMs: 200 });
    const [lost] = florin.psp.calls;
    await kill(a);
    florin.psp.reset();
    await florin.openNode();
    await becomes(id, "SUCCESS");
    const order = await florin.order(id);
    expectOnce(order);
    const calls = florin.psp.callsOf(order.id);
    expect(calls.map(({ kind }) => kind).at(0)).toBe("inquiry");
    expect(calls.filter(({ kind }) => kind === "charge")).toEqual([lost]);
  });

  test("and comes back to life later: its write is refused, and nothing is booked twice", async () => {
    const a = await florin.openNode({ isProxied: true });
    const id = newId();
    const answerNow = Promise.withResolvers<void>();
    florin.psp.onCharge = async (_, make) => {
      const outcome = make();
      await answerNow.promise;
      return outcome;
    };
    await pay(a, checkoutOf(id), { waitMs: 200 });
    await kill(a);
    await florin.openNode();
    await becomes(id, "SUCCESS");
    answerNow.resolve();
    a.heal();
    await until(async () => (await florin.order(id)).observations === 2, "the late receipt is stored");
    await until(async () => (await florin.order(id)).unhandledObservations === 0, "the late receipt is handled");
    expectOnce(await florin.order(id));
  });

  test.each([
    {
      wait: "retry",
      first: { kind: "unsent", reason: "econnrefused", retryAfterMs: 1_500 } as const,
      calls: ["charge", "charge"],
    },
    {
      wait: "poll",
      first: { kind: "pending", reference: null, nextAction: null } as const,
      calls: ["charge", "inquiry"],
    },
  ])(
    "while an order waits for its $wait: the deadline is kept by another node, once",
    async ({ first, calls, wait }) => {
      const a = await florin.openNode({ isProxied: true });
      const id = newId();
      florin.psp.onCharge = (_, make) => {
        florin.psp.onCharge = (__, makeNow) => makeNow();
        if (wait === "poll") make();
        return first;
      };
      await pay(a, checkoutOf(id), { waitMs: 100 });
      await until(async () => (await florin.order(id)).owner === null, "the order rests");
      const [timer] = await florin.owner<
        { due_at: Date }[]
      >`SELECT due_at FROM timers t JOIN payment_orders o ON o.id = t.actor_id
      WHERE o.payment_order_id = ${id}`;
      await kill(a);
      await Promise.all([florin.openNode(), florin.openNode(), florin.openNode()]);
      await becomes(id, "SUCCESS");
      const order = await florin.order(id);
      expectOnce(order);
      expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(calls);
      const [fired] = await florin.owner<
        { at: Date }[]
      >`SELECT at FROM transitions WHERE actor_id = ${order.id} AND event ->> 'type' = 'timer.fired'`;
      expect(fired?.at.getTime()).toBeGreaterThanOrEqual(timer?.due_at.getTime() ?? Number.POSITIVE_INFINITY);
    },
  );
});

describe("PostgreSQL that is away", () => {
  test("for a second: whoever waits gets the answer, and pays once", async () => {
    const node = await florin.openNode({ isProxied: true });
    const ids = Array.from({ length: 60 }, newId);
    // Settled from the start: one that is refused while the database is away has somebody who hears of it.
    const answers = Promise.allSettled(
      ids.map(async (id, index) => {
        await sleep(index * 10);
        return pay(node, checkoutOf(id));
      }),
    );
    await sleep(200);
    node.isolate();
    await sleep(1_000);
    node.heal();
    const settled = await answers;
    // Reads that come just then may fail; what was taken in goes through, and a repeat finds it.
    const failed = settled.flatMap(({ status }, index) => (status === "rejected" ? [ids[index] ?? ""] : []));
    expect(failed.length).toBeLessThan(ids.length);
    for (const id of ids) await becomes(id, "SUCCESS");
    for (const id of ids) expectOnce(await florin.order(id));
    expect(florin.psp.calls.filter(({ kind }) => kind === "charge")).toHaveLength(ids.length);
  });

  test("longer than a caller waits: the answer says to come back, and the repeat under the same key charges once", async () => {
    const node = await florin.openNode({ isProxied: true });
    const id = newId();
    node.isolate();
    const refusal = await pay(node, checkoutOf(id), { key: "patient" }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "temporarily-unavailable", options: { retryAfterSeconds: 2 } });
    node.heal();
    await until(
      async () => (await florin.owner`SELECT 1 FROM payment_orders WHERE payment_order_id = ${id}`).length === 1,
      "it is created after all",
    );
    await becomes(id, "SUCCESS");
    const again = await pay(node, checkoutOf(id), { key: "patient" });
    expect([again.status, again.isReplay]).toEqual([201, true]);
    expectOnce(await florin.order(id));
    expect(florin.psp.calls).toHaveLength(1);
  });
});

test("Redis that dies and comes back empty under load loses nothing and doubles nothing", async () => {
  const port = await findFreePort();
  const startRedis = (): ChildProcess =>
    spawn("redis-server", ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"], {
      stdio: "ignore",
    });
  let redis = startRedis();
  const exited = once(redis, "exit");
  const nodes = await Promise.all(
    [1, 2].map(() => florin.openNode({ openLeases: chooseLeases({ redisUrl: `redis://127.0.0.1:${port}` }) })),
  );
  florin.psp.onCharge = async (_, make) => {
    await sleep(20);
    return make();
  };
  const ids = Array.from({ length: 200 }, newId);
  const answers = ids.map(async (id, index) => {
    const node = nodes[index % 2];
    if (node === undefined) throw new Error("there are two nodes");
    await sleep(index * 8);
    return pay(node, checkoutOf(id));
  });
  try {
    await sleep(500);
    redis.kill("SIGKILL");
    await exited;
    await sleep(400);
    redis = startRedis();
    const settled = await Promise.all(answers);
    expect(settled.every(({ body }) => JSON.parse(body).payment_orders[0].status === "SUCCESS")).toBe(true);
    expect(florin.psp.calls).toHaveLength(ids.length);
  } finally {
    await florin.closeNodes();
    redis.kill("SIGKILL");
  }
});

test("a PSP that hangs takes nothing from the others", async () => {
  const slow = createPspDouble({ account: "hanging", limits: { timeoutMs: 2_000, maxConcurrent: 16 } });
  slow.onCharge = () => never;
  const guarded = createGuardedConnector(slow, { ports: systemPorts });
  // Orders go to the PSP that comes first: this node's to the double, whose first answer sends them to wait.
  const feeder = await florin.openNode({ isSweeping: false });
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "rate_limited", retryAfterMs: 500 });
  const ids = Array.from({ length: 50 }, newId);
  await Promise.all(ids.map((id) => pay(feeder, checkoutOf(id), { waitMs: 50 })));
  await feeder.stop();
  florin.psp.reset();

  const node = await florin.openNode({ connectors: [guarded, florin.psp], isSweeping: false });
  const hung = Array.from({ length: 300 }, newId);
  await Promise.all(hung.map((id) => pay(node, checkoutOf(id), { waitMs: 0 })));
  await until(() => guarded.stats().queued > 200, "the hanging PSP has a long line");
  const startedMs = performance.now();
  node.sweeper.start();
  for (const id of ids) await becomes(id, "SUCCESS");
  expect(performance.now() - startedMs).toBeLessThan(2_500);
  expect(guarded.stats().inFlight).toBeGreaterThan(0);

  // The hanging PSP comes back: its orders are asked about or sent, and paid once each.
  slow.reset();
  for (const id of hung) await until(async () => (await florin.order(id)).state === "SUCCESS", `${id} is paid`, 25_000);
  await expectIntegrity({ sql: florin.owner, psp: slow, pspAccount: "hanging" });
  expect(new Set(slow.effects.map(({ order_id }) => order_id)).size).toBe(300);
  expect(slow.effects).toHaveLength(300);
});
