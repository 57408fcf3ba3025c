/** Items that no machine would make: rows at random, so that every column and constraint is met. */
import type {
  ActorEvent,
  ActorRef,
  ActorState,
  AnnouncementIntent,
  CallIntent,
  Decision,
  EntryIntent,
} from "../../../src/engine/actor.ts";
import { addDecision, ItemBuilder, type JournalItem } from "../../../src/engine/item.ts";
import { toStepItem } from "../../../src/engine/step-item.ts";
import type { Posting } from "../../../src/ledger/posting-rules.ts";
import { HASHES, randomKey, randomLetter } from "./letters.ts";
import {
  CHECKOUTS,
  CURRENCIES,
  MACHINE_VERSION,
  MERCHANT_IDS,
  ORDER_NAMES,
  pickRef,
  PSPS,
  REFERENCES,
  SELLERS,
  type World,
} from "./world.ts";

const STATUSES = ["NOT_STARTED", "EXECUTING", "SUCCESS", "FAILED"] as const;
const PHASES = [null, "sending", "pending", "resolving", "retrying", "parked", "authorized"] as const;
const ACCOUNTS = [
  { name: "seller:ada:payable", kind: "liability" },
  { name: "psp:alpha:clearing", kind: "asset" },
  { name: "suspense", kind: "clearing" },
  { name: "platform:fees", kind: "revenue" },
] as const;

function randomSnapshot({ chance }: World): unknown {
  const held = chance.pick([null, { reference: "r", amount: String(chance.int(500)), currency: "EUR" }]);
  const late = Array.from({ length: chance.int(3) }, (_, index) => ({
    reference: `late${index}`,
    amount: String(chance.int(500)),
    currency: chance.pick(CURRENCIES),
  }));
  return chance.pick([{ context: { held, late } }, { context: { held } }, { context: 5 }, { odd: true }, []]);
}

function randomState(world: World, ref: ActorRef, eventId: string): ActorState {
  const { chance, clock } = world;
  const at = new Date(clock.nowMs - chance.int(3) * 1_000).toISOString();
  const status = chance.pick(STATUSES);
  const phase = chance.pick(PHASES);
  const snapshot = randomSnapshot(world);
  const state: ActorState = {
    ref,
    name: phase ?? status,
    hasOpenCall: chance.of(0.5),
    isSettled: false,
    isTerminal: chance.of(0.3),
    timer: chance.of(0.5) ? { name: "poll", dueAtMs: clock.nowMs + (chance.int(20) - 10) * 1_000 } : null,
    decide: () => randomDecision(world, ref, eventId),
    accepts: () => true,
    isStaleFor: () => false,
    toCreatedRow: () => ({
      id: ref.id,
      payment_order_id: chance.pick(ORDER_NAMES),
      payment_event_id: eventId,
      ordinal: chance.int(3),
      seller_account: chance.pick(SELLERS),
      amount: String(chance.pick([-1n, 0n, 5n, 10n ** 17n])),
      currency: chance.pick(CURRENCIES),
      platform_fee: "0",
      psp: chance.pick(PSPS),
      description: null,
      metadata: {},
      at,
      status,
      phase,
      machine_version: MACHINE_VERSION + chance.int(2),
      snapshot,
    }),
    toMovedRow: () => ({
      id: ref.id,
      status,
      phase,
      psp_reference: chance.pick([null, ...REFERENCES]),
      amount_captured: String(chance.int(1_000)),
      late_added: chance.pick([0, 0, 1, 2, -1, 20_000]),
      booked: chance.of(0.3),
      at,
      machine_version: MACHINE_VERSION - chance.int(2),
      snapshot,
    }),
    toEndedRow: () =>
      chance.of(0.4)
        ? { payment_event_id: eventId, succeeded: chance.of(0.7), has_siblings: chance.of(0.5), at }
        : null,
  };
  return state;
}

function randomDecision(world: World, ref: ActorRef, eventId: string): Decision {
  const { chance } = world;
  const calls = Array.from({ length: chance.int(2) }, (): CallIntent => {
    const operationNumber = 1 + chance.int(2);
    return {
      kind: chance.pick(["charge", "charge", "inquiry"] as const),
      attempt: 1 + chance.int(4),
      operationNumber,
      psp: chance.pick(PSPS),
      idempotencyKey: `${ref.id}.charge.${operationNumber}`,
      request: chance.pick([null, '{"amount":1}', "ä"]),
    };
  });
  const entries = chance.of(0.4) ? [randomEntry(world)] : [];
  const announcements = Array.from(
    { length: chance.int(2) },
    (): AnnouncementIntent => ({
      type: "payment_order.updated",
      orderVersion: chance.int(5),
      data: chance.pick([null, { a: [1, "x", null] }]),
    }),
  );
  return { isChange: chance.of(0.9), next: randomState(world, ref, eventId), calls, entries, announcements };
}

function randomEntry({ chance }: World): EntryIntent {
  const currency = chance.pick(CURRENCIES);
  const postings = Array.from({ length: 1 + chance.int(3) }, (): Posting => {
    const debit = chance.pick(ACCOUNTS);
    const others = ACCOUNTS.filter((account) => account !== debit || chance.of(0.05));
    const amountMinor = chance.of(0.05) ? chance.pick([0n, -5n]) : chance.pick([1n, 500n, 9n * 10n ** 18n]);
    return { debit, credit: chance.pick(others), currency, amountMinor };
  });
  return {
    rule: chance.pick(["pay_in", "late_success"]),
    psp: chance.pick([null, ...PSPS, ...PSPS]),
    pspReference: chance.pick([null, ...REFERENCES, ...REFERENCES]),
    postings,
  };
}

/** The payment event of that order, or any other, or none. */
function pickEvent({ chance, store, newId }: World, ref: ActorRef): string {
  const own = store.orders.get(`${ref.merchantId}/${ref.id}`)?.paymentEventId;
  if (own !== undefined && chance.of(0.8)) return own;
  const events = [...store.paymentEvents.values()].filter(({ merchantId }) => merchantId === ref.merchantId);
  return events.length === 0 || chance.of(0.1) ? newId() : chance.pick(events).id;
}

const oddEvent = ({ chance, clock }: World): ActorEvent => ({
  type: "order.retry",
  at: clock.nowMs,
  jitter: chance.unit(),
});

export function moveOddly(world: World): JournalItem {
  const { chance, store, newId } = world;
  const ref = pickRef(world);
  const order = store.orders.get(`${ref.merchantId}/${ref.id}`);
  const eventId = pickEvent(world, ref);
  const before = randomState(world, ref, eventId);
  const event = oddEvent(world);
  const isStale = chance.of(0.15);
  return toStepItem({
    ref,
    before,
    version: (order?.version ?? 1) + (isStale ? chance.int(3) - 1 : 0),
    token: (order?.fencingToken ?? 1) + (isStale ? chance.int(3) - 1 : 0),
    letter: randomLetter(world, ref, event),
    decision: before.decide(event),
    owner: chance.pick([null, ...world.nodes]),
    tokenAfter: (order?.fencingToken ?? 1) + chance.int(2),
    node: chance.pick(world.nodes),
    newId,
  });
}

/** Orders that share an item, with a payment event or without one. */
export function createOddly(world: World): JournalItem {
  const { chance, clock, store, newId } = world;
  const merchantId = chance.pick(MERCHANT_IDS);
  const eventId = chance.of(0.1) && store.paymentEvents.size > 0 ? [...store.paymentEvents.values()][0]?.id : newId();
  const at = new Date(clock.nowMs).toISOString();
  const node = chance.pick(world.nodes);
  const item = new ItemBuilder();
  const count = chance.int(4);
  for (let ordinal = 0; ordinal < count; ordinal += 1) {
    const ref: ActorRef = { kind: world.kind.name, merchantId, id: newId() };
    const before = randomState(world, ref, eventId ?? newId());
    const event = oddEvent(world);
    const decision = before.decide(event);
    const stepId = newId();
    const publicId = chance.pick(ORDER_NAMES);
    item.created({ state: decision.next, publicId, stepId, node });
    addDecision(item, { before, decision, seq: 1, stepId, event, at, node, trace: "00-ab-cd-01", newId });
  }
  if (chance.of(0.7)) item.key(randomKey(world, merchantId));
  if (chance.of(0.7)) {
    item.checkout({
      merchant_id: merchantId,
      id: eventId,
      checkout_id: chance.pick(CHECKOUTS),
      content_hash: chance.pick(HASHES),
      buyer_info: chance.pick([null, { name: "Ünal" }, "text", 5]),
      payment_method_token: chance.pick([null, "pm_card_visa"]),
      return_url: null,
      metadata: {},
      order_count: count,
      created_at: at,
    });
  }
  return item.build();
}
