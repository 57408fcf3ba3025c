/** Whoever was told that a payment exists finds it, as it was asked for; and nothing exists that nobody asked for. */
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { findDifferences, type OrderTerms, toTerms } from "./order-terms.ts";

interface AskedOrder extends OrderTerms {
  readonly payment_order_id: string;
}

interface ToldOrder extends AskedOrder {
  readonly status: string;
}

interface Asked {
  readonly checkout_id: string;
  readonly payment_orders: readonly AskedOrder[];
}

interface Told {
  readonly payment_orders: readonly ToldOrder[];
}

/** Whoever was told one of these was told the end. */
const IS_OVER: ReadonlySet<string> = new Set(["SUCCESS", "FAILED"]);

export function judgeAnswers({ acknowledged, orders }: Facts): readonly Finding[] {
  const stored = new Map(orders.map((order) => [order.paymentOrderId, order]));
  const asked = new Set<string>();
  const [lost, changed, misled] = [[] as string[], [] as string[], [] as string[]];
  for (const { request, answer } of acknowledged) {
    const wanted = JSON.parse(request) as Asked;
    const told = JSON.parse(answer) as Told;
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
      changed.push(...findDifferences(id, order, toTerms(row)));
      if (answered === undefined) {
        changed.push(`order ${id} is missing in its answer`);
        continue;
      }
      changed.push(...findDifferences(id, order, answered));
      if (IS_OVER.has(answered.status) && answered.status !== row.status)
        misled.push(`order ${id} was answered as ${answered.status} and is ${row.status}`);
    }
  }
  const unasked = orders.filter(({ paymentOrderId }) => !asked.has(paymentOrderId));
  return [
    { property: "an acknowledged order is there", tried: asked.size, violations: lost },
    { property: "its terms are those that were asked for and answered", tried: asked.size, violations: changed },
    { property: "an end that was answered is the order's end", tried: asked.size, violations: misled },
    {
      property: "an order that is there was asked for",
      tried: orders.length,
      violations: unasked.map(({ paymentOrderId }) => `order ${paymentOrderId} is there and nobody was told of it`),
    },
  ];
}
