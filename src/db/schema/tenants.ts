import { index, integer, pgTable, primaryKey, smallint, text, uuid } from "../drizzle.ts";
import { bytes, instant } from "./columns.ts";

/** A shop or marketplace. Test and live are different merchants, so nothing can cross from one to the other. */
export const merchants = pgTable("merchants", {
  merchantId: integer().primaryKey().generatedAlwaysAsIdentity(),
  name: text().notNull(),
  mode: text().$type<"test" | "live">().notNull(),
  createdAt: instant().notNull().defaultNow(),
});

/** Secret keys, as SHA-256 only: the secret itself is shown once and never stored. */
export const apiKeys = pgTable("api_keys", {
  apiKeyId: uuid().primaryKey(),
  merchantId: integer()
    .notNull()
    .references(() => merchants.merchantId),
  name: text().notNull(),
  secretHash: bytes().notNull().unique(),
  lastFour: text().notNull(),
  scopes: text().array().notNull(),
  createdAt: instant().notNull().defaultNow(),
  revokedAt: instant(),
});

/** One row a request that must happen once; the answer's bytes, but for the buyer's data, are written before they are first sent. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    merchantId: integer().notNull(),
    key: text().notNull(),
    requestHash: bytes().notNull(),
    /** What the request made or acted on, so that a lost answer can be built again. */
    subject: text().notNull(),
    status: smallint(),
    answer: text(),
    createdAt: instant().notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.key] }),
    // Rows lie in the order of their time, so the few that are outdated are found through an index of some pages.
    index("idempotency_keys_created").using("brin", table.createdAt),
  ],
);

/** What all nodes share and no environment sets, such as the webhook secret of the simulator. */
export const settings = pgTable("settings", {
  name: text().primaryKey(),
  value: text().notNull(),
});
