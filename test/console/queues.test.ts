/** The orders of a queue and the queue's own figures are two readings of one thing: the money of the rows adds up to the tab's. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { aPayment, anOrder, bodyOf, type HttpUnderTest, startHttpUnderTest } from "../http/http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
});
afterAll(() => http.close());

interface Money {
  readonly currency: string;
  readonly amount: string;
}

interface Queued {
  readonly money_at_risk: readonly Money[];
  readonly payment_order: { readonly payment_order_id: string };
}

async function pay(id: string, token: string, changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const body = aPayment({
    payment_method: { token },
    payment_orders: [anOrder({ payment_order_id: id, ...changes })],
  });
  expect((await http.ask("/v1/payments", { body, headers: { prefer: "wait=10" } })).status).toBe(201);
}

/** As the PSP's facts would leave it. */
const setContext = (id: string, part: "held" | "late", value: unknown) => http.sql`
  UPDATE payment_orders SET snapshot = jsonb_set(snapshot::jsonb, ${`{context,${part}}`}::text[], ${JSON.stringify(value)}::text::jsonb)::json,
    late_open = ${part === "late" ? 1 : 0}
  WHERE payment_order_id = ${id}`;

const readQueue = async (queue: string): Promise<readonly Queued[]> =>
  (await bodyOf(await http.ask(`/v1/queues/${queue}`))).data as unknown as readonly Queued[];

/** Minor units, as all currencies here but the yen have two digits. */
function addUp(rows: readonly Queued[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { currency, amount } of rows.flatMap((row) => row.money_at_risk)) {
    sums[currency] = (sums[currency] ?? 0) + Math.round(Number(amount) * 100);
  }
  return sums;
}

test("an order of a queue has the money that the PSP holds, not the one it was asked for, and all add up to the queue's", async () => {
  await pay("other-amount", "sim_wrong_amount");
  await pay("other-currency", "sim_wrong_amount");
  await setContext("other-currency", "held", { reference: "ch_1", amount: "7700", currency: "JPY" });
  await pay("unreadable", "pm_card_visa", { amount: "3.00", platform_fee: "0.00" });
  await http.sql`UPDATE payment_orders SET snapshot = '{"broken":true}', quarantined_at = now(), quarantine_reason = 'unreadable'
    WHERE payment_order_id = 'unreadable'`;
  await pay("waits", "pm_card_threeDSecure2Required");
  await pay("late", "sim_late_success");
  await setContext("late", "late", [
    { reference: "ch_2", amount: "10000", currency: "USD" },
    { reference: "ch_3", amount: "250", currency: "USD" },
    { reference: "ch_4", amount: "400", currency: "EUR" },
  ]);

  const parked = await readQueue("parked");
  const pending = await readQueue("pending");
  const late = await readQueue("late");
  const atRisk = [...parked, ...pending, ...late].map(({ payment_order: order, money_at_risk: money }) => [
    order.payment_order_id,
    money,
  ]);
  expect(Object.fromEntries(atRisk)).toEqual({
    "other-amount": [{ currency: "USD", amount: "100.01" }],
    "other-currency": [{ currency: "JPY", amount: "7700" }],
    unreadable: [{ currency: "USD", amount: "3.00" }],
    waits: [{ currency: "USD", amount: "100.00" }],
    late: [
      { currency: "EUR", amount: "4.00" },
      { currency: "USD", amount: "102.50" },
    ],
  });

  const { data: counts } = (await bodyOf(await http.ask("/v1/queues"))) as unknown as {
    readonly data: readonly { readonly queue: string; readonly money_at_risk: readonly Money[] }[];
  };
  for (const [queue, rows] of Object.entries({ parked, pending, late })) {
    const own = counts.filter((count) => count.queue === queue);
    expect([queue, addUp(rows)]).toEqual([
      queue,
      addUp(own.map((count) => ({ ...count, payment_order: { payment_order_id: queue } }))),
    ]);
  }
});
