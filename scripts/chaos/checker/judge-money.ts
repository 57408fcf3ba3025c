/** The PSP's effects against the books: each has one place, none is missing, none is there twice. */
import type { Effect, EntryRow, Facts, OrderRow } from "./facts.ts";
import { type Finding, group } from "./finding.ts";

/** Queues that people watch; an effect of an order in one of them is nobody's loss. */
const QUEUES: ReadonlySet<string | null> = new Set(["retrying", "pending", "resolving", "parked"]);

export function judgeMoney(facts: Facts): readonly Finding[] {
  const effects = facts.effects.filter(({ status }) => status === "succeeded");
  const booked = group(facts.entries, ({ reference }) => reference);
  return [
    findMisplaced(facts, effects, booked),
    findDoubled(facts, effects, booked),
    findUnfounded(facts, effects),
    findContradictions(facts),
  ];
}

type Booked = ReadonlyMap<string | null, readonly EntryRow[]>;

function findMisplaced(facts: Facts, effects: readonly Effect[], booked: Booked): Finding {
  const orders = new Map(facts.orders.map((order) => [order.id, order]));
  const sums = sumEntries(facts);
  const violations: string[] = [];
  for (const effect of effects) {
    const what = `charge ${effect.id} (${effect.amount} ${effect.currency}, order ${effect.orderId})`;
    const order = orders.get(effect.orderId ?? "");
    const entries = booked.get(effect.id) ?? [];
    const [entry] = entries;
    if (order === undefined) violations.push(`${what} belongs to no order`);
    else if (entries.length > 1) violations.push(`${what} is booked ${entries.length} times`);
    else if (entry === undefined) {
      if (!isInQueue(order)) violations.push(`${what} is in no book, and its order is ${stateOf(order)}`);
    } else {
      const sum = sums.get(nameOf(entry));
      if (entry.orderId !== effect.orderId) violations.push(`${what} is booked to order ${entry.orderId}`);
      if (sum !== `${effect.amount} ${effect.currency}`) violations.push(`${what} is booked as ${sum}`);
    }
  }
  return {
    property: "a charge at the PSP is booked once, in suspense, or in a queue",
    tried: effects.length,
    violations,
  };
}

/** Several operations may have charged one order; all but one must then stand in suspense. */
function findDoubled({ orders }: Facts, effects: readonly Effect[], booked: Booked): Finding {
  const isInSuspense = ({ id }: Effect): boolean =>
    booked.get(id)?.some(({ rule }) => rule === "late_success") ?? false;
  const charges = group(
    effects.filter((effect) => !isInSuspense(effect)),
    ({ orderId }) => orderId,
  );
  return {
    property: "an order is charged once at most",
    tried: orders.length,
    violations: [...charges]
      .filter(([, own]) => own.length > 1)
      .map(
        ([orderId, own]) => `order ${orderId} was charged ${own.length} times: ${own.map(({ id }) => id).join(", ")}`,
      ),
  };
}

function findUnfounded({ entries }: Facts, effects: readonly Effect[]): Finding {
  const known = new Set(effects.map(({ id }) => id));
  return {
    property: "a booking has its charge at the PSP",
    tried: entries.length,
    violations: entries
      .filter(({ reference }) => reference === null || !known.has(reference))
      .map(({ orderId, reference }) => `order ${orderId} has booked ${reference}, which the PSP has not done`),
  };
}

function findContradictions({ orders, entries }: Facts): Finding {
  const own = group(entries, ({ orderId }) => orderId);
  const violations: string[] = [];
  for (const order of orders) {
    const rules = (own.get(order.id) ?? []).map(({ rule }) => rule);
    const payIns = rules.filter((rule) => rule === "pay_in").length;
    const lates = rules.filter((rule) => rule === "late_success").length;
    if (payIns !== (order.status === "SUCCESS" ? 1 : 0))
      violations.push(`order ${order.id} is ${stateOf(order)} with ${payIns} pay-ins`);
    if (lates !== order.lateOpen)
      violations.push(`order ${order.id} has ${lates} late successes and shows ${order.lateOpen}`);
  }
  return { property: "an order says what is booked to it", tried: orders.length, violations };
}

const nameOf = ({ orderId, seq }: { readonly orderId: string; readonly seq: number }): string => `${orderId}/${seq}`;
const stateOf = ({ status, phase }: OrderRow): string => phase ?? status;
const isInQueue = (order: OrderRow): boolean => order.isQuarantined || QUEUES.has(order.phase);

/** What each entry moved, as `amount currency`. */
function sumEntries({ postings }: Facts): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const [name, own] of group(postings, nameOf)) {
    const sum = own.reduce((total, { amount }) => total + BigInt(amount), 0n);
    sums.set(name, `${sum} ${[...new Set(own.map(({ currency }) => currency))].join("+")}`);
  }
  return sums;
}
