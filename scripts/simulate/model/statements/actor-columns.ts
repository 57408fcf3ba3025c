/** The columns that an actor kind selects, as postgres.js hands them over: `bigint` as text, times as `Date`. */
import { invariant } from "../../../../src/core/assert.ts";
import type { ActorRow, ActorTable } from "../../../../src/db/statements/actors.ts";
import { keyOf, type Order, type PaymentEvent } from "../rows.ts";
import type { Store } from "../store.ts";

type Getter = (order: Order, event: PaymentEvent | undefined) => unknown;

const toDate = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

const GETTERS: Readonly<Record<string, Getter>> = {
  "o.merchant_id": (o) => o.merchantId,
  "o.id": (o) => o.id,
  "o.payment_order_id": (o) => o.paymentOrderId,
  "o.payment_event_id": (o) => o.paymentEventId,
  "o.ordinal": (o) => o.ordinal,
  "o.seller_account": (o) => o.sellerAccount,
  "o.amount": (o) => o.amount.toString(),
  "o.currency": (o) => o.currency,
  "o.platform_fee": (o) => o.platformFee.toString(),
  "o.psp": (o) => o.psp,
  "o.description": (o) => o.description,
  "o.metadata": (o) => o.metadata,
  "o.created_at": (o) => new Date(o.createdAtMs),
  "o.payment_order_status": (o) => o.status,
  "o.phase": (o) => o.phase,
  "o.psp_reference": (o) => o.pspReference,
  "o.amount_captured": (o) => o.amountCaptured.toString(),
  "o.amount_refunded": (o) => o.amountRefunded.toString(),
  "o.late_open": (o) => o.lateOpen,
  "o.ledger_updated": (o) => o.ledgerUpdated,
  "o.wallet_updated": (o) => o.walletUpdated,
  "o.state_since": (o) => new Date(o.stateSinceMs),
  "o.updated_at": (o) => new Date(o.updatedAtMs),
  "o.machine_version": (o) => o.machineVersion,
  "o.snapshot": (o) => o.snapshot,
  "o.version": (o) => o.version,
  "o.revision": (o) => o.revision,
  "o.owner": (o) => o.owner,
  "o.fencing_token": (o) => o.fencingToken.toString(),
  "o.quarantined_at": (o) => toDate(o.quarantinedAtMs),
  "o.quarantine_reason": (o) => o.quarantineReason,
  "e.checkout_id": (_, e) => e?.checkoutId,
  "e.payment_method_token": (_, e) => e?.paymentMethodToken,
  "e.return_url": (_, e) => e?.returnUrl,
  "e.order_count": (_, e) => e?.orderCount,
  "e.metadata": (_, e) => e?.metadata,
  "e.buyer_info": (_, e) => e?.buyerInfo,
};

type Select = (order: Order, event: PaymentEvent | undefined) => ActorRow;
const selects = new Map<string, Select>();

function selectOf(columns: string): Select {
  const known = selects.get(columns);
  if (known !== undefined) return known;
  const fields = columns.split(",").map((column) => {
    const name = column.trim();
    const get = GETTERS[name];
    invariant(get !== undefined, `the model has no column ${name}`);
    return { name: name.slice(2), get };
  });
  const select: Select = (order, event) => {
    const row: ActorRow = {};
    for (const { name, get } of fields) row[name] = get(order, event);
    return row;
  };
  selects.set(columns, select);
  return select;
}

/** The rows of those orders; one whose payment event is missing has none, where the kind joins it. */
export function toActorRows(store: Store, kind: ActorTable, orders: Iterable<Order>): readonly ActorRow[] {
  const select = selectOf(kind.columns);
  const joins = kind.join !== "";
  const rows: ActorRow[] = [];
  for (const order of orders) {
    const event = joins ? store.paymentEvents.get(keyOf(order.merchantId, order.paymentEventId)) : undefined;
    if (!joins || event !== undefined) rows.push(select(order, event));
  }
  return rows;
}
