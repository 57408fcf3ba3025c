/**
 * One test for each mechanism that no other test here would miss if it were gone. Each was seen to fail with its line
 * taken out of the product.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import { performCall, toStamp } from "../../src/engine/calls.ts";
import { createLeaseStore, createMemoryLeases, type StoredLease } from "../../src/engine/leases/memory-leases.ts";
import { toFactLetter } from "../../src/engine/letters.ts";
import { claimOwnership, OWNERSHIP_MS } from "../../src/engine/ownership.ts";
import type { Connector } from "../../src/psp/connector.ts";
import { aCheckout, anOrder, pay, TEST_MERCHANT } from "../support/processor.ts";
import {
  expectOnce,
  type FlorinUnderTest,
  holdLock,
  startFlorinUnderTest,
  until,
  untilBlocked,
} from "./florin-under-test.ts";

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

test("persist before effect: no PSP hears of an order, a retry or a question before its row is committed", async () => {
  const node = await florin.openNode();
  const id = newId();
  const lockRow = () =>
    holdLock(florin.database, `SELECT 1 FROM payment_orders WHERE payment_order_id = '${id}' FOR UPDATE`);
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "refused", retryAfterMs: 400 });
  await pay(node, checkoutOf(id), { waitMs: 100 });
  await becomes(id, "retrying");
  const beforeRetry = await lockRow();
  await untilBlocked(florin, 1);
  expect(florin.psp.calls).toHaveLength(1);
  florin.psp.onCharge = (_, make) => {
    make();
    return { kind: "unknown", reason: "timeout" };
  };
  const asked = Promise.withResolvers<void>();
  florin.psp.onInquiry = async (_, truth) => {
    await asked.promise;
    return truth();
  };
  await beforeRetry.release();
  await until(() => florin.psp.calls.length === 3, "it is sent again and asked about");
  const attempts =
    await florin.owner`SELECT operation FROM attempts WHERE actor_id = ${(await florin.order(id)).id} ORDER BY attempt`;
  expect(attempts.map(({ operation }) => operation)).toEqual(["charge", "charge", "inquiry"]);
  asked.resolve();
  await becomes(id, "SUCCESS");
  expectOnce(await florin.order(id));
});

test("same bytes on a resend: what was stored is sent, whatever the connector would write now", async () => {
  let built = 0;
  const changing: Connector = {
    ...florin.psp,
    buildCharge: (request) => JSON.stringify({ ...JSON.parse(florin.psp.buildCharge(request)), nonce: ++built }),
  };
  const node = await florin.openNode({ connectors: [changing] });
  const id = newId();
  florin.psp.onCharge = (call, make) =>
    florin.psp.callsOf(call.orderId).length < 3 ? { kind: "unsent", reason: "refused", retryAfterMs: 100 } : make();
  await pay(node, checkoutOf(id));
  const order = await florin.order(id);
  expectOnce(order);
  const bodies = florin.psp.callsOf(order.id).map(({ body }) => body);
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies).size).toBe(1);
});

/** Grants every lease to everyone: all that keeps the nodes apart is PostgreSQL. */
class LyingLeases extends Map<string, StoredLease> {
  override get(): undefined {
    return undefined;
  }
}

test("a deadline fires once: a node that saw it late does not bring the next one forward", async () => {
  const store = { ...createLeaseStore(), leases: new LyingLeases() };
  const nodes = await Promise.all(
    [1, 2, 3].map(() => florin.openNode({ openLeases: (options) => createMemoryLeases({ ...options, store }) })),
  );
  const [node] = nodes;
  if (node === undefined) throw new Error("there is a node");
  const WAIT_MS = 600;
  const ids = Array.from({ length: 60 }, newId);
  const sentAt = new Map<string, number[]>();
  florin.psp.onCharge = ({ orderId }, make) => {
    const times = [...(sentAt.get(orderId) ?? []), performance.now()];
    sentAt.set(orderId, times);
    return times.length < 4 ? { kind: "unsent", reason: "rate_limited", retryAfterMs: WAIT_MS } : make();
  };
  await Promise.all(ids.map((id) => pay(node, checkoutOf(id), { waitMs: 0 })));
  for (const id of ids) await becomes(id, "SUCCESS");
  const gaps = [...sentAt.values()].flatMap((times) => times.slice(1).map((at, index) => at - (times[index] ?? 0)));
  expect(gaps).toHaveLength(ids.length * 3);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(WAIT_MS - 10);
});

test("a deadline that was overtaken is not fired for the next one, whatever this machine's clock says", async () => {
  const fastClockMs = (): number => Date.now() + 60_000;
  const [node, fast] = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
  const id = newId();
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "rate_limited", retryAfterMs: 30_000 });
  await pay(node, checkoutOf(id), { waitMs: 100 });
  await becomes(id, "retrying");
  const order = await florin.order(id);
  const ref = { kind: "payment_order", merchantId: TEST_MERCHANT, id: order.id };
  // What the fast node saw before: a deadline that somebody else has taken since.
  const seen = { ...toFactLetter({ type: "timer.fired", name: "retry", at: fastClockMs(), jitter: 0.5 }), dueAtMs: 1 };
  expect(await fast.engine.deliver(ref, seen)).toMatchObject({ kind: "ignored" });
  expect(await florin.order(id)).toMatchObject({ state: "retrying", version: order.version });
  expect(florin.psp.callsOf(order.id)).toHaveLength(1);
});

test("an order that is being created is alive to its creator", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false });
  const id = newId();
  // The commit is carried out, and the news of it does not come.
  const news = Promise.withResolvers<void>();
  let isCommitting = false;
  node.proxy.onClientMessage = ({ sql }) => {
    isCommitting ||= sql?.includes("commit_steps") === true;
    return "pass";
  };
  node.proxy.onServerMessage = ({ commandTag }) =>
    isCommitting && commandTag !== null ? news.promise.then(() => "pass" as const) : "pass";
  const answer = pay(node, checkoutOf(id));
  await until(
    async () => (await florin.owner`SELECT 1 FROM payment_orders WHERE payment_order_id = ${id}`).length === 1,
    "it is written",
  );
  const order = await florin.order(id);
  expect(order.owner).toBe(node.node);
  expect(node.engine.isLive({ kind: "payment_order", merchantId: TEST_MERCHANT, id: order.id })).toBe(true);
  news.resolve();
  await answer;
  expectOnce(await florin.order(id));
  expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["charge"]);
});

test("what comes for an order that is being created waits for the news of its creation", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false });
  const id = newId();
  const news = Promise.withResolvers<void>();
  // Only the connection that commits is held: the others let the node read what it has written.
  const committing = new Set<unknown>();
  node.proxy.onClientMessage = ({ sql }, connection) => {
    if (committing.size === 0 && sql?.includes("commit_steps") === true) committing.add(connection);
    return "pass";
  };
  node.proxy.onServerMessage = ({ commandTag }, connection) =>
    committing.has(connection) && commandTag !== null ? news.promise.then(() => "pass" as const) : "pass";
  const answer = pay(node, checkoutOf(id));
  await until(
    async () => (await florin.owner`SELECT 1 FROM payment_orders WHERE payment_order_id = ${id}`).length === 1,
    "it is written",
  );
  const order = await florin.order(id);
  const ref = { kind: "payment_order", merchantId: TEST_MERCHANT, id: order.id };
  // A repeated request found its row, and its shop cancels; taken from the row, the order would ask the PSP.
  const cancel = node.engine.deliver(ref, {
    ...toFactLetter({ type: "order.cancel", ...toStamp(systemPorts) }),
    isCommand: true,
  });
  // Another payment goes the whole way meanwhile.
  const other = newId();
  await pay(node, checkoutOf(other));
  expectOnce(await florin.order(other));
  expect(florin.psp.callsOf(order.id)).toEqual([]);
  expect(await florin.order(id)).toMatchObject({ version: 1, state: "sending" });
  news.resolve();
  await Promise.all([answer, cancel]);
  expectOnce(await florin.order(id));
  expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["charge"]);
});

const STRAY_SWEEP_MS = 30_000;

test("an order that is this node's, and that nobody has in memory, is found twice a minute and driven on", async () => {
  let lookForStrays = (): void => {};
  const ports: Ports = {
    ...systemPorts,
    timers: {
      ...systemPorts.timers,
      every(ms, callback) {
        if (ms !== STRAY_SWEEP_MS) return systemPorts.timers.every(ms, callback);
        lookForStrays = callback;
        return () => {};
      },
    },
  };
  const dead = await florin.openNode({ isProxied: true, isSweeping: false });
  const adopted: string[] = [];
  const node = await florin.openNode({ ports, onAdopted: ({ id }, stateName) => adopted.push(`${id} ${stateName}`) });
  const [stray, live] = [newId(), newId()];
  const gate = Promise.withResolvers<void>();
  florin.psp.onCharge = async (_, make) => {
    const outcome = make();
    await gate.promise;
    return outcome;
  };
  await pay(dead, checkoutOf(stray), { waitMs: 100 });
  const answered = pay(node, checkoutOf(live));
  await until(() => florin.psp.calls.length === 2, "both charges are out");
  dead.isolate();
  // As an adoption that was committed, and that nobody heard of: no error tells the node to look.
  await florin.owner`
    UPDATE payment_orders SET owner = ${node.node}, fencing_token = fencing_token + 1 WHERE payment_order_id = ${stray}`;
  const order = await florin.order(stray);
  for (let round = 0; round < 3; round += 1) expect(await node.sweeper.sweep()).toMatchObject({ adopted: 0 });
  expect(await florin.order(stray)).toEqual(order);
  expect(florin.psp.calls).toHaveLength(2);

  lookForStrays();
  await until(async () => {
    await node.sweeper.sweep();
    return (await florin.order(stray)).state === "SUCCESS";
  }, "the stray is paid");
  expectOnce(await florin.order(stray));
  expect(adopted).toEqual([`${order.id} EXECUTING.sending`]);
  expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["charge", "inquiry"]);

  // Who is in memory is no stray: it is let be, and its call's answer is taken.
  expect(await florin.order(live)).toMatchObject({ state: "sending", token: 1, version: 1 });
  gate.resolve();
  await answered;
  expectOnce(await florin.order(live));
  expect(florin.psp.calls).toHaveLength(3);
});

test("a call whose claim lapsed between its commit and the news of it is held back", async () => {
  let nowMs = 0;
  let sent = 0;
  const ports: Ports = { ...systemPorts, clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } };
  const ownership = await claimOwnership({
    openHeart: () => ({
      beat: async () => {},
      stopNode: async () => {},
      end: async () => {},
    }),
    ports,
    node: "a node",
    name: "a node",
    onFailure: () => {},
  });
  const claim = ownership.claim();
  expect(ownership.sureUntilMs(claim)).toBeGreaterThan(nowMs);
  // Paused for longer than it owns anything, then it beats again: alive, and no longer what it was.
  nowMs = OWNERSHIP_MS + 1;
  await ownership.beat();
  expect(ownership.claim()).not.toBe(claim);
  expect(ownership.sureUntilMs(ownership.claim())).toBeGreaterThan(nowMs);
  const connector: Connector = {
    ...florin.psp,
    charge(call) {
      sent += 1;
      return florin.psp.charge(call);
    },
  };
  const { event } = await performCall(
    { connectors: new Map([["simulator", connector]]), store: { loadRequest: async () => "" }, ownership, ports },
    { kind: "payment_order", merchantId: TEST_MERCHANT, id: "an order" },
    {
      kind: "charge",
      attempt: 1,
      operationNumber: 1,
      psp: "simulator",
      idempotencyKey: "an order.charge.1",
      request: "{}",
    },
    claim,
  );
  expect(event).toMatchObject({ type: "psp.unsent", heldBack: true });
  expect(sent).toBe(0);
  ownership.stop();
});
