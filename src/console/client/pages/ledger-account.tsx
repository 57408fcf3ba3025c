/** Debits and credits of one account, with the running balance. */
import type { LedgerLine, Page as ListPage } from "../api/types.ts";
import { useResource } from "../state/resource.ts";
import { to, withQuery } from "../state/router.ts";
import { toWords } from "../ui/format.ts";
import { Page } from "../ui/page.tsx";
import { Pager } from "../ui/pager.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { CopyId, Money, Time } from "../ui/values.tsx";

export function AccountPage({ account, query }: { readonly account: string; readonly query: URLSearchParams }) {
  const currency = query.get("currency");
  const lines = useResource<ListPage<LedgerLine>>(
    withQuery(`/v1/ledger/accounts/${encodeURIComponent(account)}/lines`, {
      currency,
      cursor: query.get("cursor"),
      limit: "50",
    }),
  );
  return (
    <Page
      title={account}
      heading={<CopyId id={account} label="account" />}
      lead={currency === null ? "In every currency" : `In ${currency}`}
      back={{ href: to("ledger"), label: "Ledger" }}
      actions={
        currency !== null && (
          <a class="button" href={to("ledger", account)}>
            Every currency
          </a>
        )
      }
    >
      <Loaded resource={lines} rows={8}>
        {(page) =>
          page.data.length === 0 ? (
            <Empty title="No posting yet" />
          ) : (
            <>
              <Table
                caption={`Lines of ${account}, newest first`}
                rows={page.data}
                keyOf={(_, index) => `${index}`}
                columns={[
                  { title: "At", show: ({ at }) => <Time at={at} /> },
                  { title: "For", show: ({ rule }) => toWords(rule) },
                  {
                    title: "Payment",
                    kind: "wide",
                    show: ({ payment_order_id: id }) =>
                      id === null ? "–" : <CopyId id={id} label="payment order id" href={to("payments", id)} />,
                  },
                  {
                    title: "Other account",
                    show: ({ other_account: other }) => <a href={to("ledger", other)}>{other}</a>,
                  },
                  {
                    title: "Debit",
                    kind: "number",
                    show: (line) => line.side === "debit" && <Money {...moneyOf(line)} />,
                  },
                  {
                    title: "Credit",
                    kind: "number",
                    show: (line) => line.side === "credit" && <Money {...moneyOf(line)} />,
                  },
                  {
                    title: "Balance, credits less debits",
                    kind: "number",
                    show: (line) => <Money amount={line.balance} currency={line.currency} />,
                  },
                ]}
              />
              <Pager page={page} what="the account’s lines" />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

const moneyOf = ({ amount, currency }: LedgerLine) => ({ amount, currency });
