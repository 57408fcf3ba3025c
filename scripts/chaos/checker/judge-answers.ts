/** Whoever was told that a payment exists finds it, as it was asked for; and nothing exists that nobody asked for. */
import type { Facts, OrderRow } from "./facts.ts";
import type { Finding } from "./finding.ts";

interface AskedOrder {
  readonly payment_order_id: string;
  readonly seller_account: string;
  readonly amount: string;
  readonly currency: string;
  readonly platform_fee: string;
}

interface Checkout {
  readonly checkout_id: string;
  readonly payment_orders: readonly AskedOrder[];
}

const DIGITS: Readonly<Record<string, number>> = { USD: 2, EUR: 2, JPY: 0, KWD: 3 };
const FIELDS = ["seller_account", "amount", "currency", "platform_fee"] as const;

export function judgeAnswers({ acknowledged, orders }: Facts): readonly Finding[] {
  const stored = new Map(orders.map((order) => [order.paymentOrderId, order]));
  const asked = new Set<string>();
  const [lost, changed] = [[] as string[], [] as string[]];
  for (const { request, answer } of acknowledged) {
    const wanted = JSON.parse(request) as Checkout;
    const told = JSON.parse(answer) as Checkout;
    for (const order of wanted.payment_orders) {
      const id = order.payment_order_id;
      asked.add(id);
      const row = stored.get(id);
      if (row === undefined) {
        lost.push(`order ${id} was acknowledged and is not there`);
        continue;
      }
      const answered = told.payment_orders.find((one) => one.payment_order_id === id);
      if (row.checkoutId !== wanted.checkout_id) changed.push(`order ${id} belongs to checkout ${row.checkoutId}`);
      for (const terms of [answered, toTerms(row)]) changed.push(...findDifferences(order, terms));
    }
  }
  const unasked = orders.filter(({ paymentOrderId }) => !asked.has(paymentOrderId));
  return [
    { property: "an acknowledged order is there", tried: asked.size, violations: lost },
    { property: "its terms are those that were asked for and answered", tried: asked.size, violations: changed },
    {
      property: "an order that is there was asked for",
      tried: orders.length,
      violations: unasked.map(({ paymentOrderId }) => `order ${paymentOrderId} is there and nobody was told of it`),
    },
  ];
}

function findDifferences(wanted: AskedOrder, found: AskedOrder | undefined): readonly string[] {
  if (found === undefined) return [`order ${wanted.payment_order_id} is missing in its answer`];
  return FIELDS.filter((field) => wanted[field] !== found[field]).map(
    (field) => `order ${wanted.payment_order_id}: ${field} ${wanted[field]} became ${found[field]}`,
  );
}

function toTerms(row: OrderRow): AskedOrder {
  return {
    payment_order_id: row.paymentOrderId,
    seller_account: row.seller,
    amount: toMajor(row.amount, row.currency),
    currency: row.currency,
    platform_fee: toMajor(row.fee, row.currency),
  };
}

function toMajor(minor: string, currency: string): string {
  const digits = DIGITS[currency];
  if (digits === undefined) throw new Error(`the shop knows no currency ${currency}`);
  if (digits === 0) return minor;
  const padded = minor.padStart(digits + 1, "0");
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}
