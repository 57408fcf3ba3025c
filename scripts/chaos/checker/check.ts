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
    ...judgeAnswers(facts),
    ...judgeMoney(facts),
    ...judgeBooks(facts),
    ...judgeOrders(facts),
    ...judgeDeliveries(facts),
  ];
}
