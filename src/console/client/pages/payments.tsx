/** All payment orders: found by any id, narrowed by filters, page by page, and as a file. */
import { useEffect, useState } from "preact/hooks";
import type { SearchResult } from "../../contract.ts";
import type { Page as ListPage, PaymentOrder } from "../api/types.ts";
import { liveStore } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { navigate, to, withQuery } from "../state/router.ts";
import { useStore } from "../state/use-store.ts";
import { OrderTable } from "../ui/order-table.tsx";
import { Page } from "../ui/page.tsx";
import { Pager } from "../ui/pager.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { StatusBadge, stateOf } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { CopyId, Money } from "../ui/values.tsx";
import { ExportButton } from "./payments-export.tsx";
import { PaymentFilters, toListQuery, toPinned } from "./payments-filters.tsx";

/** The live figures tell sooner that something happened; this is for when their stream is away. */
const REFRESH_MS = 10_000;

export function PaymentsPage({ query }: { readonly query: URLSearchParams }) {
  const search = query.get("q")?.trim() ?? "";
  return search === "" ? <PaymentList query={query} /> : <SearchResults text={search} />;
}

function PaymentList({ query }: { readonly query: URLSearchParams }) {
  const filter = toListQuery(query);
  const cursor = query.get("cursor");
  const path = withQuery("/v1/payments", { ...filter, cursor, limit: "50" });
  // Only the newest page changes under somebody's eyes.
  const list = useResource<ListPage<PaymentOrder>>(path, { everyMs: cursor === null ? REFRESH_MS : null });
  const pulse = useStore(liveStore, ({ overview }) => overview?.states.map(({ count }) => count).join() ?? "");
  useEffect(() => {
    if (cursor === null && list.data !== null) list.reload();
  }, [pulse]);
  const isFiltered = Object.values(filter).some((value) => value !== null);
  return (
    <Page title="Payments" actions={<ExportButton filter={filter} />}>
      <PaymentFilters query={query} />
      <Loaded resource={list} rows={10}>
        {(page) =>
          page.data.length === 0 ? (
            <NoPayments isFiltered={isFiltered} />
          ) : (
            <>
              <OrderTable orders={page.data} caption="Payment orders, newest first" />
              <Pager page={page} what="payments" pinned={toPinned(query, filter)} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function NoPayments({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No payment fits these filters">
        <a href={to("payments")}>Show all payments</a>
      </Empty>
    );
  }
  return (
    <Empty title="No payments yet">
      They appear here by themselves. The first lines of the README pay with <code>curl</code>;{" "}
      <code>npm run demo</code> sends 300.
    </Empty>
  );
}

type Found = SearchResult["data"][number];

const MATCHED: Readonly<Record<Found["matched"], string>> = {
  payment_order_id: "payment order",
  checkout_id: "checkout",
  psp_reference: "PSP reference",
  seller_account: "seller",
  event_id: "event",
};

function SearchResults({ text }: { readonly text: string }) {
  const result = useResource<SearchResult>(withQuery("/search", { q: text }));
  const [wasOpened, setOpened] = useState(false);
  const only = result.data?.data.length === 1 ? result.data.data[0] : undefined;
  // One hit is what was looked for; “back” still leads to the search.
  useEffect(() => {
    if (only === undefined || wasOpened) return;
    setOpened(true);
    navigate(to("payments", only.payment_order_id), { isReplacing: true });
  }, [only?.payment_order_id]);
  return (
    <Page
      title={`Search: ${text}`}
      heading={
        <>
          Search: <span class="searched">{text}</span>
        </>
      }
      back={{ href: to("payments"), label: "All payments" }}
    >
      <Loaded resource={result} rows={4}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="Nothing has this id">
              Give a whole payment order id, checkout id, PSP reference, event id or seller.
            </Empty>
          ) : (
            <Table
              caption={`Payments found for ${text}`}
              rows={data}
              keyOf={({ payment_order_id: id }) => id}
              columns={[
                {
                  title: "Payment order",
                  kind: "wide",
                  show: ({ payment_order_id: id }) => (
                    <CopyId id={id} label="payment order id" href={to("payments", id)} />
                  ),
                },
                { title: "Found by", show: ({ matched }) => MATCHED[matched] },
                { title: "State", show: (found) => <StatusBadge state={stateOf(found)} /> },
                { title: "Amount", kind: "number", show: (found) => <Money {...pickMoney(found)} /> },
                { title: "Checkout", show: ({ checkout_id: id }) => <CheckoutLink id={id} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

const pickMoney = ({ amount, currency }: Found) => ({ amount, currency });

export function CheckoutLink({ id }: { readonly id: string }) {
  return <CopyId id={id} label="checkout id" href={withQuery(to("payments"), { checkout_id: id })} />;
}
