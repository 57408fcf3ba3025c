/** Random calls of everything that the HTTP front reads, and of the API keys that it writes. */
import { QUEUES } from "../../../src/db/queries/list-queue.ts";
import type { PaymentOrderFilter } from "../../../src/db/queries/list-payment-orders.ts";
import { asSet } from "./canonical.ts";
import { checkoutIds, orderNames } from "./statement-steps.ts";
import { ranked, read, type Step } from "./steps.ts";
import { CURRENCIES, MERCHANT_IDS, pickOrder, pickRef, PSPS, REFERENCES, SELLERS, type World } from "./world.ts";

const LIMITS = [0, 1, 2, 50] as const;

type Make = (world: World) => Step;

const actorOf = (world: World): { readonly merchantId: number; readonly actorId: string } => {
  const { merchantId, id } = pickRef(world);
  return { merchantId, actorId: id };
};

/** Times about when the sequence runs. */
const pickTime = ({ chance, clock }: World): Date => new Date(clock.nowMs - chance.pick([-1, 0, 1, 500, 60_000]));

function randomFilter(world: World): PaymentOrderFilter {
  const { chance } = world;
  const parts: PaymentOrderFilter[] = [
    { status: chance.pick(["NOT_STARTED", "EXECUTING", "SUCCESS", "FAILED"] as const) },
    { phase: chance.pick(["pending", "parked", "sending"]) },
    { sellerAccount: chance.pick(SELLERS) },
    { checkoutId: chance.pick(checkoutIds(world)) },
    { pspReference: { reference: chance.pick(REFERENCES), psps: PSPS } },
    { createdFrom: pickTime(world) },
    { createdBefore: pickTime(world) },
  ];
  return Object.assign({}, ...parts.filter(() => chance.of(0.15)));
}

function accountNames({ chance, store }: World): readonly string[] {
  const accounts = [...store.accounts.values()].map(({ account }) => account);
  return accounts.length === 0 ? ["suspense"] : [chance.pick(accounts), chance.pick(accounts)];
}

function accountLines(world: World): Step {
  const { chance, store } = world;
  const postings = [...store.postings.values()].flat();
  const line = postings.length === 0 || chance.of(0.5) ? null : chance.pick(postings);
  const before =
    line === null
      ? null
      : {
          at: new Date(line.atMs).toISOString(),
          actorId: line.actorId,
          seq: line.seq,
          leg: line.leg,
          balances: chance.pick([{}, { EUR: "5" }, { EUR: "-7", USD: "123456789012345678901234567890" }]),
        };
  const page = {
    merchantId: line?.merchantId ?? chance.pick(MERCHANT_IDS),
    account: line === null ? chance.pick(accountNames(world)) : chance.pick([line.debitAccount, line.creditAccount]),
    currency: chance.pick([null, null, ...CURRENCIES]),
    before,
    limit: chance.pick(LIMITS),
  };
  return read("listAccountLines", [page]);
}

function orderEvents(world: World): Step {
  const { chance, store, newId } = world;
  const { merchantId, actorId } = actorOf(world);
  const order = store.orders.get(`${merchantId}/${actorId}`);
  const movedAt = (store.transitions.get(`${merchantId}/${actorId}`) ?? [])
    .map(({ atMs }) => new Date(atMs))
    .filter(() => chance.of(0.8));
  return read("listOrderEvents", [{ merchantId, subjectIds: [actorId, order?.paymentEventId ?? newId()], movedAt }]);
}

function insertKey({ chance, newId }: World): Step {
  const key = {
    apiKeyId: newId(),
    merchantId: chance.pick(MERCHANT_IDS),
    name: chance.pick(["first", "ünï"]),
    secretHash: Uint8Array.from([chance.int(6), 1, 2]),
    lastFour: "abcd",
    scopes: chance.pick([[], ["payments:write"], ["a", 'quoted "one", {two}', "NULL", ""]]),
  };
  return read("insertApiKey", [key]);
}

const READS: readonly Make[] = [
  ({ chance }) => read("countQueues", [chance.pick(MERCHANT_IDS)]),
  ({ chance }) => read("findApiKey", [Uint8Array.from([chance.int(6), 1, 2])]),
  insertKey,
  insertKey,
  ({ chance, store, newId }) => {
    const ids = [...store.apiKeys.keys()];
    const beforeId = ids.length > 0 && chance.of(0.4) ? chance.pick([...ids, newId()]) : null;
    return read("listApiKeys", [{ merchantId: chance.pick(MERCHANT_IDS), beforeId, limit: chance.pick(LIMITS) }]);
  },
  ({ chance, store, newId }) => {
    const ids = [...store.apiKeys.keys()];
    return read("revokeApiKey", [chance.pick(MERCHANT_IDS), ids.length > 0 ? chance.pick(ids) : newId()]);
  },
  (world) =>
    read("findCheckout", [world.chance.pick(MERCHANT_IDS), world.chance.pick(checkoutIds(world))], sameOrdinals),
  (world) => read("findPaymentOrder", [world.chance.pick(MERCHANT_IDS), world.chance.pick(orderNames(world))]),
  (world) => {
    const { chance } = world;
    const page = {
      merchantId: chance.pick(MERCHANT_IDS),
      after: chance.of(0.3) ? { currency: chance.pick(CURRENCIES), account: chance.pick(accountNames(world)) } : null,
      limit: chance.pick([null, ...LIMITS]),
    };
    return read("listAccounts", [chance.of(0.3) ? { ...page, names: accountNames(world) } : page]);
  },
  accountLines,
  accountLines,
  (world) => read("listAttempts", [actorOf(world)]),
  (world) => read("listNotices", [actorOf(world)]),
  orderEvents,
  (world) => read("listOrderPostings", [actorOf(world)]),
  (world) => {
    const { chance } = world;
    const beforeId = chance.of(0.3) ? (pickOrder(world)?.id ?? null) : null;
    const page = { merchantId: chance.pick(MERCHANT_IDS), filter: randomFilter(world), beforeId };
    return read("listPaymentOrders", [{ ...page, limit: chance.pick(LIMITS) }]);
  },
  (world) => {
    const { chance } = world;
    const order = chance.of(0.3) ? pickOrder(world) : null;
    const before = order === null ? null : { since: new Date(order.stateSinceMs).toISOString(), id: order.id };
    const page = { merchantId: chance.pick(MERCHANT_IDS), queue: chance.pick(QUEUES), before };
    return read("listQueue", [{ ...page, limit: chance.pick(LIMITS) }]);
  },
  (world) => read("listTransitions", [actorOf(world)]),
  (world) => read("sumAccountsAt", [world.chance.pick(MERCHANT_IDS), pickTime(world)], asSet),
];

/** Orders made by hand may share an ordinal; then either may come first. */
function sameOrdinals(result: unknown): unknown {
  if (typeof result !== "object" || result === null || !("orders" in result)) return result;
  const rank = ranked(({ ordinal }: { readonly ordinal: number }) => ordinal, Number.POSITIVE_INFINITY);
  return { ...result, orders: rank(result.orders) };
}

export const randomRead = (world: World): Step => world.chance.pick(READS)(world);
