/** A PSP that is taken out of the configuration while orders wait for it. */
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { bindStatements } from "../../src/db/access.ts";
import { connectDatabase } from "../../src/db/client.ts";
import type { Connector } from "../../src/psp/connector.ts";
import { createTestDatabase } from "../support/database.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { type FlorinUnderTest, startFlorinUnderTest, type TestNode, until } from "./florin-under-test.ts";
import { createPspDouble, PENDING, type PspDouble } from "./psp-double.ts";

let florin: FlorinUnderTest;
let other: PspDouble;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest({ psp: createPspDouble({ account: "first" }) });
  other = createPspDouble({ account: "second" });
});
afterEach(async () => {
  florin.psp.reset();
  other.reset();
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(() => florin.close());

const newId = (): string => `order-${++made}`;
const checkoutOf = (id: string) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });
const becomes = (id: string, state: string): Promise<void> =>
  until(async () => (await florin.order(id)).state === state, `${id} becomes ${state}`);
const open = (...connectors: readonly Connector[]): Promise<TestNode> =>
  florin.openNode({ connectors, isSweeping: false });

test("an order whose PSP a node does not know is never charged with another connector's bytes", async () => {
  const stranger = await florin.openNode({ connectors: [other] });
  const node = await open(florin.psp);
  const id = newId();
  const decline = { code: "busy", message: "later", declineCode: null, retryable: true } as const;
  florin.psp.onCharge = () => ({ kind: "declined", reference: null, ...decline });
  // A soft decline asks for a new charge; the node that sweeps is the stranger.
  await pay(node, checkoutOf(id), { waitMs: 100 });
  await until(async () => (await florin.order(id)).isQuarantined, "it is set aside");
  const order = await florin.order(id);
  expect(order.quarantineReason).toBe("an order of the PSP first, which is not configured, wants to be charged");
  expect(order).toMatchObject({ state: "retrying", entries: 0 });
  expect([florin.psp.callsOf(order.id).length, other.calls.length]).toEqual([1, 0]);
  expect(await florin.owner`SELECT psp FROM attempts WHERE actor_id = ${order.id}`).toEqual([{ psp: "first" }]);
  await stranger.stop();
});

test("a node without the PSP of open orders does not start, and says which PSP and how many", async () => {
  const node = await open(florin.psp);
  // One that has a call out, one that waits in a queue, one that waits for its buyer; and two that nobody has to move.
  const [sent, pending, hosted, paid, aside] = [newId(), newId(), newId(), newId(), newId()];
  await pay(node, checkoutOf(paid));
  await pay(node, { ...checkoutOf(hosted), paymentMethod: { kind: "hosted_page" } }, { waitMs: 0 });
  florin.psp.onCharge = () => PENDING;
  for (const id of [pending, aside]) {
    await pay(node, checkoutOf(id), { waitMs: 100 });
    await becomes(id, "pending");
  }
  await florin.owner`
    UPDATE payment_orders SET quarantined_at = now(), quarantine_reason = 'test' WHERE payment_order_id = ${aside}`;
  florin.psp.onCharge = () => new Promise<never>(() => {});
  await pay(node, checkoutOf(sent), { waitMs: 100 });
  const countNodes = () => florin.owner`SELECT count(*)::int AS nodes FROM nodes`;
  const before = await countNodes();

  await expect(open(other)).rejects.toThrow(
    "3 open orders belong to PSPs that are not configured: first (3). Configured are: second.",
  );
  await expect(open(other)).rejects.toThrow("let their orders end, or resolve them, before you take a PSP away");
  expect(await countNodes()).toEqual(before);
  expect((await florin.order(sent)).owner).toBe(node.node);
  await open(other, florin.psp);

  // Whom a newer build has moved is the newer build's.
  const ids = [sent, pending, hosted];
  await florin.owner`UPDATE payment_orders SET machine_version = 99 WHERE payment_order_id = ANY (${ids})`;
  await open(other);
  await florin.owner`UPDATE payment_orders SET machine_version = 1 WHERE payment_order_id = ANY (${ids})`;
  await expect(open(other)).rejects.toThrow("first (3)");
  florin.psp.reset();
  await node.stop(0);
  const last = await florin.openNode();
  await last.payments.command({ merchantId: 1, key: "end", requestHash: "00" }, hosted, { kind: "cancel" });
  await becomes(sent, "SUCCESS");
});

test("what is looked for at the start is found without reading the orders that are at their end", async () => {
  await using database = await createTestDatabase();
  const owner = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
  const sql = connectDatabase(database.appUrl, { name: "test", max: 1, statementTimeoutMs: 30_000 });
  try {
    await owner`
      INSERT INTO payment_orders (merchant_id, id, payment_order_id, payment_event_id, ordinal, seller_account, amount, currency,
        platform_fee, psp, metadata, created_at, payment_order_status, phase, state_since, updated_at, machine_version, snapshot,
        version, revision, fencing_token)
      SELECT 1, gen_random_uuid(), 'po_' || n, gen_random_uuid(), 0, 's1', 1, 'USD', 0, 'first', '{}', now(),
        CASE WHEN n % 1000 = 0 THEN 'EXECUTING' ELSE 'SUCCESS' END, CASE WHEN n % 1000 = 0 THEN 'parked' END,
        now(), now(), 1, '{}', 1, 1, 1
      FROM generate_series(1, 50000) n`;
    await owner`ANALYZE`;
    const scans = async (): Promise<unknown> => {
      await sql`SELECT pg_stat_force_next_flush()`;
      const [row] =
        await owner`SELECT seq_scan::int AS scans FROM pg_stat_user_tables WHERE relname = 'payment_orders'`;
      return row?.scans;
    };
    const node = await open(florin.psp);
    const kind = node.kinds.get("payment_order");
    if (kind === undefined) throw new Error("payment orders are not registered");
    const before = await scans();
    const statements = bindStatements(sql);
    expect(await statements.countUnservedOrders(kind, ["second"])).toEqual([{ psp: "first", count: 50 }]);
    expect(await statements.countUnservedOrders(kind, ["second", "first"])).toEqual([]);
    expect(await statements.listForgottenActors({ ...kind, machineVersions: [2] }, 1)).toMatchObject([{ total: 50 }]);
    expect(await scans()).toBe(before);
    // And this is how a reading of all of them would show.
    await sql`SELECT count(metadata) FROM payment_orders`;
    expect(await scans()).not.toBe(before);
  } finally {
    await Promise.all([owner.end(), sql.end()]);
  }
});
