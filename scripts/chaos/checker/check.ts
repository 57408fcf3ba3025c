/** All properties of a run at rest. */
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { judgeAnswers } from "./judge-answers.ts";
import { judgeBooks } from "./judge-books.ts";
import { judgeDeliveries } from "./judge-deliveries.ts";
import { judgeMoney } from "./judge-money.ts";
import { judgeOrders } from "./judge-orders.ts";

export function judgeRun(facts: Facts): readonly Finding[] {
  return [
    findNothing(facts),
    ...judgeAnswers(facts),
    ...judgeMoney(facts),
    ...judgeBooks(facts),
    ...judgeOrders(facts),
    ...judgeDeliveries(facts),
  ];
}

/** What is true of nothing proves nothing: a reader that comes back with empty hands must not look like a clean run. */
function findNothing({ orders, effects, entries, deliveries }: Facts): Finding {
  const read = { orders, "charges at the PSP": effects, bookings: entries, webhooks: deliveries };
  return {
    property: "there is something to judge",
    tried: Object.keys(read).length,
    violations: Object.entries(read)
      .filter(([, { length }]) => length === 0)
      .map(([what]) => `there are no ${what}`),
  };
}
