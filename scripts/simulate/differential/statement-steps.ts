/** Random calls of every statement outside the group commit. */
import type { HostedStart } from "../../../src/db/statements/payment-events.ts";
import type { NewNotice } from "../../../src/db/statements/inbox.ts";
import { asSet } from "./canonical.ts";
import { HASHES } from "./letters.ts";
import { ranked, type Step, statement } from "./steps.ts";
import { CHECKOUTS, KEYS, KINDS, MERCHANT_IDS, ORDER_NAMES, pickOrder, pickRef, PSPS, type World } from "./world.ts";

const ODD_TEXTS = ["nul \u0000", "half \ud800", "", "ünï"] as const;
const LIMITS = [0, 1, 2, 3, 1_000] as const;
const AGES_MS = [-1, 0, 1, 1_500, 10_000, 0.5] as const;
const SERVED = [[], ["alpha"], ["beta"], ["alpha", "beta"], ["ünï", 'with "quotes"', "alpha"]] as const;
const OWNERSHIP_MS = 10_000;

type Make = (world: World) => Step;

/** Mostly one of these. */
function pickText({ chance }: World, names: readonly string[]): string {
  return chance.of(0.04) ? chance.pick(ODD_TEXTS) : chance.pick(names);
}

/** Mostly a UUID. */
const pickId = ({ chance }: World, id: string): string =>
  chance.of(0.03) ? chance.pick(["", "no uuid", id.toUpperCase(), `{${id}}`]) : id;

const keyOf = (world: World): { readonly merchantId: number; readonly key: string } => ({
  merchantId: world.chance.pick(MERCHANT_IDS),
  key: pickText(world, KEYS),
});

function someRefs(world: World): readonly { readonly merchantId: number; readonly id: string }[] {
  return Array.from({ length: world.chance.int(5) }, () => pickRef(world));
}

function someNotices(world: World): readonly NewNotice[] {
  const { chance } = world;
  return Array.from({ length: 1 + chance.int(3) }, (): NewNotice => {
    const { kind, merchantId, id } = pickRef(world);
    return {
      psp: chance.pick(PSPS),
      eventId: chance.of(0.02) ? chance.pick(ODD_TEXTS) : `evt_${chance.int(12)}`,
      type: "charge.updated",
      actor: chance.of(0.1) ? null : { kind, merchantId, id },
      fact: chance.pick([{ type: "psp.succeeded", n: 1 }, { type: "psp.unknown" }, { type: "pspx" }, null, "psp.", 7]),
      body: chance.bytes(chance.int(6)),
    };
  });
}

function insertCommand(world: World): Step {
  const { chance, newId } = world;
  const { kind, merchantId, id } = pickRef(world);
  const event = chance.pick([{ type: "order.cancel", at: 1 }, { type: "order.retry" }, { text: "nul \u0000" }, [1]]);
  const command = { commandId: newId(), actorKind: kind, merchantId, actorId: id, event };
  const { key } = keyOf(world);
  return statement("insertCommand", [command, { key, requestHash: chance.pick(HASHES), subject: "a subject" }]);
}

const STATEMENTS: readonly Make[] = [
  (world) => statement("loadActors", [world.chance.pick(KINDS), someRefs(world)], asSet),
  (world) => {
    const adopter = { node: world.chance.pick(world.nodes), ownershipMs: OWNERSHIP_MS };
    return statement("countOrphans", [world.chance.pick(KINDS), adopter]);
  },
  (world) => {
    const { chance, model } = world;
    const kind = chance.pick(KINDS);
    const adopter = { node: chance.pick(world.nodes), ownershipMs: chance.pick([OWNERSHIP_MS, 0]) };
    // Which of too many are taken is PostgreSQL's choice, so the limit lets all through.
    const limit = model.statements.countOrphans(kind, adopter) + chance.int(3);
    return statement("adoptActors", [kind, adopter, limit], asSet);
  },
  (world) => statement("listOwnedActors", [world.chance.pick(KINDS), world.chance.pick(world.nodes)], asSet),
  (world) =>
    statement("reclaimActors", [world.chance.pick(KINDS), world.chance.pick(world.nodes), someRefs(world)], asSet),
  (world) => {
    const { chance, store } = world;
    const { merchantId, id } = pickRef(world);
    const order = store.orders.get(`${merchantId}/${id}`);
    const held = {
      merchantId,
      id,
      node: (chance.of(0.8) ? order?.owner : null) ?? chance.pick(world.nodes),
      version: (order?.version ?? 1) - (chance.of(0.2) ? 1 : 0),
    };
    return statement("releaseActor", [world.kind, held]);
  },
  (world) => {
    const { chance, store } = world;
    const { merchantId, id } = pickRef(world);
    const order = store.orders.get(`${merchantId}/${id}`);
    return statement("quarantineActor", [
      world.kind,
      {
        merchantId,
        id: pickId(world, id),
        node: (chance.of(0.8) ? order?.owner : null) ?? chance.pick(world.nodes),
        version: (order?.version ?? 1) - (chance.of(0.1) ? 1 : 0),
        reason: pickText(world, ["22P05 bad data"]),
      },
    ]);
  },
  (world) => {
    const { merchantId, id } = pickRef(world);
    return statement("findStoredRequest", [{ merchantId, id: pickId(world, id) }, 1 + world.chance.int(2)]);
  },
  (world) => {
    const limit = world.chance.pick(LIMITS);
    return statement("listForgottenActors", [world.chance.pick(KINDS), limit], ranked(rankOfForgotten, limit));
  },
  (world) => {
    const limit = world.chance.pick(LIMITS);
    const rank = ranked(({ dueAtMs }: { readonly dueAtMs: number }) => dueAtMs, limit);
    return statement("findDueTimers", [world.chance.pick(KINDS), limit], rank);
  },
  (world) => {
    const limit = world.chance.pick(LIMITS);
    const rank = ranked(
      ({ psp, eventId }: { readonly psp: string; readonly eventId: string }) =>
        world.store.inbox.get(`${psp}/${eventId}`)?.receivedAtMs,
      limit,
    );
    return statement("findInboxMail", [world.chance.pick(KINDS), world.chance.pick(AGES_MS), limit], rank);
  },
  (world) => {
    const { chance, store } = world;
    const limit = chance.pick(LIMITS);
    type Row = {
      readonly merchantId: number;
      readonly actorId: string;
      readonly attempt: number;
      readonly source: string;
    };
    const rank = ranked(
      (row: Row) =>
        store.observations
          .get(`${row.merchantId}/${row.actorId}`)
          ?.find(({ attempt, source }) => attempt === row.attempt && source === row.source)?.atMs,
      limit,
    );
    return statement("findObservationMail", [chance.pick(KINDS), chance.pick(AGES_MS), limit], rank);
  },
  (world) => {
    const limit = world.chance.pick(LIMITS);
    const rank = ranked(
      ({ commandId }: { readonly commandId: string }) => world.store.commands.get(commandId)?.createdAtMs,
      limit,
    );
    return statement("findCommandMail", [world.chance.pick(KINDS), limit], rank);
  },
  (world) => statement("findKey", [keyOf(world)]),
  (world) => {
    const { chance } = world;
    const answers = new Map(
      Array.from({ length: 1 + chance.int(3) }, () => {
        const key = keyOf(world);
        const answer = { ...key, status: chance.pick([200, 201, 99_999]), body: pickText(world, ['{"ok":1}', "ä"]) };
        // Of two answers for one key the server takes either.
        return [`${key.merchantId}/${key.key}`, answer] as const;
      }),
    );
    return statement("storeAnswers", [[...answers.values()]]);
  },
  (world) => {
    const { chance } = world;
    const answered = {
      ...keyOf(world),
      requestHash: chance.of(0.03) ? "xyz" : chance.pick(HASHES),
      subject: pickText(world, ["a subject"]),
      status: chance.pick([200, 422]),
      body: pickText(world, ["{}"]),
    };
    return statement("insertAnsweredKey", [answered]);
  },
  (world) => statement("freeKey", [keyOf(world), pickText(world, ["a subject"])]),
  insertCommand,
  insertCommand,
  insertCommand,
  (world) => {
    const { chance, store, newId } = world;
    const commandId = store.commands.size > 0 ? chance.pick([...store.commands.keys()]) : newId();
    return statement("findCommandResult", [pickId(world, commandId)]);
  },
  (world) => statement("insertNotices", [someNotices(world)]),
  (world) => {
    const { chance, store } = world;
    const notices = [...store.inbox.values()];
    const notice = notices.length === 0 ? { psp: "alpha", eventId: "evt_0" } : chance.pick(notices);
    return statement("closeUnmatchedNotice", [notice.psp, pickText(world, [notice.eventId])]);
  },
  (world) => statement("findOrderId", [world.chance.pick(MERCHANT_IDS), pickText(world, orderNames(world))]),
  (world) => {
    const rest = [world.chance.pick(MERCHANT_IDS), pickText(world, checkoutIds(world))] as const;
    return statement("findPaymentEvent", [...rest], (found) => withRankedIds(world, rest[0], found));
  },
  (world) => {
    const { chance, store, newId } = world;
    const events = [...store.paymentEvents.values()];
    const event = events.length === 0 ? { merchantId: 1, id: newId() } : chance.pick(events);
    const orders = store.ordersOfEvent.get(`${event.merchantId}/${event.id}`) ?? [];
    const starts = orders.slice(chance.int(2)).map(
      ({ id }): HostedStart => ({
        commandId: newId(),
        actorKind: world.kind.name,
        actorId: id,
        event: { type: "order.started", at: 5 },
      }),
    );
    const hosted = { merchantId: event.merchantId, eventId: event.id, token: pickText(world, ["pm_card_visa"]) };
    return statement("keepFirstToken", [hosted, starts]);
  },
  () => statement("probe", []),
  (world) => statement("findSetting", [pickText(world, ["secret", "other"])]),
  () => statement("countOpenOrders", [], asSet),
  (world) => statement("countUnservedOrders", [world.chance.pick(KINDS), world.chance.pick(SERVED)], asSet),
  () => statement("purgeOutdated", []),
  () => {
    const { nowMs: _, ...healthy } = { nowMs: 0, isStandby: false };
    return statement("readDatabaseState", [], (state) => ({ ...healthy, isObject: typeof state === "object" }));
  },
];

/** Orders made by hand may share an ordinal; then either may come first. */
function withRankedIds({ store }: World, merchantId: number, found: unknown): unknown {
  if (typeof found !== "object" || found === null || !("orderIds" in found)) return found;
  const rank = ranked((id: string) => store.orders.get(`${merchantId}/${id}`)?.ordinal, Number.POSITIVE_INFINITY);
  return { ...found, orderIds: rank(found.orderIds) };
}

const rankOfForgotten = ({ total }: { readonly total: number }): number => total;

/** Those of the pool, and some that were generated. */
export const orderNames = (world: World): readonly string[] => {
  const order = pickOrder(world);
  return order === null ? ORDER_NAMES : [...ORDER_NAMES.slice(0, 3), order.paymentOrderId, order.paymentOrderId];
};

export const checkoutIds = ({ chance, store }: World): readonly string[] => {
  const events = [...store.paymentEvents.values()];
  return events.length === 0 ? CHECKOUTS : [...CHECKOUTS.slice(0, 2), chance.pick(events).checkoutId];
};

export const randomStatement = (world: World): Step => world.chance.pick(STATEMENTS)(world);
