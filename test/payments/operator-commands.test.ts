/** Commands that are repeated or mistaken: the caller hears why, and the order is none the worse for it. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type FlorinUnderTest, startFlorinUnderTest, type TestNode, until } from "../engine/florin-under-test.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import type { Leases } from "../../src/engine/leases/leases.ts";
import type { OperatorCommand } from "../../src/payments/service.ts";
import { toFactLetter } from "../../src/engine/letters.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";

let florin: FlorinUnderTest;
let node: TestNode;
let made = 0;
/** Happens once, when an order was looked up and the engine is about to read it: its lease is what it asks for first. */
let beforeItIsRead: (() => Promise<unknown>) | null = null;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
  const open = chooseLeases({ redisUrl: null });
  node = await florin.openNode({
    openLeases(options): Leases {
      const leases = open(options);
      return {
        ...leases,
        async take(name) {
          const happens = beforeItIsRead;
          beforeItIsRead = null;
          await happens?.();
          return leases.take(name);
        },
      };
    },
  });
});
afterEach(() => florin.psp.reset());
afterAll(async () => {
  await florin.closeNodes();
  await florin.close();
});

const newId = (name = "order"): string => `${name}-${++made}`;
const checkoutOf = (id: string) => aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: id })] });

function send(id: string, command: OperatorCommand, key = newId("key")): Promise<string> {
  const call = { merchantId: 1, key, requestHash: createHash("sha256").update(key).digest("hex") };
  return node.payments.command(call, id, command).then(
    ({ status, isReplay }) => `${status}${isReplay ? " replayed" : ""}`,
    (error: { code: string }) => error.code,
  );
}

async function payAndFindReference(): Promise<string> {
  const id = newId();
  const answer = await pay(node, checkoutOf(id));
  return JSON.parse(answer.body).payment_orders[0].psp_reference;
}

const resolveAs = (pspReference: string | null, amountMinor: bigint | null = null): OperatorCommand => ({
  kind: "resolve",
  outcome: "succeeded",
  amountMinor,
  reason: "seen in the PSP's dashboard",
  pspReference,
});

test("a reference that another order has booked is refused, and the order stays parked", async () => {
  const taken = await payAndFindReference();
  const id = newId();
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "rate_limited", retryAfterMs: 0 });
  await pay(node, checkoutOf(id), { waitMs: 20_000 });
  await until(async () => (await florin.order(id)).state === "parked", "it is parked");
  expect(await send(id, resolveAs(taken))).toBe("invalid-request");
  expect(await florin.order(id)).toMatchObject({ state: "parked", isQuarantined: false, entries: 0 });
  expect(await send(id, resolveAs("ch_another"))).toBe("200");
  expect(await florin.order(id)).toMatchObject({ state: "SUCCESS", entries: 1 });
});

test("an order that is parked because its reference is another's can't be booked, but failed", async () => {
  const taken = await payAndFindReference();
  const id = newId();
  florin.psp.onCharge = () => ({
    kind: "succeeded",
    reference: taken,
    amountMinor: 10_000n,
    currency: "USD",
    captured: true,
  });
  await pay(node, checkoutOf(id));
  expect(await send(id, resolveAs(null))).toBe("invalid-request");
  expect(await florin.order(id)).toMatchObject({
    state: "parked",
    parkReason: "booked_elsewhere",
    isQuarantined: false,
  });
  const fail = {
    kind: "resolve",
    outcome: "failed",
    amountMinor: null,
    reason: "paid twice",
    pspReference: null,
  } as const;
  expect(await send(id, fail)).toBe("200");
  expect(await florin.order(id)).toMatchObject({ state: "FAILED" });
});

test("what the PSP turns out to have taken beyond what an operator booked goes to suspense, once", async () => {
  const id = newId();
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "rate_limited", retryAfterMs: 0 });
  await pay(node, checkoutOf(id), { waitMs: 20_000 });
  await until(async () => (await florin.order(id)).state === "parked", "it is parked");
  const reference = newId("ch_more");
  expect(await send(id, resolveAs(reference, 5_000n))).toBe("200");
  const [row] = await florin.owner`SELECT id FROM payment_orders WHERE payment_order_id = ${id}`;
  const taken = { type: "psp.succeeded", reference, amount: "10000", currency: "USD", captured: true } as const;
  const event = { ...taken, at: Date.now(), jitter: 0.5, source: "webhook", operation: 1, attempt: null } as const;
  for (const _ of ["first", "repeated"]) {
    await node.engine.deliver({ kind: "payment_order", merchantId: 1, id: row?.id }, toFactLetter(event));
  }
  const entries = await florin.owner`
    SELECT e.rule, e.psp_reference AS reference, p.credit_account AS credit, p.amount::int FROM journal_entries e
    JOIN postings p ON p.actor_id = e.actor_id AND p.seq = e.seq WHERE e.actor_id = ${row?.id} ORDER BY e.seq, p.leg`;
  expect(entries).toEqual([
    { rule: "pay_in", reference, credit: "seller:seller-1:payable", amount: 4_700 },
    { rule: "pay_in", reference, credit: "platform:fees", amount: 300 },
    { rule: "late_success", reference: `${reference}#excess`, credit: "suspense", amount: 5_000 },
  ]);
  const [late] = await florin.owner`SELECT late_open FROM payment_orders WHERE id = ${row?.id}`;
  expect(late).toEqual({ late_open: 1 });
});

test("one command sent several times at once is carried out once, and its twins get its answer", async () => {
  const id = newId();
  await pay(node, { ...checkoutOf(id), paymentMethod: { kind: "hosted_page" } }, { waitMs: 0 });
  const key = newId("key");
  const answers = await Promise.all([1, 2, 3].map(() => send(id, { kind: "cancel" }, key)));
  expect(answers.toSorted()).toEqual(["200", "200 replayed", "200 replayed"]);
  expect((await florin.order(id)).steps).toEqual(["NOT_STARTED", "FAILED"]);
});

test("a repeated checkout whose order is set aside is not told to be done", async () => {
  const id = newId();
  const request = { ...checkoutOf(id), checkoutId: newId("checkout") };
  florin.psp.onCharge = () => ({ kind: "pending", reference: null, nextAction: null });
  await pay(node, request, { waitMs: 200 });
  await florin.owner`UPDATE payment_orders SET quarantined_at = now(), quarantine_reason = 'test' WHERE payment_order_id = ${id}`;
  await expect(pay(node, request)).rejects.toMatchObject({ code: "temporarily-unavailable" });
});

describe.each([
  { what: "is of a newer machine version", change: "machine_version = 99" },
  { what: "can't be read", change: "snapshot = '{}'" },
  { what: "is set aside", change: "quarantined_at = now(), quarantine_reason = 'test'" },
])("an order that $what", ({ change }) => {
  async function openOrder(): Promise<{ readonly id: string; happen(): Promise<unknown> }> {
    const id = newId();
    await pay(node, { ...checkoutOf(id), paymentMethod: { kind: "hosted_page" } }, { waitMs: 0 });
    return {
      id,
      happen: () => florin.owner.unsafe(`UPDATE payment_orders SET ${change} WHERE payment_order_id = '${id}'`),
    };
  }

  const expectSetAside = async (id: string, key: string): Promise<void> => {
    const call = { merchantId: 1, key, requestHash: createHash("sha256").update(key).digest("hex") };
    await expect(node.payments.command(call, id, { kind: "cancel" })).rejects.toMatchObject({
      code: "invalid-state",
      options: { extra: { current_state: "quarantined", allowed: [] } },
    });
    expect(await florin.order(id)).toMatchObject({ state: "NOT_STARTED", version: 1, steps: ["NOT_STARTED"] });
    expect(await florin.owner`SELECT 1 FROM idempotency_keys WHERE key = ${key}`).toEqual([]);
  };

  test("is answered as one that is set aside, not as one that is not there", async () => {
    const { id, happen } = await openOrder();
    await happen();
    await expectSetAside(id, newId("key"));
  });

  test("but only since it was looked up is answered the same", async () => {
    const { id, happen } = await openOrder();
    beforeItIsRead = happen;
    await expectSetAside(id, newId("key"));
    expect(beforeItIsRead).toBeNull();
  });
});

test("an order that a newer build gives back takes the command that was refused, under the same key", async () => {
  const id = newId();
  await pay(node, { ...checkoutOf(id), paymentMethod: { kind: "hosted_page" } }, { waitMs: 0 });
  const key = newId("key");
  await florin.owner`UPDATE payment_orders SET machine_version = 99 WHERE payment_order_id = ${id}`;
  expect(await send(id, { kind: "cancel" }, key)).toBe("invalid-state");
  await florin.owner`UPDATE payment_orders SET machine_version = 1 WHERE payment_order_id = ${id}`;
  expect(await send(id, { kind: "cancel" }, key)).toBe("200");
  expect(await send("order-unknown", { kind: "cancel" })).toBe("not-found");
});
