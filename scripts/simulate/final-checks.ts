/** What must hold when a run has healed and come to rest: nothing is lost, invented, stuck or unread. */
import { MERCHANTS } from "./differential/postgres-side.ts";
import type { Invariant } from "./invariants.ts";
import type { Judge } from "./judge.ts";
import type { Receipt } from "./judge-calls.ts";
import { EPOCH_MS } from "./life.ts";
import type { EventRow, ModelDatabase, ObservationRow, OrderRow } from "./model-contract.ts";
import { toMajor } from "./minor-units.ts";
import type { SimulatedNode } from "./node.ts";
import type { World } from "./world.ts";

/** Where money may wait when all has come to rest: with a person. A poll would have found what is merely pending. */
const QUEUES: ReadonlySet<string | null> = new Set(["parked"]);

/** A sweep looks every quarter of a second; a deadline that is this old is one that nobody fires. */
const OVERDUE_MS = 2_000;

interface ToldOrder {
  readonly payment_order_id: string;
  readonly seller_account: string;
  readonly amount: string;
  readonly amount_captured: string;
  readonly currency: string;
  readonly status: string;
  readonly version: number;
}

/** What the order is when such an event is written. */
const STATUS_OF: Readonly<Record<string, string>> = {
  "payment_order.pending": "EXECUTING",
  "payment_order.parked": "EXECUTING",
  "payment_order.succeeded": "SUCCESS",
  "payment_order.failed": "FAILED",
};

/** Why the order is not at rest; null when it is. */
export function whyRestless(row: OrderRow, model: ModelDatabase, nowMs: number): string | null {
  if (row.quarantinedAtMs !== null) return "it is set aside";
  if (row.owner !== null) return `${row.owner} owns it`;
  if (row.status === "SUCCESS" || row.status === "FAILED") return null;
  const timer = model.tables.timers.get(`${row.merchantId}/${row.id}`);
  if (row.phase === "parked" || row.phase === "authorized") return null;
  if (row.phase === "pending" || row.status === "NOT_STARTED") {
    if (timer === undefined) return "nothing will move it";
    return timer.dueAtMs < nowMs - OVERDUE_MS
      ? `its ${timer.name} was due ${Math.round(nowMs - timer.dueAtMs)} ms ago`
      : null;
  }
  return `it is ${row.status} ${row.phase}`;
}

/** What a process that lived to the end has heard of PSPs is stored under its name. */
export function checkReceipts(
  world: World,
  {
    nodes,
    model,
    judge,
  }: { readonly nodes: readonly SimulatedNode[]; readonly model: ModelDatabase; readonly judge: Judge },
): void {
  const { observations } = model.tables;
  for (const node of nodes) {
    const [life, processor] = [node.life(), node.processor()];
    if (life === null || life.isDead() || processor === null) continue;
    for (const [orderId, heard] of judge.calls.receiptsOf(life)) {
      const stored = MERCHANTS.flatMap(({ merchantId }) => observations.get(`${merchantId}/${orderId}`) ?? []).filter(
        (row) => row.node === processor.node,
      );
      // Those whose bytes are known first: the others take what is left.
      for (const receipt of heard.toSorted((one, other) => Number(one.isGivenUp) - Number(other.isGivenUp))) {
        const index = stored.findIndex((row) => isReceiptOf(row, receipt));
        if (index >= 0) stored.splice(index, 1);
        else world.fail("receipts kept", `${node.name} heard ${receipt.source} ${receipt.status}`, orderId);
      }
    }
  }
}

const isReceiptOf = (row: ObservationRow, { source, status, bodyBase64, isGivenUp }: Receipt): boolean =>
  row.source === source && (isGivenUp || (row.httpStatus === status && row.bodyBase64 === bodyBase64));

export function checkAtRest(world: World, model: ModelDatabase, judge: Judge): void {
  const { tables } = model;
  const fail = (invariant: Invariant, detail: string, orderId: string | null = null): void =>
    world.fail(invariant, detail, orderId);

  const eventsBySubject = Map.groupBy(tables.events, ({ subjectId }) => subjectId);

  for (const [name, row] of tables.orders) {
    const why = whyRestless(row, model, EPOCH_MS + world.timeline.nowMs());
    if (why !== null) fail("comes to rest", `${row.status} ${row.phase}: ${why}`, row.id);
    const log = tables.transitions.get(name) ?? [];
    if (log.length !== row.version)
      fail("gapless log", `version ${row.version} with ${log.length} transitions`, row.id);
    for (const seen of tables.observations.get(name) ?? []) {
      if (seen.handledAtMs === null)
        fail("mail is read", `the ${seen.source} of attempt ${seen.attempt} waits`, row.id);
    }
    checkEvents(name, row);
  }
  for (const notice of tables.inbox.values()) {
    if (notice.handledAtMs === null) fail("mail is read", `webhook ${notice.eventId} waits`, notice.actorId);
    if (notice.eventId.includes("forged"))
      fail("forged moves nothing", `${notice.eventId} is in the inbox`, notice.actorId);
  }
  for (const command of tables.commands.values()) {
    if (command.handledAtMs === null) fail("mail is read", "a command waits", command.actorId);
  }
  checkCheckouts();
  checkEffects();
  judge.checkBooks();

  function checkEvents(name: string, row: OrderRow): void {
    const own = eventsBySubject.get(row.id) ?? [];
    const versions = own.map(({ orderVersion }) => orderVersion ?? 0);
    if (own[0]?.type !== "payment_order.created") fail("events complete", `the first event is ${own[0]?.type}`, row.id);
    if (versions.some((version, index) => index > 0 && version < (versions[index - 1] ?? 0))) {
      fail("events complete", `versions ${versions.join()} do not rise`, row.id);
    }
    const endings = { SUCCESS: "payment_order.succeeded", FAILED: "payment_order.failed" } as const;
    const ends = own.filter(({ type }) => type === endings.SUCCESS || type === endings.FAILED);
    const wanted = row.status === "SUCCESS" || row.status === "FAILED" ? [endings[row.status]] : [];
    if (ends.map(({ type }) => type).join() !== wanted.join()) {
      fail("events complete", `${row.status} with the events ${own.map(({ type }) => type).join()}`, row.id);
    }
    for (const event of own) checkTold(event, row);
    const lates = own.filter(({ type }) => type === "payment_order.late_success").length;
    if (lates !== row.lateOpen) fail("events complete", `${lates} late events, ${row.lateOpen} late successes`, row.id);
    if (!tables.orders.has(name)) fail("events complete", "events of no order", row.id);
  }

  /** An event shows its order as it was then: its terms always, and its end for ever. */
  function checkTold({ type, orderVersion, data }: EventRow, row: OrderRow): void {
    const told = data as ToldOrder;
    const isTheOrder =
      told.payment_order_id === row.paymentOrderId &&
      told.version === orderVersion &&
      told.seller_account === row.sellerAccount &&
      told.amount === toMajor(row.amount, row.currency) &&
      told.currency === row.currency;
    const status = STATUS_OF[type] ?? told.status;
    const captured = type === "payment_order.succeeded" ? toMajor(row.amountCaptured, row.currency) : null;
    if (isTheOrder && told.status === status && (captured === null || told.amount_captured === captured)) return;
    fail("events complete", `${type} at ${orderVersion} says ${JSON.stringify(data).slice(0, 300)}`, row.id);
  }

  function checkCheckouts(): void {
    const byEvent = Map.groupBy(tables.orders.values(), ({ paymentEventId }) => paymentEventId);
    for (const event of tables.paymentEvents.values()) {
      const orders = byEvent.get(event.id) ?? [];
      const open = orders.filter(({ status }) => status !== "SUCCESS" && status !== "FAILED").length;
      const succeeded = orders.filter(({ status }) => status === "SUCCESS").length;
      const done = (eventsBySubject.get(event.id) ?? []).filter(({ type }) => type === "payment_event.done").length;
      const isDone = succeeded === event.orderCount;
      if (
        orders.length !== event.orderCount ||
        open !== event.openOrderCount ||
        succeeded !== event.succeededOrderCount ||
        event.isPaymentDone !== isDone ||
        done !== (isDone ? 1 : 0)
      ) {
        fail(
          "whole checkout",
          `${event.checkoutId} counts ${event.orderCount}/${event.openOrderCount}/${event.succeededOrderCount} and ${done} done events; there are ${orders.length}/${open}/${succeeded}`,
        );
      }
    }
  }

  function checkEffects(): void {
    const bookedBy = new Map<
      string,
      {
        readonly row: OrderRow;
        readonly rule: string;
        readonly amount: bigint;
        readonly currency: string;
        readonly seq: number;
      }
    >();
    for (const [name, entries] of tables.entries) {
      const row = tables.orders.get(name);
      if (row === undefined) continue;
      for (const entry of entries) {
        const lines = (tables.postings.get(name) ?? []).filter(({ seq }) => seq === entry.seq);
        const amount = lines.reduce((sum, line) => sum + line.amount, 0n);
        const isExcess = entry.pspReference?.endsWith("#excess") ?? false;
        const key = `${entry.psp}/${entry.pspReference?.replace(/#excess$/, "")}`;
        const first = bookedBy.get(key);
        // What a charge took beyond what an operator had booked: both together are the charge.
        if (isExcess && first !== undefined && first.currency === lines[0]?.currency) {
          bookedBy.set(key, { ...first, amount: first.amount + amount });
          world.probe("a charge takes more than an operator has booked");
          continue;
        }
        if (bookedBy.has(key)) fail("nothing invented", `${key} is booked twice`, row.id);
        bookedBy.set(key, { row, rule: entry.rule, amount, currency: lines[0]?.currency ?? "", seq: entry.seq });
      }
    }
    for (const effect of judge.calls.effects.values()) {
      const row = [...tables.orders.values()].find(({ id }) => id === effect.orderId);
      const entry = bookedBy.get(`${effect.account}/${effect.reference}`);
      if (entry !== undefined) {
        if (entry.row.id !== effect.orderId)
          fail("effects accounted", `${effect.reference} is booked to another order`, effect.orderId);
        if (entry.amount !== BigInt(effect.amount) || entry.currency !== effect.currency) {
          fail(
            "effects accounted",
            `${effect.amount} ${effect.currency} is booked as ${entry.amount} ${entry.currency}`,
            effect.orderId,
          );
        }
        world.probe(`an effect is booked as ${entry.rule}`);
      } else if (row === undefined || !QUEUES.has(row.phase)) {
        fail(
          "effects accounted",
          `${effect.reference} is nowhere: its order is ${row?.status} ${row?.phase}`,
          effect.orderId,
        );
      } else {
        world.probe("an effect waits in a queue");
      }
    }
    for (const [key, { row, seq }] of bookedBy) {
      const reference = key.slice(key.indexOf("/") + 1);
      const event = tables.transitions.get(`${row.merchantId}/${row.id}`)?.[seq - 1]?.event as
        | { type?: string }
        | undefined;
      if (!judge.calls.effects.has(reference) && event?.type !== "order.resolve") {
        fail("nothing invented", `${reference} is booked and never took effect`, row.id);
      }
    }
  }
}
