import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { errorsOf, type FlorinUnderTest, holdLock, startFlorinUnderTest, until, untilBlocked } from "../engine/florin-under-test.ts";
import { PENDING } from "../engine/psp-double.ts";

let florin: FlorinUnderTest;
let made = 0;
beforeAll(async () => { florin = await startFlorinUnderTest(); });
afterEach(async () => { florin.psp.reset(); await florin.closeNodes(); });
afterAll(() => florin.close());
const newId = (n = "order"): string => `${n}-${++made}`;
const checkoutOf = (id: string, changes = {}) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })], ...changes });
const call = (key: string, text = key) => ({ merchantId: 1, key, requestHash: createHash("sha256").update(text).digest("hex") });

test("R1 creation: connection lost while the old backend is still before its commit, which comes later", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
  const id = newId();
  // the old backend hangs in its last phase: the insert into transitions is blocked by a table lock
  const lock = await holdLock(florin.database, "LOCK TABLE transitions IN SHARE MODE");
  const answer = pay(node, checkoutOf(id)).then((a) => a.status, (e) => `thrown ${e.message}`);
  await untilBlocked(florin, 1);
  node.proxy.cut();
  await untilBlocked(florin, 2);
  await lock.release();
  console.log("R1", await answer, await florin.order(id), florin.psp.calls.length, errorsOf(node));
});

test("R2 adoption's answer is lost", async () => {
  const a = await florin.openNode({ isProxied: true });
  const id = newId();
  florin.psp.onCharge = () => new Promise(() => {});
  await pay(a, checkoutOf(id), { waitMs: 200 });
  a.isolate();
  florin.psp.reset();
  const b = await florin.openNode({ isProxied: true });
  let cuts = 0; let armed = false;
  b.proxy.onClientMessage = ({ type, sql }) => { if (type === "E" && sql?.includes("fencing_token + 1")) armed = true; return "pass"; };
  b.proxy.onServerMessage = ({ commandTag }) => { if (armed && commandTag === "SELECT 1" && cuts === 0) { cuts += 1; return "cut"; } return "pass"; };
  await florin.expire(a);
  await until(() => cuts === 1, "cut");
  await sleep(6000);
  const order = await florin.order(id);
  console.log("R2", order.state, order.owner === b.node, order.version, florin.psp.calls.map((c) => c.kind));
});

test("R3 an operator resolves with a reference that another order has booked", async () => {
  const node = await florin.openNode();
  const first = newId();
  await pay(node, checkoutOf(first));
  const [{ psp_reference }] = await florin.owner`SELECT psp_reference FROM payment_orders WHERE payment_order_id = ${first}`;
  const id = newId();
  florin.psp.onCharge = (_, make) => { make(); return { kind: "unknown", reason: "x" }; };
  florin.psp.onInquiry = () => ({ kind: "unknown", reason: "x" });
  await pay(node, checkoutOf(id), { waitMs: 100 });
  await florin.owner`UPDATE payment_orders SET snapshot = replace(replace(snapshot::text, '"resolving"', '"parked"'), '"parked":null', '"parked":{"reason":"inquiries_spent","since":1}')::json, phase='parked' WHERE payment_order_id = ${id}`;
  const r = await node.payments.command(call(newId("k")), id, { kind: "resolve", outcome: "succeeded", amountMinor: null, reason: "typo", pspReference: psp_reference }).catch((e) => `${e.code} ${e.message}`);
  console.log("R3", r, await florin.order(id));
});

test("R3b an order parked for a reference conflict is resolved as succeeded", async () => {
  const node = await florin.openNode();
  const first = newId();
  await pay(node, checkoutOf(first));
  const [{ psp_reference }] = await florin.owner`SELECT psp_reference FROM payment_orders WHERE payment_order_id = ${first}`;
  const id = newId();
  florin.psp.onCharge = () => ({ kind: "succeeded", reference: psp_reference, amountMinor: 10000n, currency: "USD", captured: true });
  await pay(node, checkoutOf(id), { waitMs: 2000 });
  const before = await florin.order(id);
  const r = await node.payments.command(call(newId("k")), id, { kind: "resolve", outcome: "succeeded", amountMinor: null, reason: "try", pspReference: null }).catch((e) => `${e.code} ${e.message}`);
  console.log("R3b", before.state, before.parkReason, r, await florin.order(id));
});

test("R4 notice for an order of a newer machine version", async () => {
  const node = await florin.openNode();
  const id = newId();
  florin.psp.onCharge = () => PENDING;
  await pay(node, checkoutOf(id), { waitMs: 300 });
  const order = await florin.order(id);
  await florin.owner`UPDATE payment_orders SET machine_version = 2 WHERE payment_order_id = ${id}`;
  florin.psp.readNotice = () => ({ kind: "genuine", notice: { eventId: `evt_${id}`, type: "charge.succeeded", subject: { merchantId: 1, orderId: order.id, idempotencyKey: `${order.id}.charge.1` }, fact: { kind: "succeeded", reference: `ch_x${id}`, amountMinor: 10000n, currency: "USD", captured: true } } });
  await florin.owner`INSERT INTO settings (name, value) VALUES ('webhook_secret:simulator', 'whsec_eA==') ON CONFLICT DO NOTHING`;
  await node.webhooks.receive("simulator", new Uint8Array(), {});
  await sleep(2000);
  console.log("R4", await florin.owner`SELECT handled_at, disposition FROM inbox WHERE event_id = ${`evt_${id}`}`);
  await florin.owner`UPDATE payment_orders SET machine_version = 1 WHERE payment_order_id = ${id}`;
});

test("R5 the same checkout again, while its order is set aside", async () => {
  const node = await florin.openNode();
  const id = newId();
  florin.psp.onCharge = () => PENDING;
  const request = checkoutOf(id, { checkoutId: `chk-${id}` });
  await pay(node, request, { waitMs: 300 });
  await florin.owner`UPDATE payment_orders SET quarantined_at = now(), quarantine_reason = 'x' WHERE payment_order_id = ${id}`;
  const again = await pay(node, request, { key: newId("k") }).catch((e) => ({ status: e.code, body: e.message }));
  console.log("R5", again.status, again.body);
});

test("R6 two cancels under one key at once", async () => {
  const node = await florin.openNode();
  const id = newId();
  await pay(node, checkoutOf(id, { paymentMethod: { kind: "hosted_page" } }), { waitMs: 0 });
  const k = call(newId("k"));
  const both = await Promise.all([1, 2, 3].map(() => node.payments.command(k, id, { kind: "cancel" }).then((a) => `${a.status} replay=${a.isReplay}`, (e) => e.code)));
  console.log("R6", both);
});

test("R8 the database is away and clients go on", async () => {
  const node = await florin.openNode({ isProxied: true });
  node.isolate();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 20000; n += 1) { void pay(node, checkoutOf(newId()), { waitMs: 0 }).catch(() => {}); if (n % 500 === 0) await sleep(5); }
  await sleep(11_000);
  console.log("R8 depth", node.journal.depth(), "MB", (process.memoryUsage().heapUsed - before) / 1e6, "live", node.engine.size());
}, 60_000);
