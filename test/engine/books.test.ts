/** The books: exact in every currency, equal to their postings, and written once for ever. */
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { expectOnce, type FlorinUnderTest, startFlorinUnderTest, type TestNode, until } from "./florin-under-test.ts";

let florin: FlorinUnderTest;
let node: TestNode;
/** `florin_app`, as the processor works. */
let app: postgres.Sql;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
  node = await florin.openNode({ isSweeping: false });
  app = postgres(florin.database.appUrl, { max: 1, onnotice: () => {} });
});
afterEach(async () => {
  florin.psp.reset();
  await florin.expectIntegrity();
});
afterAll(async () => {
  await app.end({ timeout: 1 });
  await florin.closeNodes();
  await florin.close();
});

const newId = (): string => `order-${++made}`;

async function payOrder(order: Parameters<typeof anOrder>[0]): Promise<string> {
  const paymentOrderId = newId();
  await pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId, ...order })] }));
  return paymentOrderId;
}

const postingsOf = (id: string) =>
  florin.owner`SELECT p.debit_account, p.credit_account, p.amount::text, p.currency FROM postings p
    JOIN payment_orders o ON o.merchant_id = p.merchant_id AND o.id = p.actor_id WHERE o.payment_order_id = ${id} ORDER BY p.leg`;
const walletOf = async (seller: string, currency: string) => {
  const [row] = await florin.owner`SELECT (credits - debits)::text AS balance FROM accounts
    WHERE account = ${`seller:${seller}:payable`} AND currency = ${currency}`;
  return row?.balance;
};

test.each([
  { currency: "USD", amountMinor: 10_000n, platformFeeMinor: 300n, seller: "9700" },
  { currency: "JPY", amountMinor: 5_001n, platformFeeMinor: 1n, seller: "5000" },
  { currency: "KWD", amountMinor: 1_234n, platformFeeMinor: 5n, seller: "1229" },
  { currency: "CLF", amountMinor: 1n, platformFeeMinor: 0n, seller: "1" },
])(
  "$amountMinor minor units of $currency are booked exactly, the fee beside the seller's share",
  async ({ currency, amountMinor, platformFeeMinor, seller }) => {
    const id = await payOrder({ currency, amountMinor, platformFeeMinor, sellerAccount: `s-${currency}` });
    expectOnce(await florin.order(id));
    const clearing = "psp:simulator:clearing";
    const legs = [
      { debit_account: clearing, credit_account: `seller:s-${currency}:payable`, amount: seller, currency },
    ];
    if (platformFeeMinor > 0n) {
      legs.push({
        debit_account: clearing,
        credit_account: "platform:fees",
        amount: platformFeeMinor.toString(),
        currency,
      });
    }
    expect(await postingsOf(id)).toEqual(legs);
    expect(await walletOf(`s-${currency}`, currency)).toBe(seller);
  },
);

test("amounts above 2^53 minor units add up exactly, to sums that no 64 bits hold", async () => {
  const largest = 10n ** 17n;
  const ids = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      payOrder({ amountMinor: largest - BigInt(index), platformFeeMinor: 1n, sellerAccount: "rich" }),
    ),
  );
  for (const id of ids) expectOnce(await florin.order(id));
  const sum = 200n * largest - (199n * 200n) / 2n - 200n;
  expect(sum).toBeGreaterThan(2n ** 64n);
  expect(await walletOf("rich", "USD")).toBe(sum.toString());
});

test("a fee that is the whole amount leaves the seller nothing, and no leg of zero", async () => {
  const id = await payOrder({ amountMinor: 500n, platformFeeMinor: 500n, sellerAccount: "poor" });
  expect(await postingsOf(id)).toMatchObject([{ credit_account: "platform:fees", amount: "500" }]);
  expect(await walletOf("poor", "USD")).toBeUndefined();
});

test("the two-sided view shows each posting as a debit and a credit, and sums to zero", async () => {
  const id = await payOrder({ sellerAccount: "viewed" });
  const lines = await app`SELECT l.account, l.side, l.debit::text, l.credit::text, l.other_account FROM ledger_lines l
    JOIN payment_orders o ON o.id = l.actor_id WHERE o.payment_order_id = ${id} ORDER BY l.leg, l.side DESC`;
  const clearing = "psp:simulator:clearing";
  expect(lines).toEqual([
    { account: clearing, side: "debit", debit: "9700", credit: "0", other_account: "seller:viewed:payable" },
    { account: "seller:viewed:payable", side: "credit", debit: "0", credit: "9700", other_account: clearing },
    { account: clearing, side: "debit", debit: "300", credit: "0", other_account: "platform:fees" },
    { account: "platform:fees", side: "credit", debit: "0", credit: "300", other_account: clearing },
  ]);
  const [trial] = await app`SELECT (sum(debit) - sum(credit))::text AS difference FROM ledger_lines`;
  expect(trial).toEqual({ difference: "0" });
});

describe.each(["postings", "journal_entries", "transitions"])("the rows of %s", (table) => {
  const column: Readonly<Record<string, string>> = {
    postings: "amount",
    journal_entries: "rule",
    transitions: "to_state",
  };
  const statements = [
    `UPDATE ${table} SET ${column[table]} = ${column[table]}`,
    `DELETE FROM ${table}`,
    `TRUNCATE ${table} CASCADE`,
  ];
  test.each(statements)("stay as they are for the processor's role: %s", async (statement) => {
    await payOrder({});
    await expect(app.unsafe(statement)).rejects.toMatchObject({
      code: "42501",
      message: expect.stringContaining("permission denied"),
    });
  });
  test.each(statements)("stay as they are even for the tables' owner: %s", async (statement) => {
    await payOrder({});
    await expect(florin.owner.unsafe(statement)).rejects.toMatchObject({
      message: expect.stringContaining("append-only"),
    });
  });
});

test("a posting of nothing, from an account to itself, or to an account of another merchant can't be written", async () => {
  const id = await payOrder({ sellerAccount: "strict" });
  const { id: actorId, version } = await florin.order(id);
  const insert = (values: string) =>
    florin.owner.unsafe(`INSERT INTO postings (merchant_id, actor_id, seq, leg, currency, debit_account, credit_account, amount, at)
      VALUES (1, '${actorId}', ${version}, 9, 'USD', ${values}, now())`);
  await expect(insert("'psp:simulator:clearing', 'suspense', 0")).rejects.toMatchObject({
    constraint_name: "postings_amount_positive",
  });
  await expect(insert("'psp:simulator:clearing', 'psp:simulator:clearing', 1")).rejects.toMatchObject({
    constraint_name: "postings_two_accounts",
  });
  await expect(insert("'psp:simulator:clearing', 'seller:of-nobody:payable', 1")).rejects.toMatchObject({
    constraint_name: "postings_credit_account",
  });
});

describe("a PSP reference that two orders claim", () => {
  test("is booked to the first, and the second is parked with the conflict", async () => {
    const first = await payOrder({ sellerAccount: "honest" });
    const [row] = await florin.owner`SELECT psp_reference FROM payment_orders WHERE payment_order_id = ${first}`;
    // The PSP answers the second order with the first one's charge.
    florin.psp.onCharge = () => ({
      kind: "succeeded",
      reference: String(row?.psp_reference),
      amountMinor: 10_000n,
      currency: "USD",
      captured: true,
    });
    const second = await payOrder({ sellerAccount: "twin" });
    expect(await florin.order(second)).toMatchObject({
      state: "parked",
      parkReason: "booked_elsewhere",
      entries: 0,
      isQuarantined: false,
    });
    expectOnce(await florin.order(first));
    expect(await walletOf("twin", "USD")).toBeUndefined();
  });

  test("in one batch is booked to one of them", async () => {
    const single = await florin.openNode({ isSweeping: false, lanes: 1 });
    const ids = [newId(), newId()];
    const gate = Promise.withResolvers<void>();
    let reference: string | null = null;
    florin.psp.onCharge = async (_, make) => {
      if (reference === null) {
        const outcome = make();
        reference = outcome.kind === "succeeded" ? outcome.reference : "";
      }
      await gate.promise;
      return { kind: "succeeded", reference, amountMinor: 10_000n, currency: "USD", captured: true };
    };
    const answers = ids.map((paymentOrderId) =>
      pay(single, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId })] })),
    );
    await until(() => florin.psp.calls.length === 2, "both charges are out");
    gate.resolve();
    await Promise.all(answers);
    const orders = await Promise.all(ids.map((id) => florin.order(id)));
    expect(orders.map(({ state }) => state).sort()).toEqual(["SUCCESS", "parked"]);
    await single.stop();
    // Which of the two it is, is the batch's choice; the effect is the first one's.
    const [effectOf] = florin.psp.effects.filter(({ id }) => id === reference);
    if (orders.find(({ id }) => id === effectOf?.order_id)?.state === "parked") {
      Object.assign(effectOf ?? {}, { order_id: orders.find(({ state }) => state === "SUCCESS")?.id });
    }
  });
});
