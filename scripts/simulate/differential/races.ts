/**
 * What two connections do at the same moment. The first carries its statement out and waits with its commit until the second
 * has come as far as it can: to a lock, or to its end. Together they must come to what one after the other comes to.
 */
import { joinItems } from "./batches.ts";
import { HASHES } from "./letters.ts";
import { createCheckout, succeed } from "./real-items.ts";
import { asSet } from "./canonical.ts";
import { change, type Step, statement } from "./steps.ts";
import type { World } from "./world.ts";

export interface Race {
  readonly first: Step;
  readonly second: Step;
  /**
   * What becomes of the second: it is told at once what it would be told later; or it breaks on what must be unique, and is
   * run again, as the journal does; or it leaves alone what is locked, and waits for nobody; the rest it finds later.
   */
  readonly kind: "judged" | "rerun" | "skipped";
}

/** In the present tense: what two nodes do. */
export const RACES: Readonly<Record<string, (world: World) => Race | null>> = {
  "two nodes move one order": (world) => {
    const order = pickOwned(world);
    if (order === null) return null;
    return stepTwice(succeed(world, order), succeed(world, order));
  },
  "two nodes move two orders of one checkout": (world) => {
    // Of one currency, so that they are booked to the same accounts.
    const pairs = [...world.store.ordersOfEvent.values()].flatMap((family) =>
      [...Map.groupBy(family, ({ currency }) => currency).values()].filter(({ length }) => length > 1),
    );
    const [one, other] = pairs[0] ?? [];
    if (one === undefined || other === undefined) return null;
    const race = stepTwice(succeed(world, one), succeed(world, other));
    // Both may bring the same key with them.
    return race === null ? null : { ...race, kind: "rerun" };
  },
  "two nodes adopt": (world) => {
    const [, one, other] = world.nodes;
    return { first: adopt(world, one), second: adopt(world, other), kind: "skipped" };
  },
  "a node moves an order that another is adopting": (world) => {
    const order = pickOwned(world);
    const item = order === null ? null : succeed(world, order);
    if (item === null) return null;
    return { first: adopt(world, world.nodes[1]), second: change("commitSteps", [joinItems([item])]), kind: "judged" };
  },
  "a node adopts an order that another is moving": (world) => {
    const order = pickOwned(world);
    const item = order === null ? null : succeed(world, order);
    if (item === null) return null;
    return { first: change("commitSteps", [joinItems([item])]), second: adopt(world, world.nodes[1]), kind: "skipped" };
  },
  "two nodes open one checkout": (world) => {
    const [checkoutId, key, other] = [world.newId(), world.newId(), world.newId()];
    return { first: open(world, { checkoutId, key }), second: open(world, { checkoutId, key: other }), kind: "rerun" };
  },
  "two nodes open a checkout under one key": (world) => {
    const [checkoutId, other, key] = [world.newId(), world.newId(), world.newId()];
    return { first: open(world, { checkoutId, key }), second: open(world, { checkoutId: other, key }), kind: "rerun" };
  },
  "two nodes take one key": () => {
    const subject = { requestHash: HASHES[0], subject: "a subject", status: 200, body: "{}" };
    const take = (body: string): Step =>
      statement("insertAnsweredKey", [{ merchantId: 1, key: "race", ...subject, body }]);
    return { first: take("1"), second: take("2"), kind: "judged" };
  },
  "two nodes answer one key": (world) => {
    const key = [...world.store.keys.values()].find(({ answer }) => answer === null);
    if (key === undefined) return null;
    const answer = (body: string): Step =>
      statement("storeAnswers", [[{ merchantId: key.merchantId, key: key.key, status: 201, body }]]);
    return { first: answer("1"), second: answer("2"), kind: "judged" };
  },
  "two nodes hear one notice": () => {
    const notice = { psp: "alpha", eventId: "race", type: "charge.updated", actor: null, fact: null };
    const hear = (body: number): Step => statement("insertNotices", [[{ ...notice, body: Uint8Array.of(body) }]]);
    return { first: hear(1), second: hear(2), kind: "judged" };
  },
};

const open = (world: World, names: { readonly checkoutId: string; readonly key: string }): Step =>
  change("commitSteps", [joinItems([createCheckout(world, { merchantId: 1, ...names })])]);

type Item = ReturnType<typeof succeed>;

const stepTwice = (one: Item, other: Item): Race | null =>
  one === null || other === null
    ? null
    : {
        first: change("commitSteps", [joinItems([one])]),
        second: change("commitSteps", [joinItems([other])]),
        kind: "judged",
      };

/** An order of the node that is taken for dead. */
const pickOwned = ({ store, nodes, chance }: World) => {
  const owned = [...store.orders.values()].filter(({ owner }) => owner === nodes[0]);
  return owned.length === 0 ? null : chance.pick(owned);
};

const OWNERSHIP_MS = 10_000;
const MANY = 1_000;
const adopt = ({ kind }: World, node = ""): Step =>
  statement("adoptActors", [kind, { node, ownershipMs: OWNERSHIP_MS }, MANY], asSet);
