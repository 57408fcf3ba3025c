/** Payment orders as rows, and the way back from a row to an actor. */
import { PAYMENT_ORDER_MACHINE } from "../../machines/payment-order.ts";
import { restoreSnapshot } from "./payment-order-snapshot.ts";
import { invariant } from "../core/assert.ts";
import type { ActorKind, ActorRef, StoredActor, UnreadableActor } from "../engine/actor.ts";
import { type BuildCharge, PAYMENT_ORDER_KIND, toState } from "./payment-order-state.ts";
import type { OrderStatus } from "./represent.ts";

/** A payment order's row beside what its payment event shares. `bigint` columns arrive as text. */
export interface PaymentOrderRow {
  readonly merchant_id: number;
  readonly id: string;
  readonly payment_order_id: string;
  readonly payment_event_id: string;
  readonly ordinal: number;
  readonly seller_account: string;
  readonly amount: string;
  readonly currency: string;
  readonly platform_fee: string;
  readonly psp: string;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
  readonly created_at: Date;
  readonly payment_order_status: OrderStatus;
  readonly amount_refunded: string;
  readonly ledger_updated: boolean;
  readonly updated_at: Date;
  readonly snapshot: unknown;
  readonly version: number;
  readonly revision: number;
  readonly owner: string | null;
  readonly fencing_token: string;
  readonly checkout_id: string;
  readonly payment_method_token: string | null;
  readonly return_url: string | null;
  readonly order_count: number;
}

/** The columns of `PaymentOrderRow`: the order as `o`, its payment event as `e`. */
export const PAYMENT_ORDER_COLUMNS = `
  o.merchant_id, o.id, o.payment_order_id, o.payment_event_id, o.ordinal, o.seller_account, o.amount, o.currency,
  o.platform_fee, o.psp, o.description, o.metadata, o.created_at, o.payment_order_status, o.amount_refunded,
  o.ledger_updated, o.updated_at, o.snapshot, o.version, o.revision, o.owner, o.fencing_token,
  e.checkout_id, e.payment_method_token, e.return_url, e.order_count`;

export const PAYMENT_EVENT_JOIN =
  "JOIN payment_events e ON e.merchant_id = o.merchant_id AND e.id = o.payment_event_id";

export function restorePaymentOrder(row: PaymentOrderRow, buildCharge: BuildCharge): StoredActor | UnreadableActor {
  const ref: ActorRef = { kind: PAYMENT_ORDER_KIND, merchantId: row.merchant_id, id: row.id };
  const restored = restoreSnapshot(row.snapshot);
  if (restored.kind === "unreadable") return { ref, version: row.version, owner: row.owner, reason: restored.reason };
  const state = toState({
    terms: {
      merchantId: row.merchant_id,
      id: row.id,
      paymentOrderId: row.payment_order_id,
      ordinal: row.ordinal,
      sellerAccount: row.seller_account,
      amountMinor: BigInt(row.amount),
      currency: row.currency,
      platformFeeMinor: BigInt(row.platform_fee),
      psp: row.psp,
      description: row.description,
      metadata: row.metadata,
      createdAt: row.created_at.toISOString(),
      checkout: {
        id: row.payment_event_id,
        checkoutId: row.checkout_id,
        paymentMethodToken: row.payment_method_token,
        returnUrl: row.return_url,
        orderCount: row.order_count,
      },
    },
    snapshot: restored.snapshot,
    books: {
      revision: row.revision,
      amountRefundedMinor: BigInt(row.amount_refunded),
      isBooked: row.ledger_updated,
      updatedAt: row.updated_at.toISOString(),
    },
    buildCharge,
  });
  return { state, version: row.version, token: Number(row.fencing_token), owner: row.owner };
}

function isPaymentOrderRow(row: Record<string, unknown>): row is Record<string, unknown> & PaymentOrderRow {
  return typeof row.payment_order_id === "string" && row.created_at instanceof Date && "snapshot" in row;
}

/** Registers payment orders with the engine. `buildChargeFor` gives the connector's own way to write a charge. */
export function createPaymentOrderKind(buildChargeFor: (psp: string) => BuildCharge): ActorKind {
  return {
    name: PAYMENT_ORDER_KIND,
    table: "payment_orders",
    machineVersions: [PAYMENT_ORDER_MACHINE.version],
    columns: PAYMENT_ORDER_COLUMNS,
    join: PAYMENT_EVENT_JOIN,
    restore(row) {
      invariant(isPaymentOrderRow(row), "the columns of a payment order are missing");
      return restorePaymentOrder(row, buildChargeFor(row.psp));
    },
  };
}
