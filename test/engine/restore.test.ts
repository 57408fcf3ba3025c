/** Orders as they lie in the database: what a node takes up, what it leaves to others, what it sets aside. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ActorRef } from "../../src/engine/actor.ts";
import type { Connector, PspNotice } from "../../src/psp/connector.ts";
import { webhookSecretName } from "../../src/processor.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import {
  expectOnce,
  type FlorinUnderTest,
  type NodeOptions,
  startFlorinUnderTest,
  type TestNode,
  until,
} from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";
import { createShiftedPorts, HOUR_MS } from "./simulator-florin.ts";

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
const refOf = async (id: string): Promise<ActorRef> => ({
  kind: "payment_order",
  merchantId: 1,
  id: (await florin.order(id)).id,
});
const snapshotOf = async (id: string) =>
  florin.owner`SELECT snapshot::text, version, fencing_token FROM payment_orders WHERE payment_order_id = ${id}`;
const never = new Promise<never>(() => {});

/** A node that does not sweep yet, and whose clock is an hour back: whatever deadline it sets is due. */
async function openLateNode(options: NodeOptions = {}): Promise<TestNode> {
  const ports = createShiftedPorts();
  const node = await florin.openNode({ ...options, ports, isSweeping: false });
  ports.offsetMs = -HOUR_MS;
  return node;
}

/** An order that waits for its poll. */
async function payPending(node: TestNode): Promise<string> {
  const id = newId();
  florin.psp.onCharge = (_, make) => {
    make();
    return PENDING;
  };
  await pay(node, checkoutOf(id), { waitMs: 100 });
  await until(async () => (await florin.order(id)).state === "pending", `${id} is pending`);
  return id;
}

test("a sweep over a healthy system writes no row and calls no PSP", async () => {
  const nodes = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
  const [node] = nodes;
  if (node === undefined) throw new Error("there is a node");
  await pay(node, checkoutOf(newId()));
  await payPending(node);
  florin.psp.onCharge = () => ({
    kind: "declined",
    reference: null,
    code: "x",
    message: "no",
    declineCode: null,
    retryable: false,
  });
  await pay(node, checkoutOf(newId()));
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "refused", retryAfterMs: 60_000 });
  await pay(node, checkoutOf(newId()), { waitMs: 100 });
  florin.psp.onCharge = (_, make) => ({ ...make(), amountMinor: 1n }) as never;
  await pay(node, checkoutOf(newId()));
  florin.psp.onCharge = () => never;
  const held = newId();
  await pay(node, checkoutOf(held), { waitMs: 100 });

  const content = async () => {
    const tables = await florin.owner<{ name: string }[]>`
      SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'nodes' ORDER BY 1`;
    const sums: Record<string, unknown> = {};
    for (const { name } of tables) {
      const [row] = await florin.owner.unsafe(
        `SELECT md5(COALESCE(string_agg(xmin::text || t::text, '' ORDER BY t::text), '')) AS sum FROM ${name} t`,
      );
      sums[name] = row?.sum;
    }
    return sums;
  };
  const [before, calls] = [await content(), florin.psp.calls.length];
  for (let round = 0; round < 3; round += 1) {
    for (const one of nodes) expect(await one.sweeper.sweep()).toEqual({ adopted: 0, timers: 0, mail: 0 });
  }
  expect(await content()).toEqual(before);
  expect(florin.psp.calls).toHaveLength(calls);

  florin.psp.reset();
  await node.stop(0);
  nodes[1]?.sweeper.start();
  await until(async () => (await florin.order(held)).state === "SUCCESS", "the held order is taken over");
});

test("an order of a newer machine version is left alone, with its timer and its webhooks, for a node that knows it", async () => {
  const notice: { current: PspNotice | null } = { current: null };
  const notifying: Connector = {
    ...florin.psp,
    account: "simulator",
    readNotice: () =>
      notice.current === null ? { kind: "forged", reason: "none" } : { kind: "genuine", notice: notice.current },
  };
  await florin.owner`INSERT INTO settings (name, value) VALUES (${webhookSecretName("simulator")}, 'whsec_x')`;
  const node = await openLateNode({ connectors: [notifying] });
  const id = await payPending(node);
  const { id: orderId } = await refOf(id);
  await florin.owner`UPDATE payment_orders SET machine_version = 99 WHERE id = ${orderId}`;
  node.sweeper.start();
  const before = await snapshotOf(id);
  const calls = florin.psp.callsOf(orderId).length;

  const effect = florin.psp.effects.find(({ order_id }) => order_id === orderId);
  if (effect === undefined) throw new Error("the charge was made");
  notice.current = {
    eventId: "evt-1",
    type: "charge.succeeded",
    subject: { merchantId: 1, orderId, idempotencyKey: effect.idempotency_key },
    fact: {
      kind: "succeeded",
      reference: effect.id,
      amountMinor: BigInt(effect.amount),
      currency: effect.currency,
      captured: true,
    },
  };
  await node.webhooks.receive("simulator", Buffer.from("{}"), {});
  await node.sweeper.sweep();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await snapshotOf(id)).toEqual(before);
  expect(florin.psp.callsOf(orderId)).toHaveLength(calls);
  const inbox = () => florin.owner`SELECT handled_at IS NULL AS waits, disposition FROM inbox WHERE event_id = 'evt-1'`;
  expect(await inbox()).toEqual([{ waits: true, disposition: null }]);

  // As if this were the newer node.
  florin.psp.onInquiry = () => ({ kind: "unknown", reason: "timeout" });
  await florin.owner`UPDATE payment_orders SET machine_version = 1 WHERE id = ${orderId}`;
  await until(async () => (await florin.order(id)).state === "SUCCESS", "the stored webhook settles it");
  expectOnce(await florin.order(id));
});

test.each([
  { what: "JSON's null", snapshot: "null", reason: "snapshot" },
  { what: "an empty object", snapshot: "{}", reason: "machine" },
  {
    what: "another machine's",
    snapshot: '{"machine":"refund","version":1,"value":"SUCCESS","context":{}}',
    reason: "machine",
  },
  {
    what: "in a state that the chart has not",
    snapshot: null,
    change: "jsonb_set(snapshot::jsonb, '{value}', '\"LOST\"')",
    reason: "value",
  },
  {
    what: "without its amount",
    snapshot: null,
    change: "snapshot::jsonb #- '{context,amount}'",
    reason: "context.amount",
  },
])("a snapshot that is $what is set aside untouched, with the reason", async ({ snapshot, change, reason }) => {
  const node = await openLateNode();
  const [bad, good] = [await payPending(node), await payPending(node)];
  await florin.owner.unsafe(
    `UPDATE payment_orders SET snapshot = ${change === undefined ? `'${snapshot}'` : `(${change})::json`} WHERE payment_order_id = '${bad}'`,
  );
  const [before] = await snapshotOf(bad);
  node.sweeper.start();
  await until(async () => (await florin.order(bad)).isQuarantined, "it is set aside");
  const [after] = await snapshotOf(bad);
  expect(after?.snapshot).toBe(before?.snapshot);
  expect((await florin.order(bad)).quarantineReason).toContain(reason);
  await until(async () => (await florin.order(good)).state === "SUCCESS", "its neighbour goes on");
});

test("an unreadable order of a dead node is set aside, and the others of that node are taken over", async () => {
  const a = await florin.openNode();
  const [bad, good] = [newId(), newId()];
  florin.psp.onCharge = (_, make) => {
    make();
    return never;
  };
  await Promise.all([bad, good].map((id) => pay(a, checkoutOf(id), { waitMs: 100 })));
  await florin.owner`UPDATE payment_orders SET snapshot = '[]' WHERE payment_order_id = ${bad}`;
  await a.stop(0);
  const b = await florin.openNode({ isSweeping: false });
  await b.sweeper.sweep();
  await until(async () => (await florin.order(good)).state === "SUCCESS", "the good one is taken over");
  expect(await florin.order(bad)).toMatchObject({ isQuarantined: true, owner: null });
  const [row] = await snapshotOf(bad);
  expect(row?.snapshot).toBe("[]");
});

test("an order that another node holds, or that has moved on since it was read, is not set aside", async () => {
  const [holder, other] = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
  const id = newId();
  florin.psp.onCharge = () => never;
  await pay(holder, checkoutOf(id), { waitMs: 0 });
  await until(async () => (await florin.order(id)).owner === holder.node, "its call is out");
  const kind = holder.kinds.get("payment_order");
  if (kind === undefined) throw new Error("payment orders are a kind");
  const ref = { ...(await refOf(id)), kind: kind.name };
  const [row] = await florin.owner`SELECT version FROM payment_orders WHERE id = ${ref.id}`;
  const version = Number(row?.version);
  const isQuarantined = async (): Promise<boolean> => (await florin.order(id)).isQuarantined;

  await other.store.quarantine(kind, { ref, version, reason: "unreadable here" });
  expect(await isQuarantined()).toBe(false);
  await holder.store.quarantine(kind, { ref, version: version - 1, reason: "as it was" });
  expect(await isQuarantined()).toBe(false);
  await holder.store.quarantine(kind, { ref, version, reason: "a step broke" });
  expect(await isQuarantined()).toBe(true);
});

test("1,000 parked orders are all restored, and each can be decided", async () => {
  const node = await florin.openNode({ isSweeping: false });
  const ids = Array.from({ length: 1_000 }, newId);
  florin.psp.onCharge = () => ({
    kind: "succeeded",
    reference: `ch_${made++}`,
    amountMinor: 1n,
    currency: "USD",
    captured: true,
  });
  await Promise.all(ids.map((id) => pay(node, checkoutOf(id))));
  await node.stop();
  const next = await florin.openNode({ isSweeping: false });
  const rows = await florin.owner<{ merchant_id: number; id: string }[]>`
    SELECT merchant_id, id FROM payment_orders WHERE payment_order_id = ANY (${ids}) AND phase = 'parked'`;
  const [kind] = next.kinds.values();
  if (kind === undefined) throw new Error("there is a kind");
  const loaded = await next.store.load(
    kind,
    rows.map(({ merchant_id, id }) => ({ kind: kind.name, merchantId: merchant_id, id })),
  );
  expect([rows.length, loaded.actors.length, loaded.unreadable]).toEqual([1_000, 1_000, []]);
  const stamp = { at: Date.now(), jitter: 0 };
  expect(loaded.actors.every(({ state }) => state.accepts({ type: "order.retry", ...stamp }))).toBe(true);
});
