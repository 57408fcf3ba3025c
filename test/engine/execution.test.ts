/** One payment order against the real simulator: every way in which a call, an answer or a notice can go wrong. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import type { CheckoutRequest, StoredAnswer } from "../../src/payments/service.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { expectOnce, type TestNode, until } from "./florin-under-test.ts";
import { SETTLE_TIME_MS, type SimulatorFlorin, startSimulatorFlorin } from "./simulator-florin.ts";

let florin: SimulatorFlorin;
let node: TestNode;
let made = 0;

beforeAll(async () => {
  florin = await startSimulatorFlorin();
  node = await florin.openNode({ connectors: [florin.connector] });
  await florin.listen(node);
});
afterAll(async () => {
  const counts = await florin.expectIntegrity();
  expect(counts["orders sending"] ?? 0).toBe(0);
  await florin.closeNodes();
  await florin.close();
});

const newId = (name = "order"): string => `${name}-${++made}`;
const orderOf = ({ body }: StoredAnswer): { status: string; phase: string | null } =>
  JSON.parse(body).payment_orders[0];

function checkoutOf(id: string, token: string, changes: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return aCheckout(token, { orders: [anOrder({ paymentOrderId: id })], ...changes });
}

/** Pays one order of its own with that token and waits until it rests. */
async function payWith(token: string, options: { readonly waitMs?: number } = {}) {
  const id = newId();
  const answer = await pay(node, checkoutOf(id, token), { waitMs: options.waitMs ?? 15_000 });
  return { id, answer: orderOf(answer), order: await florin.order(id) };
}

const becomes = (id: string, state: string, timeoutMs?: number): Promise<void> =>
  until(async () => (await florin.order(id)).state === state, `${id} becomes ${state}`, timeoutMs);

async function expectOneCharge(id: string): Promise<void> {
  const effects = await florin.effectsOf(id);
  expect(effects.map(({ status }) => status)).toEqual(["succeeded"]);
  await until(async () => (await florin.order(id)).unhandledObservations === 0, "what was learnt is handled");
  expectOnce(await florin.order(id));
}

describe.concurrent("an answer that does not come or says nothing", () => {
  test.each(["sim_timeout_charged", "sim_reset_charged", "sim_500_charged", "sim_garbage"])(
    "%s: the PSP is asked, and the one charge is booked",
    async (token) => {
      const { id, order } = await payWith(token);
      await expectOneCharge(id);
      expect(order.steps).toContain("EXECUTING.resolving");
      expect(florin.sentFor(order.id).filter(({ kind }) => kind === "charge")).toHaveLength(1);
    },
  );

  test.each(["sim_timeout_not_charged", "sim_500_twice"])(
    "%s: what the PSP does not know after its settle time is sent again, same key, same bytes",
    async (token) => {
      const { id, order } = await payWith(token);
      await expectOneCharge(id);
      const sent = florin.sentFor(order.id);
      const charges = sent.filter(({ kind }) => kind === "charge");
      expect(charges.length).toBeGreaterThan(1);
      expect(new Set(charges.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
      expect(new Set(charges.map(({ body }) => body)).size).toBe(1);
      // Between two sends there is always a question, and the settle time.
      for (const [index, call] of charges.entries()) {
        const before = charges[index - 1];
        if (before === undefined) continue;
        expect(call.atMs - before.atMs).toBeGreaterThanOrEqual(SETTLE_TIME_MS);
        expect(sent.some(({ kind, atMs }) => kind === "inquiry" && atMs > before.atMs && atMs < call.atMs)).toBe(true);
      }
    },
  );

  test("sim_inquiry_late: a charge that the PSP shows late is not made again", async () => {
    const { id, order } = await payWith("sim_inquiry_late");
    await expectOneCharge(id);
    expect(florin.sentFor(order.id).filter(({ kind }) => kind === "charge")).toHaveLength(1);
  });

  test("sim_429_twice: it is sent again no earlier than the PSP asked", async () => {
    const { id, order } = await payWith("sim_429_twice");
    await expectOneCharge(id);
    const charges = florin.sentFor(order.id);
    expect(charges).toHaveLength(3);
    expect((charges[1]?.atMs ?? 0) - (charges[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
    expect(order.steps.filter((step) => step === "EXECUTING.retrying")).toHaveLength(2);
  });
});

describe.concurrent("an answer that says no, or something else", () => {
  test("a hard decline fails the order at once", async () => {
    const { id, answer, order } = await payWith("pm_card_chargeDeclined");
    expect(answer).toMatchObject({ status: "FAILED" });
    expect(order.steps).toEqual(["EXECUTING.sending", "FAILED"]);
    expect(florin.sentFor(order.id)).toHaveLength(1);
    expect(await florin.effectsOf(id)).toMatchObject([{ status: "declined" }]);
  });

  test.each([
    { token: "sim_wrong_amount", reason: "amount_mismatch" },
    { token: "sim_wrong_currency", reason: "currency_mismatch" },
  ])("$token: money that differs from the intent is parked, and none is moved", async ({ token, reason }) => {
    const { order } = await payWith(token);
    expect(order).toMatchObject({ state: "parked", parkReason: reason, entries: 0 });
  });

  test("a success after we failed the order goes to suspense and stands in the queue `late`", async () => {
    const { id } = await payWith("sim_late_success");
    expect((await florin.order(id)).state).toBe("FAILED");
    await until(async () => (await florin.order(id)).entries === 1, "the late success is booked");
    const [row] = await florin.owner`
      SELECT o.late_open, e.rule, p.credit_account, p.amount::text FROM payment_orders o
      JOIN journal_entries e ON e.actor_id = o.id JOIN postings p ON p.actor_id = e.actor_id AND p.seq = e.seq
      WHERE o.payment_order_id = ${id}`;
    expect(row).toEqual({ late_open: 1, rule: "late_success", credit_account: "suspense", amount: "10000" });
  });

  test("a second success of one order goes to suspense", async () => {
    const { id, order } = await payWith("pm_card_visa");
    const body = JSON.parse(florin.sentFor(order.id)[0]?.body ?? "{}");
    await florin.simulator.connector.charge({ idempotencyKey: `${order.id}.charge.2`, body: JSON.stringify(body) });
    await until(async () => (await florin.order(id)).entries === 2, "the second success is booked");
    const rules = await florin.owner`SELECT rule FROM journal_entries WHERE actor_id = ${order.id} ORDER BY seq`;
    expect(rules.map(({ rule }) => rule)).toEqual(["pay_in", "late_success"]);
    expect((await florin.order(id)).state).toBe("SUCCESS");
  });
});

describe.concurrent("a notice of the PSP", () => {
  const inboxOf = (orderId: string) =>
    florin.owner<{ type: string; disposition: string | null; handled: boolean }[]>`
      SELECT type, disposition, handled_at IS NOT NULL AS handled FROM inbox WHERE actor_id = ${orderId} ORDER BY received_at`;

  test("that comes before the direct answer makes the order succeed once", async () => {
    const { id, order } = await payWith("sim_webhook_first");
    await expectOneCharge(id);
    expect(order.steps.filter((step) => step === "SUCCESS")).toHaveLength(1);
  });

  test("that comes five times at once is stored once and moves the order once", async () => {
    const { id, order } = await payWith("sim_webhook_dup");
    await until(async () => (await inboxOf(order.id)).length > 0, "the notice is stored");
    await expectOneCharge(id);
    expect(await inboxOf(order.id)).toHaveLength(1);
    const [successes] =
      await florin.owner`SELECT count(*)::int AS n FROM transitions WHERE actor_id = ${order.id} AND to_state = 'SUCCESS'`;
    expect(successes).toEqual({ n: 1 });
  });

  test("that says pending after one that said success changes nothing", async () => {
    const { id, order } = await payWith("sim_webhook_reorder");
    await becomes(id, "SUCCESS");
    await until(async () => (await inboxOf(order.id)).length === 2, "both notices have come");
    await until(async () => (await inboxOf(order.id)).every(({ handled }) => handled), "both notices are handled");
    await expectOneCharge(id);
  });

  test("that a forger signed is refused, and the order stays as it is", async () => {
    const { id, order } = await payWith("sim_webhook_forged");
    await expectOneCharge(id);
    expect((await inboxOf(order.id)).map(({ type }) => type)).not.toContain("charge.failed");
  });

  test.each([
    { what: "with a bad signature", notice: { signature: "bad" } },
    { what: "without a signature", notice: { signature: "missing" } },
    { what: "ten minutes old", notice: { timestamp_offset_s: -600 } },
    { what: "ten minutes early", notice: { timestamp_offset_s: 600 } },
  ])("$what is refused with 401 and not stored", async ({ notice }) => {
    const { order } = await payWith("sim_pending_forever", { waitMs: 300 });
    const [effect] = await florin.simulator.effects(await publicIdOf(order.id));
    const eventId = newId("evt");
    const sent = await florin.simulator.control("POST", "/webhook/send", {
      id: eventId,
      reference: effect?.id,
      ...notice,
    });
    expect(sent).toMatchObject({ statuses: [401] });
    expect(await florin.owner`SELECT 1 FROM inbox WHERE event_id = ${eventId}`).toEqual([]);
    expect((await florin.order(await publicIdOf(order.id))).state).toBe("pending");
    await florin.simulator.control("POST", "/settle", { reference: effect?.id, status: "declined" });
  });

  test("that is repeated within the tolerance is answered 200 and changes nothing", async () => {
    const { order } = await payWith("pm_card_visa");
    const [effect] = await florin.simulator.effects(await publicIdOf(order.id));
    await until(async () => (await inboxOf(order.id)).length === 1, "the echo has come");
    const eventId = newId("evt");
    const again = { id: eventId, reference: effect?.id, timestamp_offset_s: -200, copies: 3 };
    expect(await florin.simulator.control("POST", "/webhook/send", again)).toMatchObject({ statuses: [200, 200, 200] });
    expect(await florin.simulator.control("POST", "/webhook/send", again)).toMatchObject({ statuses: [200, 200, 200] });
    expect(await inboxOf(order.id)).toHaveLength(2);
    await until(async () => (await inboxOf(order.id)).every(({ handled }) => handled), "it is handled");
    expect((await florin.order(await publicIdOf(order.id))).version).toBe(order.version);
  });

  test("of a type that Florin does not know is stored and answered 200", async () => {
    const eventId = newId("evt");
    const sent = await florin.simulator.control("POST", "/webhook/send", {
      id: eventId,
      type: "customer.updated",
      data: { name: "x" },
    });
    expect(sent).toMatchObject({ statuses: [200] });
    const rows = await florin.owner`SELECT type, disposition FROM inbox WHERE event_id = ${eventId}`;
    expect(rows).toEqual([{ type: "customer.updated", disposition: "unmatched" }]);
  });

  test("of an account without a secret is refused with 503", async () => {
    const other = { ...florin.connector, account: "unconfigured" };
    const alone = await florin.openNode({ connectors: [other, florin.connector], isSweeping: false });
    const refusal = await alone.webhooks
      .receive("unconfigured", Buffer.from("{}"), {})
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ code: "webhook-not-configured" });
    await alone.stop();
  });

  test("that never comes is not needed: polling settles the order", async () => {
    const { id } = await payWith("sim_pending_no_webhook");
    await becomes(id, "SUCCESS");
    await expectOneCharge(id);
    expect(await inboxOf((await florin.order(id)).id)).toEqual([]);
  });

  async function publicIdOf(orderId: string): Promise<string> {
    const [row] = await florin.owner<
      { id: string }[]
    >`SELECT payment_order_id AS id FROM payment_orders WHERE id = ${orderId}`;
    return row?.id ?? "";
  }
});
