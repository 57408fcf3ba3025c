/** A buyer's card came back from the PSP's form, and the process died before it could start the orders. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { findPaymentEvent, keepFirstToken } from "../../src/db/statements/payment-events.ts";
import { toStamp } from "../../src/engine/calls.ts";
import { toFactLetter } from "../../src/engine/letters.ts";
import { PAYMENT_ORDER_KIND, toOrderRefs } from "../../src/payments/payment-order-state.ts";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";
import { holdLock } from "../engine/florin-under-test.ts";
import { createPspDouble } from "../engine/psp-double.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { aCheckout, anOrder, pay, startTestProcessor, TEST_MERCHANT } from "../support/processor.ts";

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

const hosted = (checkoutId: string) =>
  aCheckout("", {
    checkoutId,
    paymentMethod: { kind: "hosted_page" },
    orders: [anOrder(), anOrder({ sellerAccount: "seller-2" })],
  });
const start = () =>
  startTestProcessor({ databaseUrl: database.appUrl, connectors: [createInstantConnector({ account: "instant" })] });
const statesOf = async (checkoutId: string) =>
  sql`SELECT o.payment_order_status AS status, count(*)::int AS orders FROM payment_orders o
    JOIN payment_events e ON e.merchant_id = o.merchant_id AND e.id = o.payment_event_id
    WHERE e.checkout_id = ${checkoutId} GROUP BY 1`;
const countOpenCommands = async () => {
  const [row] = await sql<{ open: number }[]>`SELECT count(*)::int AS open FROM commands WHERE handled_at IS NULL`;
  return row?.open;
};

test("the orders are started by whoever sweeps, and each is charged once", async () => {
  await using processor = await start();
  await pay(processor, hosted("died"), { waitMs: 0 });
  const found = await findPaymentEvent(sql, TEST_MERCHANT, "died");
  const event = { type: "order.started", at: Date.now(), jitter: 0 } as const;
  const starts = (found?.orderIds ?? []).map((actorId) => ({
    commandId: newUuid(systemPorts),
    actorKind: PAYMENT_ORDER_KIND,
    actorId,
    event,
  }));
  // All that the dead process did: token and commands, in one statement.
  await keepFirstToken(sql, { merchantId: TEST_MERCHANT, eventId: found?.id ?? "", token: "pm_card_visa" }, starts);
  await expect.poll(() => statesOf("died"), { timeout: 10_000 }).toEqual([{ status: "SUCCESS", orders: 2 }]);
  await expect.poll(countOpenCommands).toBe(0);
  const [attempts] = await sql`SELECT count(*)::int AS sends FROM attempts WHERE operation = 'charge'`;
  expect(attempts).toEqual({ sends: 2 });
});

test("a second card, and the first one again, start nothing more", async () => {
  await using processor = await start();
  await pay(processor, hosted("twice"), { waitMs: 0 });
  await Promise.all([
    processor.payments.startHosted(TEST_MERCHANT, "twice", "pm_card_visa"),
    processor.payments.startHosted(TEST_MERCHANT, "twice", "pm_card_amex"),
  ]);
  await processor.payments.startHosted(TEST_MERCHANT, "twice", "pm_card_visa");
  await expect.poll(() => statesOf("twice"), { timeout: 10_000 }).toEqual([{ status: "SUCCESS", orders: 2 }]);
  expect(await countOpenCommands()).toBe(0);
  const [rows] = await sql`
    SELECT count(*)::int AS commands, count(DISTINCT actor_id)::int AS orders FROM commands c
    JOIN payment_orders o ON o.id = c.actor_id JOIN payment_events e ON e.id = o.payment_event_id WHERE e.checkout_id = 'twice'`;
  expect(rows).toEqual({ commands: 2, orders: 2 });
});

test("a card that comes while the order takes another letter is the one that is charged", async () => {
  const psp = createPspDouble();
  await using processor = await startTestProcessor({ databaseUrl: database.appUrl, connectors: [psp] });
  await pay(processor, hosted("busy"), { waitMs: 0 });
  const found = await findPaymentEvent(sql, TEST_MERCHANT, "busy");
  const [busy = ""] = found?.orderIds ?? [];
  const lock = await holdLock(database, `SELECT 1 FROM payment_orders WHERE id = '${busy}' FOR UPDATE`);
  // Its commit waits, and the order is in memory without a card.
  const letter = {
    type: "order.awaited",
    expiresInMs: 7_200_000,
    payUrl: "http://127.0.0.1/pay",
    ...toStamp(systemPorts),
  } as const;
  const late = processor.engine.deliver(
    { kind: PAYMENT_ORDER_KIND, merchantId: TEST_MERCHANT, id: busy },
    toFactLetter(letter),
  );
  await expect
    .poll(() => processor.engine.isLive({ kind: PAYMENT_ORDER_KIND, merchantId: TEST_MERCHANT, id: busy }))
    .toBe(true);
  const started = processor.payments.startHosted(TEST_MERCHANT, "busy", "pm_card_visa");
  await expect.poll(countOpenCommands).toBeGreaterThan(0);
  await lock.release();
  expect(await late).toMatchObject({ kind: "taken" });
  await started;
  await expect.poll(() => statesOf("busy"), { timeout: 10_000 }).toEqual([{ status: "SUCCESS", orders: 2 }]);
  expect(psp.callsOf(busy).map(({ kind }) => kind)).toEqual(["charge"]);
});

test("an order that is started without a card is set aside; no PSP has to make sense of an empty one", async () => {
  const psp = createPspDouble();
  await using processor = await startTestProcessor({ databaseUrl: database.appUrl, connectors: [psp] });
  await pay(processor, hosted("no-card"), { waitMs: 0 });
  const found = await findPaymentEvent(sql, TEST_MERCHANT, "no-card");
  const [ref] = toOrderRefs(TEST_MERCHANT, found?.orderIds ?? []);
  if (ref === undefined) throw new Error("there is an order");
  const result = await processor.engine.deliver(
    ref,
    toFactLetter({ type: "order.started", at: Date.now(), jitter: 0 }),
  );
  expect(result).toEqual({ kind: "quarantined", reason: "a charge needs the token of a payment method" });
  const [order] = await sql`
    SELECT payment_order_status AS status, version, quarantine_reason AS reason FROM payment_orders WHERE id = ${ref.id}`;
  expect(order).toEqual({ status: "NOT_STARTED", version: 1, reason: "a charge needs the token of a payment method" });
  expect(psp.calls).toEqual([]);
});
