/** Payment orders as rows, wherever they are listed. */
import type { PaymentOrder } from "../api/types.ts";
import { to } from "../state/router.ts";
import { StatusBadge, stateOf } from "./status.tsx";
import { type Column, Table } from "./table.tsx";
import { Age, CopyId, Money, Time } from "./values.tsx";

/** Where it stands, and why when that is no good news. */
export function OrderState({ order }: { readonly order: Pick<PaymentOrder, "status" | "phase" | "failure"> }) {
  const { failure } = order;
  return (
    <>
      <StatusBadge state={stateOf(order)} />
      {order.status === "FAILED" && failure !== null && (
        <span class="under">{(failure.decline_code ?? failure.code).replace(/_/g, " ")}</span>
      )}
    </>
  );
}

const COLUMNS: readonly Column<PaymentOrder>[] = [
  {
    title: "Payment order",
    kind: "wide",
    show: ({ payment_order_id: id }) => <CopyId id={id} label="payment order id" href={to("payments", id)} />,
  },
  { title: "State", show: (order) => <OrderState order={order} /> },
  { title: "Amount", kind: "number", show: ({ amount, currency }) => <Money amount={amount} currency={currency} /> },
  { title: "Seller", show: ({ seller_account: seller }) => <a href={to("wallets", seller)}>{seller}</a> },
  {
    title: "PSP reference",
    show: ({ psp_reference: reference }) =>
      reference === null ? <span class="soft">none yet</span> : <CopyId id={reference} label="PSP reference" />,
  },
  {
    title: "Created",
    show: ({ created_at: at }) => (
      <>
        <Time at={at} />{" "}
        <span class="soft nowrap">
          · <Age at={at} /> ago
        </span>
      </>
    ),
  },
];

export function OrderTable({
  orders,
  caption,
}: {
  readonly orders: readonly PaymentOrder[];
  readonly caption: string;
}) {
  return <Table caption={caption} columns={COLUMNS} rows={orders} keyOf={({ payment_order_id: id }) => id} />;
}
