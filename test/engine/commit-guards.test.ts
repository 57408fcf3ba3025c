/** The guards of the commit: what must be there once, and what a worker that was overtaken may still write. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { ItemBuilder } from "../../src/engine/item.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import {
  expectOnce,
  type FlorinUnderTest,
  holdLock,
  startFlorinUnderTest,
  type TestNode,
  until,
  untilBlocked,
} from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";

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

const newId = (name = "order"): string => `${name}-${++made}`;
const codeOf = (result: PromiseSettledResult<unknown>): string =>
  result.status === "fulfilled" ? "answered" : String((result.reason as { code?: string }).code ?? result.reason);

describe.each([
  { where: "one node", nodeCount: 1 },
  { where: "two nodes", nodeCount: 2 },
])("on $where at once", ({ nodeCount }) => {
  const openNodes = (): Promise<TestNode[]> =>
    Promise.all(Array.from({ length: nodeCount }, () => florin.openNode({ isSweeping: false })));
  const nodeAt = (nodes: readonly TestNode[], index: number): TestNode => {
    const node = nodes[index % nodes.length];
    if (node === undefined) throw new Error("there is a node");
    return node;
  };

  /** So that both really meet: their inserts wait for somebody else's, who then gives way. */
  async function meet(insert: string, act: () => Promise<PromiseSettledResult<unknown>[]>) {
    const lock = await holdLock(florin.database, insert);
    const results = act();
    await untilBlocked(florin, nodeCount);
    await lock.sql.unsafe("ROLLBACK; BEGIN");
    await lock.release();
    return results;
  }

  test("the same key is carried out once, and the other call gets its bytes or is told to wait", async () => {
    const nodes = await openNodes();
    const [id, key] = [newId(), newId("key")];
    const request = aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });
    const results = await meet(
      `INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject) VALUES (1, '${key}', '', '')`,
      () => Promise.allSettled([0, 1].map((index) => pay(nodeAt(nodes, index), request, { key }))),
    );
    const [first, other] = results.map(codeOf).sort();
    expect(first).toBe("answered");
    expect(nodeCount === 1 ? ["idempotency-in-progress"] : ["answered", "idempotency-in-progress"]).toContain(other);
    const again = await pay(nodeAt(nodes, 0), request, { key });
    expect(again.isReplay).toBe(true);
    for (const result of results) {
      if (result.status === "fulfilled") expect(result.value).toMatchObject({ status: 201, body: again.body });
    }
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id)).toHaveLength(1);
  });

  test("twenty more calls under a key that is being carried out get its bytes or are told to wait, and charge nothing", async () => {
    const nodes = await openNodes();
    const [id, key] = [newId(), newId("key")];
    const request = aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });
    const gate = Promise.withResolvers<void>();
    florin.psp.onCharge = async (_, make) => {
      await gate.promise;
      return make();
    };
    const first = pay(nodeAt(nodes, 0), request, { key });
    await until(() => florin.psp.calls.length === 1, "the charge is out");
    const others = Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => pay(nodeAt(nodes, index), request, { key })),
    );
    gate.resolve();
    const { body } = await first;
    for (const result of await others) {
      expect(["answered", "idempotency-in-progress"]).toContain(codeOf(result));
      if (result.status === "fulfilled") expect(result.value).toMatchObject({ status: 201, isReplay: true });
    }
    expect(await pay(nodeAt(nodes, 1), request, { key })).toMatchObject({ status: 201, isReplay: true });
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id)).toHaveLength(1);
    expect(JSON.parse(body)).toMatchObject({ checkout_id: expect.any(String) });
  });

  test("two clicks with two keys and one checkout charge once, and both get the same payment event", async () => {
    const nodes = await openNodes();
    const [id, checkoutId] = [newId(), newId("checkout")];
    const request = aCheckout("pm_card_visa", { checkoutId, orders: [anOrder({ paymentOrderId: id })] });
    const results = await meet(
      `INSERT INTO payment_events (merchant_id, id, checkout_id, content_hash, metadata, order_count, open_order_count, created_at)
       VALUES (1, gen_random_uuid(), '${checkoutId}', '', '{}', 1, 1, now())`,
      () => Promise.allSettled([0, 1].map((index) => pay(nodeAt(nodes, index), request))),
    );
    expect(results.map(codeOf)).toEqual(["answered", "answered"]);
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id)).toHaveLength(1);
    const events = await florin.owner`SELECT 1 FROM payment_events WHERE checkout_id = ${checkoutId}`;
    expect(events).toHaveLength(1);
  });

  test("a second click waits as it asks, for the order that the first one started", async () => {
    const nodes = await openNodes();
    const request = aCheckout("pm_card_visa", { checkoutId: newId("checkout") });
    const gate = Promise.withResolvers<void>();
    florin.psp.onCharge = async (_, make) => {
      await gate.promise;
      return make();
    };
    const first = await pay(nodeAt(nodes, 0), request, { waitMs: 0 });
    const second = pay(nodeAt(nodes, 1), request, { waitMs: 10_000 });
    const early = await pay(nodeAt(nodes, 1), request, { waitMs: 100 });
    gate.resolve();
    expect([first, early].map(({ body }) => JSON.parse(body).status)).toEqual(["EXECUTING", "EXECUTING"]);
    expect(JSON.parse((await second).body).status).toBe("SUCCESS");
  });

  test("one payment order id in two checkouts: one is created whole, of the other nothing is written", async () => {
    const nodes = await openNodes();
    const [id, other] = [newId(), newId()];
    const checkoutIds = [newId("checkout"), newId("checkout")];
    const results = await Promise.allSettled(
      checkoutIds.map((checkoutId, index) =>
        pay(
          nodeAt(nodes, index),
          aCheckout("pm_card_visa", {
            checkoutId,
            orders: [anOrder({ paymentOrderId: `${other}-${index}` }), anOrder({ paymentOrderId: id })],
          }),
        ),
      ),
    );
    expect(results.map(codeOf).sort()).toEqual(["answered", "payment-order-conflict"]);
    const rows =
      await florin.owner`SELECT 1 FROM payment_orders WHERE payment_order_id LIKE ${`${other}-%`} OR payment_order_id = ${id}`;
    const events = await florin.owner`SELECT 1 FROM payment_events WHERE checkout_id = ANY (${checkoutIds})`;
    expect([rows.length, events.length]).toEqual([2, 1]);
  });
});

describe("a key whose first request waits on another node", () => {
  /** A payment that waits for a PSP, which does not answer before it is let go. */
  async function startWaiting(node: TestNode) {
    const [id, key] = [newId(), newId("key")];
    const request = aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });
    const gate = Promise.withResolvers<void>();
    const callsBefore = florin.psp.calls.length;
    florin.psp.onCharge = async (_, make) => {
      await gate.promise;
      return make();
    };
    const first = pay(node, request, { key });
    await until(() => florin.psp.calls.length > callsBefore, "the charge is out");
    return { id, first, letGo: gate.resolve, repeatAt: (other: TestNode) => pay(other, request, { key }) };
  }

  test("is not answered early: the repeat is told to wait, and then gets the first one's bytes", async () => {
    const [a, b] = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
    const { id, first, letGo, repeatAt } = await startWaiting(a);
    await expect(repeatAt(b)).rejects.toMatchObject({ code: "idempotency-in-progress" });
    letGo();
    const answer = await first;
    expect(JSON.parse(answer.body)).toMatchObject({ status: "SUCCESS" });
    expect(await repeatAt(b)).toEqual({ ...answer, isReplay: true });
    expectOnce(await florin.order(id));
  });

  test.each([
    { why: "that node is silent for the ownership time", end: (node: TestNode) => florin.expire(node) },
    {
      why: "that node has stopped",
      end: ({ node }: TestNode) => florin.owner`UPDATE nodes SET stopped_at = now() WHERE node_id = ${node}`,
    },
    {
      why: "no request waits as long",
      end: () => florin.owner`UPDATE payment_events SET created_at = now() - interval '41 seconds'`,
    },
  ])("is answered at once when $why", async ({ end }) => {
    const [a, b] = [
      await florin.openNode({ isSweeping: false, isProxied: true }),
      await florin.openNode({ isSweeping: false }),
    ];
    const { first, letGo, repeatAt } = await startWaiting(a);
    const firstAnswer = first.catch(() => null);
    // From here on no heartbeat of it changes what is made of the row.
    a.isolate();
    await end(a);
    const early = await repeatAt(b);
    expect(early).toMatchObject({ status: 201, isReplay: true });
    expect(JSON.parse(early.body)).toMatchObject({ status: "EXECUTING" });
    a.heal();
    letGo();
    // Whoever comes second answers with what the first has stored.
    expect((await firstAnswer)?.body ?? early.body).toBe(early.body);
  });

  test("is answered at once by the node of the first request itself, when that is over", async () => {
    const a = await florin.openNode({ isSweeping: false });
    const { first, letGo, repeatAt } = await startWaiting(a);
    letGo();
    await first;
    // As when the database was away for the moment in which the answer was to be stored.
    await florin.owner`UPDATE idempotency_keys SET status = NULL, answer = NULL`;
    expect(await repeatAt(a)).toMatchObject({ status: 201, isReplay: true });
  });
});

test("two items of one batch that claim the same key are judged one after the other", async () => {
  const node = await florin.openNode({ isSweeping: false, lanes: 1 });
  const row = { merchantId: 1, key: newId("key"), requestHash: "00", subject: "x", status: null, answer: null };
  const verdicts = await Promise.all([row, row].map((key) => node.journal.commit(new ItemBuilder().key(key).build())));
  expect(verdicts).toEqual([{ kind: "committed" }, { kind: "duplicate" }]);
});

test("a fenced item writes nothing but its observation, and its neighbours in the batch commit", async () => {
  const node = await florin.openNode({ isSweeping: false, lanes: 1 });
  const ids = Array.from({ length: 20 }, () => newId());
  const fenced = ids[7] ?? "";
  const answerNow = Promise.withResolvers<void>();
  florin.psp.onCharge = async (_, make) => {
    await answerNow.promise;
    return make();
  };
  const answers = ids.map((paymentOrderId) =>
    pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId })] }), {
      waitMs: paymentOrderId === fenced ? 500 : 5_000,
    }),
  );
  await until(() => florin.psp.calls.length === ids.length, "all charges are out");
  // What adoption by another node does.
  const other = newUuid(systemPorts);
  await florin.owner`INSERT INTO nodes (node_id, name) VALUES (${other}, 'another')`;
  await florin.owner`UPDATE payment_orders SET owner = ${other}, fencing_token = fencing_token + 1 WHERE payment_order_id = ${fenced}`;
  const before = await florin.order(fenced);
  const eventsOf = () => florin.owner`SELECT count(*)::int AS n FROM events WHERE subject_id = ${before.id}`;
  const eventsBefore = await eventsOf();
  answerNow.resolve();
  await Promise.all(answers);

  for (const id of ids) if (id !== fenced) expectOnce(await florin.order(id));
  const after = await florin.order(fenced);
  expect(after).toEqual({ ...before, observations: 1, unhandledObservations: 1 });
  expect(await eventsOf()).toEqual(eventsBefore);
  expect(await florin.owner`SELECT 1 FROM timers WHERE actor_id = ${before.id}`).toEqual([]);

  // The other node is gone: whoever adopts takes the receipt, and needs no second charge.
  await florin.owner`UPDATE nodes SET stopped_at = now() WHERE node_id = ${other}`;
  await node.sweeper.sweep();
  await until(async () => (await florin.order(fenced)).state === "SUCCESS", "the adopted order succeeds");
  await until(async () => {
    await node.sweeper.sweep();
    return (await florin.order(fenced)).unhandledObservations === 0;
  }, "the stored receipt is handled");
  expectOnce(await florin.order(fenced));
  expect(florin.psp.callsOf(before.id).filter(({ kind }) => kind === "charge")).toHaveLength(1);
});

test("a step that another node has overtaken is decided anew on what that node committed", async () => {
  const [a, b] = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
  const id = newId();
  florin.psp.onCharge = (_, make) => {
    make();
    return PENDING;
  };
  await pay(a, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] }), { waitMs: 200 });
  const order = await florin.order(id);
  const ref = { kind: "payment_order", merchantId: 1, id: order.id };
  const [effect] = florin.psp.effects.filter(({ order_id }) => order_id === order.id);
  // Both learn of the success at the same moment: both load the order at rest, one commits.
  const stamp = { at: Date.now(), jitter: 0, source: "webhook", operation: 1, attempt: null } as const;
  const success = {
    type: "psp.succeeded",
    reference: effect?.id ?? "",
    amount: effect?.amount ?? "",
    currency: effect?.currency ?? "",
    captured: true,
    ...stamp,
  } as const;
  const lock = await holdLock(florin.database, `SELECT 1 FROM payment_orders WHERE id = '${order.id}' FOR UPDATE`);
  const results = [a, b].map((node) =>
    node.engine.deliver(ref, { event: success, isCommand: false, mail: null, observation: null, toKeyRow: null }),
  );
  await untilBlocked(florin, 2);
  await lock.release();
  expect((await Promise.all(results)).map(({ kind }) => kind).sort()).toEqual(["ignored", "taken"]);
  expectOnce(await florin.order(id));
});
