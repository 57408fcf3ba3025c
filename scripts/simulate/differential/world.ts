/** What one sequence of steps plays with: the model, a clock, chance, and few names, so that things meet. */
import { createModelDatabase } from "../model/model-database.ts";
import type { ModelDatabase } from "../model-contract.ts";
import type { Order } from "../model/rows.ts";
import type { Store } from "../model/store.ts";
import { PAYMENT_ORDER_MACHINE } from "../../../machines/payment-order.ts";
import { newUuid } from "../../../src/core/ids.ts";
import type { Ports } from "../../../src/core/ports.ts";
import type { CommitParameters } from "../../../src/db/statements/commit-steps.ts";
import type { ActorKind, ActorRef } from "../../../src/engine/actor.ts";
import { createPaymentOrderKind } from "../../../src/payments/payment-order-rows.ts";
import { createInstantConnector } from "../../../src/psp/instant/connector.ts";
import { MERCHANTS } from "./postgres-side.ts";
import type { Chance } from "./random.ts";

export interface World {
  readonly chance: Chance;
  readonly model: ModelDatabase;
  readonly store: Store;
  readonly ports: Ports;
  readonly clock: { nowMs: number };
  readonly nodes: readonly string[];
  readonly kind: ActorKind;
  /** Ids that were made; some are used again. */
  readonly ids: string[];
  /** Statements that were run; some are run again. */
  readonly sent: CommitParameters[];
  newId(): string;
}

export const PSPS = ["alpha", "beta"] as const;
export const REFERENCES = ["ch_1", "ch_2", "ch_3", "ch_4", "ch_ünï"] as const;
export const SELLERS = ["ada", "ben", "Ćelo"] as const;
export const KEYS = ["k1", "k2", "k3", "k4", "k5", "k6", "K7"] as const;
export const CHECKOUTS = ["c1", "c2", "c3", "c4", "C5"] as const;
export const ORDER_NAMES = ["o1", "o2", "o3", "o4", "o5", "o6", "o7", "O8"] as const;
export const CURRENCIES = ["EUR", "USD", "JPY"] as const;
/** The last one is nobody. */
export const MERCHANT_IDS = [...MERCHANTS.map(({ merchantId }) => merchantId), 77] as const;

/** Where every sequence starts. */
export const START_MS = Date.UTC(2027, 0, 1);

export const CONNECTORS = PSPS.map((account) => createInstantConnector({ account }));

const toKind = (machineVersions: readonly number[], name?: string): ActorKind => {
  const kind = createPaymentOrderKind(() => () => "{}");
  return { ...kind, machineVersions, name: name ?? kind.name };
};

export const { version: MACHINE_VERSION } = PAYMENT_ORDER_MACHINE;
const KNOWN_KIND = toKind([MACHINE_VERSION]);
/** Builds that know other machines, and a kind that has no rows of its own. */
export const KINDS: readonly ActorKind[] = [
  KNOWN_KIND,
  KNOWN_KIND,
  KNOWN_KIND,
  toKind([MACHINE_VERSION, MACHINE_VERSION + 1]),
  toKind([MACHINE_VERSION + 1, MACHINE_VERSION + 2]),
  toKind([MACHINE_VERSION], "refund"),
  { ...KNOWN_KIND, join: "", columns: "o.id, o.phase, o.amount_captured, o.late_open, o.quarantined_at" },
];

export function createWorld(chance: Chance): World {
  const clock = { nowMs: START_MS };
  const model = createModelDatabase({ nowMs: () => clock.nowMs });
  for (const merchant of MERCHANTS) model.insertMerchant(merchant);
  const ports: Ports = {
    clock: { nowMs: () => clock.nowMs, monotonicMs: () => clock.nowMs },
    random: { unit: () => chance.unit(), bytes: (length) => chance.bytes(length) },
    timers: { after: () => () => {}, every: () => () => {}, soon: () => {} },
  };
  const ids: string[] = [];
  const newId = (): string => {
    if (ids.length > 0 && chance.of(0.01)) return chance.pick(ids);
    const id = newUuid(ports);
    ids.push(id);
    return id;
  };
  return {
    chance,
    model,
    store: model.tables as Store,
    ports,
    clock,
    nodes: [newUuid(ports), newUuid(ports), newUuid(ports)],
    kind: KNOWN_KIND,
    ids,
    sent: [],
    newId,
  };
}

export const pickOrder = ({ chance, store }: World): Order | null =>
  store.orders.size === 0 ? null : chance.pick([...store.orders.values()]);

/** An order that exists, or at times none that does. */
export function pickRef(world: World): ActorRef {
  const order = world.chance.of(0.95) ? pickOrder(world) : null;
  const { name: kind } = world.kind;
  if (order !== null) return { kind, merchantId: order.merchantId, id: order.id };
  return { kind, merchantId: world.chance.pick(MERCHANT_IDS), id: world.newId() };
}
