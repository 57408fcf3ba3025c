/** The merchant heard of everything, and of nothing else; signed, and each time with the same bytes. */
import type { Delivery, Facts } from "./facts.ts";
import { type Finding, group } from "./finding.ts";
import { findDifferences, type OrderTerms, toTerms } from "./order-terms.ts";

interface Told {
  readonly type: string;
  readonly order_version: number | null;
  readonly data: {
    readonly object: {
      readonly object: string;
      readonly payment_order_id?: string;
      readonly checkout_id: string;
      readonly status: string;
    } & Partial<OrderTerms>;
  };
}

const IS_OVER: ReadonlySet<string> = new Set(["SUCCESS", "FAILED"]);

export function judgeDeliveries(facts: Facts): readonly Finding[] {
  const told = facts.deliveries.map(({ body }) => JSON.parse(body) as Told);
  return [
    findUnheard(facts, told),
    findInvented(facts, told),
    findMistold(facts, told),
    findUnsigned(facts.deliveries),
    findUnrepaired(facts, told),
  ];
}

const nameOf = ({ type, order_version: version, data: { object } }: Told): string =>
  `${type} of ${object.payment_order_id ?? object.checkout_id} at ${version}`;

function eventNames({ events, orders, checkouts }: Facts): readonly string[] {
  const names = new Map([
    ...orders.map(({ id, paymentOrderId }) => [id, paymentOrderId] as const),
    ...checkouts.map(({ id, checkoutId }) => [id, checkoutId] as const),
  ]);
  return events.map(({ type, subjectId, orderVersion }) => `${type} of ${names.get(subjectId)} at ${orderVersion}`);
}

function findUnheard(facts: Facts, told: readonly Told[]): Finding {
  const heard = new Set(told.filter((_, index) => facts.deliveries[index]?.isRefused === false).map(nameOf));
  return {
    property: "a merchant hears of every event by webhook",
    tried: facts.events.length,
    violations: eventNames(facts)
      .filter((name) => !heard.has(name))
      .map((name) => `${name} was never delivered`),
  };
}

function findInvented(facts: Facts, told: readonly Told[]): Finding {
  const known = new Set(eventNames(facts));
  return {
    property: "a webhook tells of an event that is there",
    tried: told.length,
    violations: told
      .map(nameOf)
      .filter((name) => !known.has(name))
      .map((name) => `${name} was delivered and is in no table`),
  };
}

/** What each of these says of the order; an end is its end for ever. */
const STATUS_OF: Readonly<Record<string, string>> = {
  "payment_order.pending": "EXECUTING",
  "payment_order.authorized": "EXECUTING",
  "payment_order.parked": "EXECUTING",
  "payment_order.succeeded": "SUCCESS",
  "payment_order.failed": "FAILED",
};

function findMistold({ orders }: Facts, told: readonly Told[]): Finding {
  const rows = new Map(orders.map((order) => [order.paymentOrderId, order]));
  const violations = told.flatMap(({ type, data: { object } }) => {
    const id = object.payment_order_id ?? "";
    const row = rows.get(id);
    if (row === undefined) return [];
    const { seller_account = "", amount = "", currency = "", platform_fee = "" } = object;
    const terms = { seller_account, amount, currency, platform_fee };
    const status = STATUS_OF[type] ?? object.status;
    const isEnd = IS_OVER.has(object.status);
    return [
      ...findDifferences(id, toTerms(row), terms).map((difference) => `${type}: ${difference}`),
      ...(object.status === status ? [] : [`${type} of ${id} says ${object.status}`]),
      ...(isEnd && object.status !== row.status ? [`${type} of ${id} says ${object.status}, it is ${row.status}`] : []),
    ];
  });
  return { property: "a webhook tells its order as it is", tried: told.length, violations };
}

function findUnsigned(deliveries: readonly Delivery[]): Finding {
  const changed = [...group(deliveries, ({ id }) => id)].flatMap(([id, own]) =>
    own.some(({ body }) => body !== own[0]?.body) ? [`${id} came with different bytes`] : [],
  );
  const unsigned = deliveries
    .filter(({ isSigned }) => !isSigned)
    .map(({ id }) => `${id} is not signed by its endpoint`);
  return {
    property: "a webhook is signed, and comes again with the same bytes",
    tried: deliveries.length,
    violations: [...changed, ...unsigned],
  };
}

/** Whoever keeps the newest version of each order has what is true in the end. */
function findUnrepaired({ orders }: Facts, told: readonly Told[]): Finding {
  const newest = new Map<string, { version: number; status: string }>();
  for (const { order_version: version, data } of told) {
    const id = data.object.payment_order_id;
    if (id === undefined || version === null || version < (newest.get(id)?.version ?? 0)) continue;
    newest.set(id, { version, status: data.object.status });
  }
  const ended = orders.filter(({ status }) => IS_OVER.has(status));
  return {
    property: "the newest webhook of an order that has ended says how",
    tried: ended.length,
    violations: ended.flatMap(({ paymentOrderId, status }) => {
      const last = newest.get(paymentOrderId);
      return last?.status === status
        ? []
        : [`order ${paymentOrderId} is ${status}, its merchant last heard ${last?.status}`];
    }),
  };
}
