import {
  bigint,
  boolean,
  check,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
  uniqueIndex,
  uuid,
} from "../drizzle.ts";
import { instant } from "./columns.ts";

/** The last position that an event was given: one row, whose lock makes positions visible in their order. */
export const eventPositions = pgTable(
  "event_positions",
  {
    one: smallint().primaryKey().default(1),
    last: bigint({ mode: "number" }).notNull(),
  },
  () => [check("event_positions_one", sql`one = 1`)],
);

/** Where events are copied to beside the webhooks: how far, and which node does it now. */
export const eventStreams = pgTable("event_streams", {
  name: text().primaryKey(),
  position: bigint({ mode: "number" }).notNull(),
  holder: uuid(),
  heldUntil: instant(),
});

export interface RetiringSecret {
  readonly generation: number;
  readonly until: number;
}

/** Where a merchant wants to be told. The signing secret is not here: it follows from the id and its generation. */
export const webhookEndpoints = pgTable(
  "webhook_endpoints",
  {
    merchantId: integer().notNull(),
    id: uuid().notNull(),
    url: text().notNull(),
    /** Types such as `payment_order.succeeded`, `payment_order.*`, or `*`. */
    events: text().array().notNull(),
    description: text(),
    enabled: boolean().notNull().default(true),
    /** `merchant` or `gone` (the endpoint answered 410); null while enabled. */
    disabledReason: text(),
    secretGeneration: integer().notNull().default(1),
    /** Earlier secrets that sign along, each until its own time: `[{generation, until}]`, `until` in milliseconds. */
    retiringSecrets: json().$type<readonly RetiringSecret[]>().notNull().default([]),
    /** It asked to be left alone until then, with `Retry-After`. */
    notBefore: instant(),
    /** The age of what waits counts from here at the earliest. */
    enabledAt: instant().notNull().defaultNow(),
    createdAt: instant().notNull().defaultNow(),
    updatedAt: instant().notNull().defaultNow(),
    /** Kept for its deliveries' sake. */
    deletedAt: instant(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
);

/** One event on its way to one endpoint. A claim is a due time in the future with a token: who dies with it, lets it come due again. */
export const deliveries = pgTable(
  "deliveries",
  {
    merchantId: integer().notNull(),
    id: uuid().notNull(),
    endpointId: uuid().notNull(),
    eventId: uuid().notNull(),
    eventType: text().notNull(),
    status: text().$type<"due" | "delivered" | "parked" | "canceled">().notNull(),
    /** Attempts that failed since it was last put on its schedule. */
    failures: smallint().notNull().default(0),
    /** Attempts ever begun; the number of the newest one. */
    attempts: integer().notNull().default(0),
    nextAttemptAt: instant().notNull(),
    /** When it was last put on its schedule: what is older than a whole schedule is parked, sent or not. */
    scheduledAt: instant().notNull().defaultNow(),
    /** Whoever writes an attempt's result must still hold the claim. */
    claim: uuid(),
    lastAttemptAt: instant(),
    lastStatus: smallint(),
    lastLatencyMs: integer(),
    lastError: text(),
    createdAt: instant().notNull().defaultNow(),
    deliveredAt: instant(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    index("deliveries_due").on(table.merchantId, table.endpointId, table.nextAttemptAt).where(sql`status = 'due'`),
    index("deliveries_oldest").on(table.merchantId, table.endpointId, table.scheduledAt).where(sql`status = 'due'`),
    index("deliveries_parked").on(table.merchantId, table.endpointId, table.id).where(sql`status = 'parked'`),
    index("deliveries_endpoint").on(table.merchantId, table.endpointId, table.id),
    uniqueIndex("deliveries_event").on(table.merchantId, table.eventId, table.endpointId),
  ],
);

/** What became of each attempt, append-only. */
export const deliveryAttempts = pgTable(
  "delivery_attempts",
  {
    merchantId: integer().notNull(),
    deliveryId: uuid().notNull(),
    attempt: integer().notNull(),
    at: instant().notNull(),
    node: uuid().notNull(),
    /** The endpoint's HTTP status; null when no answer came. */
    status: smallint(),
    latencyMs: integer().notNull(),
    /** Why it failed, in a word or two; null for a success. */
    error: text(),
    /** The beginning of the answer's body. */
    excerpt: text(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.deliveryId, table.attempt] })],
);
