/**
 * One test for each mechanism that no other test here would miss if it were gone. Each was seen to fail with its line
 * taken out of the product.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createLeaseStore, createMemoryLeases, type StoredLease } from "../../src/engine/leases/memory-leases.ts";
import type { Connector } from "../../src/psp/connector.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
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
