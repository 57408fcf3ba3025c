/** Sellers' wallets: what is owed to each, and every posting that made it so. */
import { useRef, useState } from "preact/hooks";
import type { LedgerAccount, Page as ListPage, SellerBalances, StatementLine } from "../api/types.ts";
import { problemOf } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { useResource } from "../state/resource.ts";
import { navigate, routerStore, to, withQuery } from "../state/router.ts";
import { tell } from "../state/notices.ts";
import { useStore } from "../state/use-store.ts";
import { toWords } from "../ui/format.ts";
import { Page, Panel } from "../ui/page.tsx";
import { Pager } from "../ui/pager.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { CopyId, Money, Time } from "../ui/values.tsx";

const PAYABLE = /^seller:(.+):payable$/;

interface Wallet {
  readonly seller: string;
  readonly account: LedgerAccount;
}

const toWallets = (accounts: readonly LedgerAccount[]): readonly Wallet[] =>
  accounts.flatMap((account) => {
    const seller = PAYABLE.exec(account.account)?.[1];
    return seller === undefined ? [] : [{ seller, account }];
  });

export function WalletsPage(_: { readonly query: URLSearchParams }) {
  const first = useResource<ListPage<LedgerAccount>>("/v1/ledger/accounts?limit=100");
  return (
    <Page
      title="Wallets"
      lead="What is owed to each seller. A wallet is the ledger’s payable account: there is no second truth."
    >
      <SellerField />
      <Loaded resource={first}>{(page) => <WalletList first={page} />}</Loaded>
    </Page>
  );
}

/** Accounts come by currency and name, the sellers’ among others; so more are fetched until there is something to show. */
function WalletList({ first }: { readonly first: ListPage<LedgerAccount> }) {
  const [more, setMore] = useState<readonly LedgerAccount[]>([]);
  const [cursor, setCursor] = useState(first.next_cursor);
  const [isBusy, setBusy] = useState(false);
  const wallets = toWallets([...first.data, ...more]);
  const readMore = async (): Promise<void> => {
    setBusy(true);
    try {
      let next = cursor;
      const found: LedgerAccount[] = [];
      while (next !== null && toWallets(found).length === 0) {
        const page: ListPage<LedgerAccount> = await request(
          withQuery("/v1/ledger/accounts", { limit: "100", cursor: next }),
        );
        found.push(...page.data);
        next = page.next_cursor;
      }
      setMore([...more, ...found]);
      setCursor(next);
    } catch (error) {
      tell("failed", problemOf(error).detail);
    }
    setBusy(false);
  };
  return (
    <>
      {wallets.length === 0 && cursor === null ? (
        <Empty title="No seller has a wallet yet">It opens with the first payment that succeeds.</Empty>
      ) : (
        <Table
          caption="Wallets, by currency and seller"
          rows={wallets}
          keyOf={({ account }) => `${account.account} ${account.currency}`}
          columns={[
            {
              title: "Seller",
              kind: "wide",
              show: ({ seller }) => <CopyId id={seller} label="seller" href={to("wallets", seller)} />,
            },
            {
              title: "Owed",
              kind: "number",
              show: ({ account }) => <Money amount={account.balance} currency={account.currency} />,
            },
            {
              title: "In",
              kind: "number",
              show: ({ account }) => <Money amount={account.credits} currency={account.currency} />,
            },
            {
              title: "Out",
              kind: "number",
              show: ({ account }) => <Money amount={account.debits} currency={account.currency} />,
            },
          ]}
        />
      )}
      {cursor !== null && (
        <button type="button" class="button" disabled={isBusy} onClick={readMore}>
          {isBusy ? "Reading…" : "Show more"}
        </button>
      )}
    </>
  );
}

function SellerField() {
  const field = useRef<HTMLInputElement>(null);
  const open = (event: SubmitEvent): void => {
    event.preventDefault();
    const seller = field.current?.value.trim() ?? "";
    if (seller !== "") navigate(to("wallets", seller));
  };
  return (
    <form class="filters" onSubmit={open}>
      <label class="field">
        <span>Seller</span>
        <input ref={field} type="text" required spellcheck={false} placeholder="The seller’s id" />
      </label>
      <button type="submit" class="button is-small">
        Open wallet
      </button>
    </form>
  );
}

export function WalletPage({ seller, query }: { readonly seller: string; readonly query: URLSearchParams }) {
  const path = `/v1/sellers/${encodeURIComponent(seller)}`;
  const currency = query.get("currency");
  const balances = useResource<SellerBalances>(`${path}/balances`);
  const statement = useResource<ListPage<StatementLine>>(
    withQuery(`${path}/statement`, { currency, cursor: query.get("cursor"), limit: "50" }),
  );
  return (
    <Page
      title={`Wallet of ${seller}`}
      heading={
        <>
          Wallet of <CopyId id={seller} label="seller" />
        </>
      }
      back={{ href: to("wallets"), label: "All wallets" }}
      actions={
        <a class="button" href={withQuery(to("payments"), { seller_account: seller })}>
          Payments of this seller
        </a>
      }
    >
      <Loaded resource={balances} rows={2}>
        {({ balances: rows }) =>
          rows.length === 0 ? (
            <Empty title="Nothing was ever booked for this seller">
              Check the id; sellers appear with their first payment that succeeds.
            </Empty>
          ) : (
            <div class="cards">
              {rows.map((row) => (
                <div key={row.currency} class="card">
                  <span class="card-title">Owed in {row.currency}</span>
                  <strong class="card-value">
                    <Money amount={row.payable} currency={row.currency} />
                  </strong>
                  <span class="soft">
                    {"reserved "}
                    <Money amount={row.reserved} currency={row.currency} />
                    {" · debt "}
                    <Money amount={row.debt} currency={row.currency} />
                  </span>
                </div>
              ))}
            </div>
          )
        }
      </Loaded>
      <Panel
        title="Statement"
        id="statement"
        aside={
          <CurrencyChoice currencies={balances.data?.balances.map((row) => row.currency) ?? []} chosen={currency} />
        }
      >
        <Loaded resource={statement}>
          {(page) =>
            page.data.length === 0 ? (
              <Empty title="No posting yet" />
            ) : (
              <>
                <StatementTable lines={page.data} />
                <Pager page={page} what="the statement" />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

export function CurrencyChoice({
  currencies,
  chosen,
}: {
  readonly currencies: readonly string[];
  readonly chosen: string | null;
}) {
  const path = useStore(routerStore, ({ route }) => route.path);
  if (currencies.length < 2) return null;
  return (
    <label class="inline-field">
      <span>Currency</span>
      <select
        value={chosen ?? ""}
        onChange={(event) => navigate(withQuery(to(...path), { currency: event.currentTarget.value }))}
      >
        <option value="">All</option>
        {currencies.map((code) => (
          <option key={code} value={code}>
            {code}
          </option>
        ))}
      </select>
    </label>
  );
}

function StatementTable({ lines }: { readonly lines: readonly StatementLine[] }) {
  return (
    <Table
      caption="Postings of this wallet, newest first"
      rows={lines}
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
        { title: "Other account", show: ({ other_account: name }) => <a href={to("ledger", name)}>{name}</a> },
        {
          title: "Amount",
          kind: "number",
          show: ({ amount, currency }) => <Money amount={amount} currency={currency} />,
        },
        {
          title: "Balance",
          kind: "number",
          show: ({ balance, currency }) => <Money amount={balance} currency={currency} />,
        },
      ]}
    />
  );
}
