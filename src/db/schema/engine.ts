import {
  bigint,
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
import { bytes, instant } from "./columns.ts";

/** The processes that work on orders. Alive is who beat within the ownership time, on the database's clock. */
export const nodes = pgTable("nodes", {
  nodeId: uuid().primaryKey(),
  name: text().notNull(),
  startedAt: instant().notNull().defaultNow(),
  heartbeatAt: instant().notNull().defaultNow(),
  stoppedAt: instant(),
});

/** Every step of every actor, append-only. `step_id` tells a step that committed from one of another node's. */
export const transitions = pgTable(
  "transitions",
  {
    merchantId: integer().notNull(),
    actorId: uuid().notNull(),
    seq: integer().notNull(),
    actorKind: text().notNull(),
    stepId: uuid().notNull(),
    fromState: text().notNull(),
    toState: text().notNull(),
    event: json().notNull(),
    at: instant().notNull(),
    node: uuid().notNull(),
    trace: text(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.actorId, table.seq] })],
);

/** Intents: a call to a PSP, written before it is made. `request` is null where an earlier attempt has the same bytes. */
export const attempts = pgTable(
  "attempts",
  {
    merchantId: integer().notNull(),
    actorId: uuid().notNull(),
    attempt: integer().notNull(),
    operation: text().notNull(),
    operationNumber: smallint().notNull(),
    psp: text().notNull(),
    idempotencyKey: text().notNull(),
    request: text(),
    at: instant().notNull(),
    node: uuid().notNull(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.actorId, table.attempt] })],
);

/** What a node learnt from a PSP's answer. Written whether or not the step that it caused was fenced. */
export const observations = pgTable(
  "observations",
  {
    merchantId: integer().notNull(),
    actorId: uuid().notNull(),
    attempt: integer().notNull(),
    source: text().notNull(),
    actorKind: text().notNull(),
    fact: json().notNull(),
    httpStatus: smallint(),
    body: bytes().notNull(),
    latencyMs: integer().notNull(),
    at: instant().notNull(),
    node: uuid().notNull(),
    handledAt: instant(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.actorId, table.attempt, table.source] }),
    index("observations_unhandled").on(table.at).where(sql`handled_at IS NULL`),
  ],
);

/** PSP webhooks, stored as received before they are answered, unique by the PSP's own id of the notice. */
export const inbox = pgTable(
  "inbox",
  {
    psp: text().notNull(),
    eventId: text().notNull(),
    type: text().notNull(),
    merchantId: integer(),
    actorKind: text(),
    actorId: uuid(),
    fact: json(),
    body: bytes().notNull(),
    receivedAt: instant().notNull().defaultNow(),
    handledAt: instant(),
    /** What became of it: `taken` moved the actor, `ignored` changed nothing, `unmatched` names no order of ours. */
    disposition: text(),
  },
  (table) => [
    primaryKey({ columns: [table.psp, table.eventId] }),
    index("inbox_unhandled").on(table.receivedAt).where(sql`handled_at IS NULL`),
    index("inbox_actor").on(table.merchantId, table.actorId),
  ],
);

/** Operators' and merchants' commands that reached a node which does not own the actor. */
export const commands = pgTable(
  "commands",
  {
    commandId: uuid().primaryKey(),
    merchantId: integer().notNull(),
    actorKind: text().notNull(),
    actorId: uuid().notNull(),
    command: json().notNull(),
    createdAt: instant().notNull().defaultNow(),
    handledAt: instant(),
    result: json(),
  },
  (table) => [index("commands_unhandled").on(table.createdAt).where(sql`handled_at IS NULL`)],
);

/** The deadline that an actor waits for: at most one an actor, because it is part of the actor's state. */
export const timers = pgTable(
  "timers",
  {
    merchantId: integer().notNull(),
    actorId: uuid().notNull(),
    actorKind: text().notNull(),
    /** The step that set it; a fired timer is taken only by an actor that still waits for this one. */
    seq: integer().notNull(),
    name: text().notNull(),
    dueAt: instant().notNull(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.actorId] }), index("timers_due").on(table.dueAt)],
);

/** The outbox: what merchants will be told, written in the same commit as the step that caused it. */
export const events = pgTable(
  "events",
  {
    merchantId: integer().notNull(),
    id: uuid().notNull(),
    type: text().notNull(),
    subjectId: uuid().notNull(),
    orderVersion: integer(),
    /** The object as it was; of a payment event it is written by the relay, without `buyer_info`. */
    data: json(),
    createdAt: instant().notNull(),
    /** Where it stands in the order in which events are read; null until the relay has seen it committed. */
    position: bigint({ mode: "number" }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    index("events_unpositioned").on(table.createdAt, table.id).where(sql`position IS NULL`),
    uniqueIndex("events_position").on(table.position).where(sql`position IS NOT NULL`),
    index("events_merchant_position").on(table.merchantId, table.position).where(sql`position IS NOT NULL`),
  ],
);
