import {
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
  uniqueIndex,
  uuid,
} from "../drizzle.ts";
import { balance, instant, minorUnits } from "./columns.ts";

/** A ledger account with its running sums. Wallets are the `seller:<id>:payable` accounts. */
export const accounts = pgTable(
  "accounts",
  {
    merchantId: integer().notNull(),
    currency: text().notNull(),
    account: text().notNull(),
    kind: text().$type<"asset" | "liability" | "revenue" | "expense" | "clearing">().notNull(),
    debits: balance().notNull(),
    credits: balance().notNull(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.currency, table.account] })],
);

/** Why money moved: one entry for a step that posts. A PSP's reference is booked once, whoever claims it. */
export const journalEntries = pgTable(
  "journal_entries",
  {
    merchantId: integer().notNull(),
    actorId: uuid().notNull(),
    seq: integer().notNull(),
    rule: text().notNull(),
    psp: text(),
    pspReference: text(),
    at: instant().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.actorId, table.seq] }),
    uniqueIndex("journal_entries_psp_reference")
      .on(table.psp, table.pspReference)
      .where(sql`psp_reference IS NOT NULL`),
  ],
);

/** One amount from one account to another: balanced by construction. */
export const postings = pgTable(
  "postings",
  {
    merchantId: integer().notNull(),
    actorId: uuid().notNull(),
    seq: integer().notNull(),
    leg: smallint().notNull(),
    currency: text().notNull(),
    debitAccount: text().notNull(),
    creditAccount: text().notNull(),
    amount: minorUnits().notNull(),
    at: instant().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.actorId, table.seq, table.leg] }),
    foreignKey({
      name: "postings_entry",
      columns: [table.merchantId, table.actorId, table.seq],
      foreignColumns: [journalEntries.merchantId, journalEntries.actorId, journalEntries.seq],
    }),
    foreignKey({
      name: "postings_debit_account",
      columns: [table.merchantId, table.currency, table.debitAccount],
      foreignColumns: [accounts.merchantId, accounts.currency, accounts.account],
    }),
    foreignKey({
      name: "postings_credit_account",
      columns: [table.merchantId, table.currency, table.creditAccount],
      foreignColumns: [accounts.merchantId, accounts.currency, accounts.account],
    }),
    check("postings_amount_positive", sql`amount > 0`),
    check("postings_two_accounts", sql`debit_account <> credit_account`),
    index("postings_debit").on(table.merchantId, table.debitAccount, table.currency, table.at),
    index("postings_credit").on(table.merchantId, table.creditAccount, table.currency, table.at),
  ],
);
