/** Answers of the database that get lost or come too late: what was written is never taken for undone, or forgotten. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { refuseForgottenVersions } from "../../src/engine/check-versions.ts";
import { ItemBuilder } from "../../src/engine/item.ts";
import { connectAccess } from "../../src/db/access.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { toFactLetter } from "../../src/engine/letters.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import {
  expectOnce,
  type FlorinUnderTest,
  holdLock,
  rerunCodes,
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

const NOBODY = "00000000-0000-7000-8000-000000000000";
const newId = (name = "order"): string => `${name}-${++made}`;
const checkoutOf = (id: string) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });

test("a creation that commits after its connection was lost is found by the rerun that collided with it", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
  const id = newId();
  // The first run has written key, checkout and order when it has to wait: the rerun waits for it at the key.
  const lock = await holdLock(florin.database, "LOCK TABLE transitions IN SHARE MODE");
  const answer = pay(node, checkoutOf(id));
  await untilBlocked(florin, 1);
  node.proxy.cut();
  await untilBlocked(florin, 2);
  await lock.release();
  expect((await answer).status).toBe(201);
  const order = await florin.order(id);
  expectOnce(order);
  expect(florin.psp.callsOf(order.id)).toHaveLength(1);
});

test("a batch that is canceled for its time is split and written, and nothing of it is refused", async () => {
  const node = await florin.openNode({ isSweeping: false, lanes: 1 });
  const ids = [newId(), newId(), newId()];
  const lock = await holdLock(florin.database, "LOCK TABLE transitions IN SHARE MODE");
  const answers = Promise.all(ids.map((id) => pay(node, checkoutOf(id))));
  await untilBlocked(florin, 1);
  await florin.owner`
    SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE datname = ${florin.database.name} AND wait_event_type = 'Lock' AND application_name LIKE 'florin journal%'`;
  await until(() => rerunCodes(node).includes("57014"), "the batch is canceled");
  await lock.release();
  expect((await answers).map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(node.statistics.store.getSnapshot().context.reruns).toBe(0);
  for (const id of ids) expectOnce(await florin.order(id));
});

test("a network that swallows a commit, or the renewal of a lane's plans, holds the lane up for a bounded time", async () => {
  async function paySwallowed(part: string): Promise<void> {
    const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
    let isSwallowed = false;
    node.proxy.onClientMessage = ({ sql }) => {
      if (isSwallowed || sql?.includes(part) !== true) return "pass";
      isSwallowed = true;
      return new Promise<never>(() => {});
    };
    const id = newId();
    await expect(pay(node, checkoutOf(id))).rejects.toMatchObject({ code: "temporarily-unavailable" });
    expect(isSwallowed).toBe(true);
    const find = () => florin.owner`SELECT 1 FROM payment_orders WHERE payment_order_id = ${id} AND owner IS NULL`;
    await until(async () => (await find()).length === 1, `${part}: it is paid`, 25_000);
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id)).toHaveLength(1);
  }
  await Promise.all(["commit_steps", "DISCARD PLANS"].map(paySwallowed));
}, 60_000);

test("what is long shares no statement with all the rest: one batch must never take longer than it may", async () => {
  const batches: number[] = [];
  const database = connectAccess(florin.database.appUrl);
  const journal = createJournal({
    openLane: database.openLane,
    lanes: 1,
    ports: systemPorts,
    onBatch: ({ items }) => batches.push(items),
  });
  const stamp = { at: new Date().toISOString(), node: NOBODY, isHandled: true };
  const item = (attempt: number) =>
    new ItemBuilder().observation(
      { kind: "payment_order", merchantId: 1, id: NOBODY },
      { attempt, source: "answer", fact: "x".repeat(400_000), httpStatus: 200, bodyBase64: "", latencyMs: 1 },
      stamp,
    );
  const verdicts = await Promise.all(Array.from({ length: 40 }, (_, n) => journal.commit(item(n).build())));
  await journal.close();
  expect(verdicts.every(({ kind }) => kind === "committed")).toBe(true);
  expect(Math.max(...batches)).toBeLessThan(12);
});

test("an order whose adoption nobody heard of is taken up when a letter brings it into memory", async () => {
  const dead = await florin.openNode({ isProxied: true });
  const id = newId();
  florin.psp.onCharge = () => new Promise<never>(() => {});
  await pay(dead, checkoutOf(id), { waitMs: 200 });
  dead.isolate();
  florin.psp.reset();
  const node = await florin.openNode({ isSweeping: false });
  // As an adoption that was committed and whose answer was lost.
  await florin.owner`
    UPDATE payment_orders SET owner = ${node.node}, fencing_token = fencing_token + 1 WHERE payment_order_id = ${id}`;
  const ref = { kind: "payment_order", merchantId: 1, id: (await florin.order(id)).id };
  const read = await node.engine.deliver(ref, toFactLetter({ type: "order.ask", at: Date.now(), jitter: 0 }));
  expect(read.kind).toBe("ignored");
  await until(async () => {
    await node.sweeper.sweep();
    return (await florin.order(id)).state === "SUCCESS";
  }, "it is paid");
  const order = await florin.order(id);
  expectOnce(order);
  expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toContain("inquiry");
});

test("an order that waits for its buyer is open too: a build that forgot its version does not start", async () => {
  const node = await florin.openNode({ isSweeping: false });
  const id = newId();
  await pay(node, { ...checkoutOf(id), paymentMethod: { kind: "hosted_page" } }, { waitMs: 0 });
  const kind = node.kinds.get("payment_order");
  if (kind === undefined) throw new Error("payment orders are not registered");
  const { id: uuid } = await florin.order(id);
  await expect(refuseForgottenVersions(node.statements, { ...kind, machineVersions: [2] })).rejects.toThrow(uuid);
});

test("while the database is away, the line of what waits for it does not grow without end", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false });
  node.isolate();
  const given = Array.from({ length: 10_500 }, () =>
    pay(node, checkoutOf(newId()), { waitMs: 0 }).then(() => "taken", String),
  );
  const refused = await Promise.race(given.slice(10_000));
  expect(refused).toContain("Florin can't take this now");
  expect(node.journal.depth()).toBeLessThanOrEqual(10_000);
  node.heal();
  await Promise.all(given);
  await until(() => node.engine.size().live === 0 && node.journal.depth() === 0, "what was taken is paid", 60_000);
}, 90_000);
