import { check, foreignKey, integer, json, pgTable, primaryKey, smallint, sql, text, uuid } from "../drizzle.ts";
import { bytes, instant } from "./columns.ts";
import { nodes } from "./engine.ts";
import { apiKeys } from "./tenants.ts";

/** Who is signed in at the console. Only the SHA-256 of the cookie is here, so that a copy of the table signs nobody in. */
export const consoleSessions = pgTable(
  "console_sessions",
  {
    tokenHash: bytes().primaryKey(),
    apiKeyId: uuid()
      .notNull()
      .references(() => apiKeys.apiKeyId),
    role: text().$type<"operator" | "reader">().notNull(),
    createdAt: instant().notNull().defaultNow(),
    expiresAt: instant().notNull(),
  },
  () => [check("console_sessions_role", sql`role IN ('operator', 'reader')`)],
);

/** On orders and deliveries, and on webhook endpoints: where merchants are told decides who believes what. */
export const AUDIT_ACTIONS = [
  "retry",
  "resolve",
  "cancel",
  "redeliver",
  "rotate",
  "change",
  "enable",
  "disable",
  "delete",
] as const;

/** What somebody decided to do, written before it is done; append-only. */
export const auditLog = pgTable(
  "audit_log",
  {
    merchantId: integer().notNull(),
    /** UUIDv7, so that the newest come first without an index of their own. */
    id: uuid().notNull(),
    at: instant().notNull().defaultNow(),
    apiKeyId: uuid().notNull(),
    via: text().$type<"console" | "api">().notNull(),
    action: text().$type<(typeof AUDIT_ACTIONS)[number]>().notNull(),
    subject: text().notNull(),
    reason: text(),
    requestId: text().notNull(),
    node: uuid().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    check("audit_log_via", sql`via IN ('console', 'api')`),
    check("audit_log_action", sql`action IN (${sql.raw(AUDIT_ACTIONS.map((action) => `'${action}'`).join(", "))})`),
  ],
);

/** How it was answered; append-only. There is none when the node died between the two. */
export const auditOutcomes = pgTable(
  "audit_outcomes",
  {
    merchantId: integer().notNull(),
    id: uuid().notNull(),
    status: smallint().notNull(),
    at: instant().notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({
      name: "audit_outcomes_intent",
      columns: [table.merchantId, table.id],
      foreignColumns: [auditLog.merchantId, auditLog.id],
    }),
  ],
);

/** What each process does now, so that the console of any node shows all. One row a node, overwritten. */
export const nodeStatistics = pgTable("node_statistics", {
  nodeId: uuid()
    .primaryKey()
    .references(() => nodes.nodeId, { onDelete: "cascade" }),
  at: instant().notNull().defaultNow(),
  figures: json().notNull(),
});
