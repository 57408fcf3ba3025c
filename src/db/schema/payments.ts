import {
  bigint,
  boolean,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  smallint,
  sql,
  text,
  unique,
  uuid,
} from "../drizzle.ts";
import { bytes, instant, minorUnits } from "./columns.ts";

/** A buyer's checkout: one row, with one to many payment orders. Buyer data stands here alone, so it can be erased. */
export const paymentEvents = pgTable(
  "payment_events",
  {
    merchantId: integer().notNull(),
    id: uuid().notNull(),
    checkoutId: text().notNull(),
    /** SHA-256 of the content, for telling a repeated checkout from a conflicting one. */
    contentHash: bytes().notNull(),
    buyerInfo: json(),
    paymentMethodToken: text(),
    returnUrl: text(),
    metadata: json().notNull(),
    orderCount: integer().notNull(),
    openOrderCount: integer().notNull(),
    succeededOrderCount: integer().notNull().default(0),
    isPaymentDone: boolean().notNull().default(false),
    createdAt: instant().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique("payment_events_checkout_id").on(table.merchantId, table.checkoutId),
  ],
);

/** One amount to one seller: what was asked, where it stands, and the actor's last committed snapshot. */
export const paymentOrders = pgTable(
  "payment_orders",
  {
    merchantId: integer().notNull(),
    id: uuid().notNull(),
    paymentOrderId: text().notNull(),
    paymentEventId: uuid().notNull(),
    ordinal: smallint().notNull(),
    sellerAccount: text().notNull(),
    amount: minorUnits().notNull(),
    currency: text().notNull(),
    platformFee: minorUnits().notNull(),
    psp: text().notNull(),
    description: text(),
    metadata: json().notNull(),
    createdAt: instant().notNull(),

    paymentOrderStatus: text().$type<"NOT_STARTED" | "EXECUTING" | "SUCCESS" | "FAILED">().notNull(),
    phase: text(),
    pspReference: text(),
    amountCaptured: minorUnits().notNull().default(sql`0`),
    amountRefunded: minorUnits().notNull().default(sql`0`),
    lateOpen: smallint().notNull().default(0),
    ledgerUpdated: boolean().notNull().default(false),
    walletUpdated: boolean().notNull().default(false),
    stateSince: instant().notNull(),
    updatedAt: instant().notNull(),

    machineVersion: smallint().notNull(),
    snapshot: json().notNull(),
    /** Steps taken. The next step is number `version + 1`. */
    version: integer().notNull(),
    /** Changes of the row that consumers see, as `order_version`: every step, and later every delta of a refund. */
    revision: integer().notNull(),
    /** The node that works on it; null while it rests. */
    owner: uuid(),
    fencingToken: bigint({ mode: "number" }).notNull(),
    quarantinedAt: instant(),
    quarantineReason: text(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique("payment_orders_payment_order_id").on(table.merchantId, table.paymentOrderId),
    index("payment_orders_event").on(table.merchantId, table.paymentEventId),
    index("payment_orders_owner").on(table.owner).where(sql`owner IS NOT NULL`),
    index("payment_orders_queues")
      .on(table.merchantId, table.phase, table.stateSince)
      .where(sql`phase IN ('retrying', 'pending', 'resolving', 'parked', 'authorized')`),
    index("payment_orders_quarantined").on(table.merchantId, table.stateSince).where(sql`quarantined_at IS NOT NULL`),
    index("payment_orders_late").on(table.merchantId, table.stateSince).where(sql`late_open > 0`),
    // States without an index that hold few of all orders: to count them, and to list them without passing all others.
    index("payment_orders_rare")
      .on(table.merchantId, table.paymentOrderStatus, table.id)
      .where(sql`payment_order_status IN ('NOT_STARTED', 'FAILED')`),
    index("payment_orders_seller").on(table.merchantId, table.sellerAccount, table.id),
    index("payment_orders_open_reference")
      .on(table.merchantId, table.pspReference)
      .where(sql`psp_reference IS NOT NULL AND payment_order_status <> 'SUCCESS'`),
  ],
);
