/** Items as the engine makes them: checkouts, and steps of orders by the real machine. */
import type { PaymentOrderContext } from "../../../machines/payment-order-types.ts";
import type { Order } from "../model/rows.ts";
import type { ActorRow } from "../../../src/db/statements/actors.ts";
import type { ActorEvent, ActorState, Decision, StoredActor } from "../../../src/engine/actor.ts";
import { addDecision, ItemBuilder, type JournalItem } from "../../../src/engine/item.ts";
import { toStepItem } from "../../../src/engine/step-item.ts";
import { openCheckout } from "../../../src/payments/checkout.ts";
import { isPaymentOrderState } from "../../../src/payments/payment-order-state.ts";
import { randomEvent, randomKey, randomLetter, randomMail, randomObservation } from "./letters.ts";
import {
  CHECKOUTS,
  CONNECTORS,
  CURRENCIES,
  MERCHANT_IDS,
  ORDER_NAMES,
  pickOrder,
  pickRef,
  SELLERS,
  type World,
} from "./world.ts";

const AMOUNTS = [1n, 99n, 10_000n, 10n ** 17n, 9n * 10n ** 18n] as const;

/** Names of a checkout that nothing but its rival has. */
export interface CheckoutNames {
  readonly merchantId: number;
  readonly checkoutId: string;
  readonly key: string;
}

/** A checkout with one to three orders; some of its names may be taken, unless they are given. */
export function createCheckout(world: World, named?: CheckoutNames): JournalItem {
  const { chance, ports, newId } = world;
  const merchantId = named?.merchantId ?? chance.pick(MERCHANT_IDS.slice(0, 2));
  const orders = Array.from({ length: 1 + chance.int(3) }, () => {
    const amountMinor = chance.pick(AMOUNTS);
    return {
      paymentOrderId: named === undefined && chance.of(0.4) ? chance.pick(ORDER_NAMES) : null,
      sellerAccount: chance.pick(SELLERS),
      amountMinor,
      currency: chance.pick(CURRENCIES),
      platformFeeMinor: chance.pick([0n, amountMinor / 10n, amountMinor]),
      description: chance.pick([null, "shoes", "schöne Schuhe"]),
      metadata: chance.pick([{}, { basket: "7" }]),
    };
  });
  const checkout = openCheckout(
    {
      ports,
      connector: chance.pick(CONNECTORS),
      policy: "swift",
      hostedExpiryMs: 60_000,
      toPayUrl: (merchant, checkoutId) => `https://pay.example/${merchant}/${checkoutId}`,
    },
    merchantId,
    {
      checkoutId: named?.checkoutId ?? (chance.of(0.4) ? chance.pick(CHECKOUTS) : null),
      buyerInfo: chance.pick([null, { id: "b1" }]),
      paymentMethod: chance.of(0.7) ? { kind: "token", token: "pm_card_visa" } : { kind: "hosted_page" },
      orders,
      returnUrl: chance.pick([null, "https://shop.example/back"]),
      metadata: chance.pick([{}, { basket: "7" }]),
    },
  );
  const item = new ItemBuilder();
  const node = chance.pick(world.nodes);
  for (const { state, publicId, event } of checkout.openings) {
    const decision = state.decide(event);
    const stepId = newId();
    const at = new Date(event.at).toISOString();
    item.created({ state: decision.next, publicId, stepId, node });
    addDecision(item, { before: state, decision, seq: 1, stepId, event, at, node, trace: null, newId });
    const { next } = decision;
    if (isPaymentOrderState(next) && chance.of(0.5)) {
      const data = next.represent();
      item.event({ ref: next.ref, id: newId(), type: "payment_order.created", orderVersion: 1, data, at });
    }
  }
  const { checkoutId: subject } = checkout.terms;
  if (named !== undefined) item.key({ ...randomKey(world, merchantId), key: named.key, subject });
  else if (chance.of(0.8)) item.key({ ...randomKey(world, merchantId), subject });
  item.checkout(checkout.row);
  return item.build();
}

/** A step of an order that exists, on what is stored or on what was stored before; null when none can be restored. */
export function moveOrder(world: World): JournalItem | null {
  const order = pickOrder(world);
  return order === null ? null : moveThis(world, order, (context) => randomEvent(world, context));
}

/** All orders of one payment event succeed, each with a reference of its own. */
export function succeedTogether(world: World): readonly JournalItem[] {
  const { chance, store } = world;
  const families = [...store.ordersOfEvent.values()].filter(({ length }) => length > 1);
  if (families.length === 0) return [];
  return chance.pick(families).flatMap((order) => succeed(world, order) ?? []);
}

/** The order succeeds, with a reference of its own; null when it can't be restored. */
export function succeed(world: World, order: Order): JournalItem | null {
  const { clock, newId } = world;
  return moveThis(world, order, ({ amount, currency, operation, attempt }) => {
    const origin = { source: "answer", operation, attempt, at: clock.nowMs, jitter: 0 } as const;
    return { type: "psp.succeeded", reference: `ch_${newId()}`, amount, currency, captured: true, ...origin };
  });
}

/** Rows that were spoilt by hand may be beyond the machine; the engine sets such an order aside. */
function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function restore({ kind }: World, row: ActorRow): StoredActor | null {
  const actor = attempt(() => kind.restore(row));
  return actor === null || "reason" in actor ? null : actor;
}

const decide = (state: ActorState, event: ActorEvent): Decision | null => attempt(() => state.decide(event));

function moveThis(
  world: World,
  order: Order,
  toEvent: (context: PaymentOrderContext) => ActorEvent,
): JournalItem | null {
  const { chance, model, kind, newId } = world;
  const [row] = model.statements.loadActors(kind, [order]);
  const actor = row === undefined ? null : restore(world, row);
  if (actor === null || !isPaymentOrderState(actor.state)) return null;
  const { state } = actor;
  const event = toEvent(state.context);
  const decision = decide(state, event);
  if (decision === null) return null;
  const isStale = chance.of(0.1);
  const node = chance.pick(world.nodes);
  return toStepItem({
    ref: state.ref,
    before: state,
    version: actor.version - (isStale ? 1 : 0),
    token: actor.token - (isStale && chance.of(0.5) ? 1 : 0),
    letter: randomLetter(world, state.ref, event),
    decision,
    owner: decision.next.hasOpenCall ? node : null,
    tokenAfter: actor.token + chance.int(2),
    node,
    newId,
  });
}

/** What was learnt about an order while another node works on it. */
export function keepObservation(world: World): JournalItem {
  const { chance, clock } = world;
  const at = new Date(clock.nowMs - chance.int(20_000)).toISOString();
  const fact = chance.pick([
    { type: "psp.unknown", reason: "x" },
    { type: "psp.declined", code: "ünï" },
    { type: "other" },
    { type: 5 },
    ["psp.unknown"],
    "psp.unknown",
  ]);
  const stamp = { at, node: chance.pick(world.nodes), isHandled: chance.of(0.2) };
  return new ItemBuilder().observation(pickRef(world), randomObservation(world, fact), stamp).build();
}

/** A command that the machine refuses: its mail is marked, and nothing else happens. */
export function refuseMail(world: World): JournalItem {
  const { chance, store, newId } = world;
  const ref = pickRef(world);
  const order = store.orders.get(`${ref.merchantId}/${ref.id}`);
  const guard = {
    version: (order?.version ?? 1) - (chance.of(0.1) ? 1 : 0),
    token: (order?.fencingToken ?? 1) + (chance.of(0.1) ? 1 : 0),
    stepId: newId(),
  };
  const outcome = { disposition: "refused", result: chance.pick([{ kind: "refused", state: "SUCCESS" }, null, "odd"]) };
  return new ItemBuilder().guard(ref, guard).mail(ref, randomMail(world, ref), outcome).build();
}
