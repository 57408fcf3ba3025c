/** The PSP's effects against the books: each has one place, none is missing, none is there twice. */
import type { Effect, EntryRow, Facts, OrderRow, PostingRow } from "./facts.ts";
import { type Finding, group } from "./finding.ts";

/** Queues that people watch; an effect of an order in one of them is nobody's loss. */
const QUEUES: ReadonlySet<string | null> = new Set(["retrying", "pending", "resolving", "parked"]);

export function judgeMoney(facts: Facts): readonly Finding[] {
  const effects = facts.effects.filter(({ status }) => status === "succeeded");
  const booked = group(facts.entries, chargeOf);
  return [
    findMisplaced(facts, effects, booked),
    findDoubled(facts, effects, booked),
    findUnfounded(facts, effects),
    findMisposted(facts),
    findContradictions(facts),
  ];
}

/** What a charge took beyond what had been booked for it stands in an entry of its own, under its reference. */
const EXCESS = "#excess";
const chargeOf = ({ reference }: EntryRow): string | null => reference?.split(EXCESS, 1)[0] ?? null;
const isExcess = ({ rule, reference }: EntryRow): boolean =>
  rule === "late_success" && reference?.endsWith(EXCESS) === true;

type Booked = ReadonlyMap<string | null, readonly EntryRow[]>;

function findMisplaced(facts: Facts, effects: readonly Effect[], booked: Booked): Finding {
  const orders = new Map(facts.orders.map((order) => [order.id, order]));
  const legs = group(facts.postings, nameOf);
  const violations: string[] = [];
  for (const effect of effects) {
    const what = `charge ${effect.id} (${effect.amount} ${effect.currency}, order ${effect.orderId})`;
    const order = orders.get(effect.orderId ?? "");
    const entries = booked.get(effect.id) ?? [];
    const first = entries.filter((entry) => !isExcess(entry));
    if (order === undefined) violations.push(`${what} belongs to no order`);
    else if (first.length > 1 || entries.length - first.length > 1)
      violations.push(`${what} is booked ${entries.length} times`);
    else if (entries.length === 0) {
      if (!isInQueue(order)) violations.push(`${what} is in no book, and its order is ${stateOf(order)}`);
    } else {
      const sum = toSum(entries.flatMap((entry) => legs.get(nameOf(entry)) ?? []));
      for (const { orderId } of entries)
        if (orderId !== effect.orderId) violations.push(`${what} is booked to order ${orderId}`);
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
    booked.get(id)?.some((entry) => entry.rule === "late_success" && !isExcess(entry)) ?? false;
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
      .filter((entry) => !known.has(chargeOf(entry) ?? ""))
      .map(({ orderId, reference }) => `order ${orderId} has booked ${reference}, which the PSP has not done`),
  };
}

/** Of what was paid the platform gets its fee and the seller the rest; late money goes to suspense and nowhere else. */
function findMisposted({ orders, entries, postings }: Facts): Finding {
  const byId = new Map(orders.map((order) => [order.id, order]));
  const legs = group(postings, nameOf);
  const violations = entries.flatMap((entry) => {
    const order = byId.get(entry.orderId);
    if (order === undefined) return [`an entry of order ${entry.orderId}, which is not there`];
    const own = legs.get(nameOf(entry)) ?? [];
    const found = own.map(({ debit, credit, amount }) => `${debit} → ${credit} ${amount}`);
    const wanted = toLegs(order, entry, sumOf(own));
    return found.length > 0 && found.toSorted().join() === wanted.toSorted().join()
      ? []
      : [`order ${order.id}: ${entry.rule} moved [${found}], and should move [${wanted}]`];
  });
  return { property: "a booking goes to the accounts that its rule names", tried: entries.length, violations };
}

function toLegs(order: OrderRow, { rule }: EntryRow, total: bigint): readonly string[] {
  const from = `psp:${order.psp}:clearing`;
  if (rule === "late_success") return [`${from} → suspense ${total}`];
  const fee = BigInt(order.fee) < total ? BigInt(order.fee) : total;
  const shares = [
    [`seller:${order.seller}:payable`, total - fee],
    ["platform:fees", fee],
  ] as const;
  return shares.filter(([, amount]) => amount > 0n).map(([account, amount]) => `${from} → ${account} ${amount}`);
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

const sumOf = (legs: readonly PostingRow[]): bigint => legs.reduce((total, { amount }) => total + BigInt(amount), 0n);

/** As `amount currency`. */
const toSum = (legs: readonly PostingRow[]): string =>
  `${sumOf(legs)} ${[...new Set(legs.map(({ currency }) => currency))].join("+")}`;
