/** Each order's history is whole, its merchant heard of what matters, and in the end it stands where somebody sees it. */
import type { EventRow, Facts, OrderRow, StepRow } from "./facts.ts";
import { type Finding, group } from "./finding.ts";

/** Entering these states is told to the merchant, once each time. */
const ANNOUNCED: Readonly<Record<string, string>> = {
  SUCCESS: "payment_order.succeeded",
  FAILED: "payment_order.failed",
  "EXECUTING.pending": "payment_order.pending",
  "EXECUTING.parked": "payment_order.parked",
};
const CREATED = "payment_order.created";
const DONE = "payment_event.done";
const RESOLVING = "EXECUTING.resolving";
const IS_WATCHED: ReadonlySet<string | null> = new Set(["pending", "retrying", "resolving", "parked"]);
/** One gap moves all positions after it. */
const MAX_TOLD = 20;
const IS_OVER: ReadonlySet<string> = new Set(["SUCCESS", "FAILED"]);

export function judgeOrders(facts: Facts): readonly Finding[] {
  const steps = group(facts.steps, ({ orderId }) => orderId);
  return [
    findGaps(facts, steps),
    findUntold(facts, steps),
    findDisordered(facts),
    findUndone(facts),
    findStuck(facts),
    findUnresolved(facts),
    {
      property: "what the PSP said and what was commanded was taken in",
      tried: facts.effects.length,
      violations: facts.unhandledMail.map((name) => `${name} waits for its order`),
    },
  ];
}

type Steps = ReadonlyMap<string, readonly StepRow[]>;

const placeOf = ({ status, phase }: OrderRow): string => (phase === null ? status : `${status}.${phase}`);

function findGaps({ orders }: Facts, steps: Steps): Finding {
  const violations: string[] = [];
  for (const order of orders) {
    const own = steps.get(order.id) ?? [];
    if (own.length !== order.version || own.some(({ seq }, index) => seq !== index + 1))
      violations.push(`order ${order.id} is at version ${order.version} with the steps ${own.map(({ seq }) => seq)}`);
    const isTorn = own.some(({ from }, index) => index > 0 && from !== own[index - 1]?.to);
    if (isTorn || own.at(-1)?.to !== placeOf(order))
      violations.push(`order ${order.id} is ${placeOf(order)}; its steps end elsewhere or don't join`);
  }
  return { property: "an order's steps are whole and lead to its state", tried: orders.length, violations };
}

function findUntold({ orders, events }: Facts, steps: Steps): Finding {
  const told = group(events, ({ subjectId }) => subjectId);
  const violations: string[] = [];
  for (const { id } of orders) {
    const own = told.get(id) ?? [];
    const entered = (steps.get(id) ?? []).filter(({ from, to }) => from !== to && ANNOUNCED[to] !== undefined);
    const expected = entered.map(({ seq, to }) => `${ANNOUNCED[to]} at ${seq}`);
    const found = own.filter(({ type }) => Object.values(ANNOUNCED).includes(type)).map(toText);
    if (expected.toSorted().join() !== found.toSorted().join())
      violations.push(`order ${id}: its merchant hears [${found}], and should hear [${expected}]`);
    if (new Set(own.map(toText)).size !== own.length) violations.push(`order ${id} says something twice`);
    if (own.filter(({ type }) => type === CREATED).length !== 1)
      violations.push(`order ${id}: its creation is not told once`);
  }
  return { property: "a merchant's events of an order are complete", tried: orders.length, violations };
}

const toText = ({ type, orderVersion }: EventRow): string => `${type} at ${orderVersion}`;

/** Whoever reads on from the last position that it knows misses nothing, and never hears the older after the newer. */
function findDisordered({ events }: Facts): Finding {
  const violations = events
    .filter(({ position }) => position === null)
    .map((event) => `${toText(event)} of ${event.subjectId} has no position`);
  const placed = events
    .flatMap(({ position, ...event }) => (position === null ? [] : [{ ...event, position }]))
    .toSorted((one, other) => one.position - other.position);
  const newest = new Map<string, number>();
  for (const [index, { subjectId, type, orderVersion, position }] of placed.entries()) {
    if (position !== index + 1) violations.push(`${type} of ${subjectId} has position ${position}, not ${index + 1}`);
    if (orderVersion === null) continue;
    const before = newest.get(subjectId) ?? 0;
    if (orderVersion < before) violations.push(`${type} of ${subjectId} at ${orderVersion} comes after ${before}`);
    newest.set(subjectId, Math.max(before, orderVersion));
  }
  return {
    property: "positions of events are gapless, and rise with an order's version",
    tried: events.length,
    violations: violations.slice(0, MAX_TOLD),
  };
}

function findUndone({ checkouts, orders, events }: Facts): Finding {
  const own = group(orders, ({ checkoutId }) => checkoutId);
  const done = group(
    events.filter(({ type }) => type === DONE),
    ({ subjectId }) => subjectId,
  );
  const violations = checkouts.flatMap(({ id, checkoutId, isDone }) => {
    const members = own.get(checkoutId) ?? [];
    const isPaid = members.length > 0 && members.every(({ status }) => status === "SUCCESS");
    const times = done.get(id)?.length ?? 0;
    return isDone === isPaid && times === (isPaid ? 1 : 0)
      ? []
      : [`checkout ${checkoutId} is ${isPaid ? "" : "not "}paid, says ${isDone}, and was told done ${times} times`];
  });
  return { property: "a checkout is done when all its orders are, once", tried: checkouts.length, violations };
}

function findStuck({ orders }: Facts): Finding {
  const violations = orders.flatMap((order) => {
    const isWatched = IS_OVER.has(order.status) || IS_WATCHED.has(order.phase);
    const isMoved = IS_OVER.has(order.status) || order.phase === "parked" || order.hasTimer;
    if (order.isQuarantined) return [`order ${order.id} was set aside`];
    if (order.owner !== null) return [`order ${order.id} (${placeOf(order)}) still has an owner`];
    return isWatched && isMoved ? [] : [`order ${order.id} is stuck in ${placeOf(order)}`];
  });
  return { property: "an order has ended or stands in a queue", tried: orders.length, violations };
}

function findUnresolved({ orders, steps }: Facts): Finding {
  const resolved = new Set(steps.filter(({ to }) => to === RESOLVING).map(({ orderId }) => orderId));
  return {
    property: "an unknown outcome becomes known",
    tried: resolved.size,
    violations: orders
      .filter(({ phase }) => phase === "resolving")
      .map(({ id }) => `order ${id} is still being asked about`),
  };
}
