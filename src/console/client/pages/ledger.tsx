/** The books: is every currency in balance, and what stands in each account. */
import type { LedgerAccount, TrialBalance } from "../api/types.ts";
import { useResource } from "../state/resource.ts";
import { navigate, to, withQuery } from "../state/router.ts";
import { Page, Panel } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Badge } from "../ui/status.tsx";
import { moneyColumn } from "../ui/money-column.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/values.tsx";

/** All accounts come with it: often enough for a page that somebody reads. */
const REFRESH_MS = 15_000;

function toInstant(local: string | null): string | null {
  const ms = local === null ? Number.NaN : Date.parse(local);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

type CurrencyBalance = TrialBalance["currencies"][number];

/** Beyond this a page is no help: the account that somebody looks for is found by its name. */
const MAX_SHOWN = 300;

export function LedgerPage({ query }: { readonly query: URLSearchParams }) {
  const at = toInstant(query.get("at"));
  const part = query.get("account") ?? "";
  const balance = useResource<TrialBalance>(withQuery("/v1/ledger/trial-balance", { at }), {
    everyMs: at === null ? REFRESH_MS : null,
  });
  const change = (values: Readonly<Record<string, string | null>>): void =>
    navigate(withQuery(to("ledger"), { ...Object.fromEntries(query), ...values }));
  return (
    <Page title="Ledger">
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <label class="field">
          <span>Balance at the end of</span>
          <input
            type="datetime-local"
            step={1}
            value={query.get("at") ?? ""}
            onChange={(event) => change({ at: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span>Account contains</span>
          <input
            type="text"
            spellcheck={false}
            value={part}
            placeholder="Every account"
            onChange={(event) => change({ account: event.currentTarget.value.trim() })}
          />
        </label>
        {query.size > 0 && (
          <a class="button is-small" href={to("ledger")}>
            Now, all accounts
          </a>
        )}
      </form>
      <Loaded resource={balance} rows={8}>
        {(found) => (
          <>
            <TrialPanel balance={found} />
            <AccountsPanel accounts={found.accounts.filter(({ account }) => account.includes(part))} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

const isZero = (decimal: string): boolean => /^-?0(\.0+)?$/.test(decimal);

function TrialPanel({ balance }: { readonly balance: TrialBalance }) {
  return (
    <Panel
      title="Trial balance"
      id="trial"
      aside={
        <span class="soft">
          at <Time at={balance.at} />
        </span>
      }
    >
      {balance.currencies.length === 0 ? (
        <Empty title="The books are empty">The first payment that succeeds opens them.</Empty>
      ) : (
        <Table
          caption="Debits and credits of all accounts, by currency"
          rows={balance.currencies}
          keyOf={({ currency }) => currency}
          columns={[
            { title: "Currency", show: ({ currency }) => currency },
            moneyColumn<CurrencyBalance>("Debits", ({ debits }) => debits),
            moneyColumn<CurrencyBalance>("Credits", ({ credits }) => credits),
            moneyColumn<CurrencyBalance>("Difference", ({ difference }) => difference),
            {
              title: "Verdict",
              show: ({ difference }) =>
                isZero(difference) ? (
                  <Badge tone="good" icon="done" text="In balance" />
                ) : (
                  <Badge tone="bad" icon="warning" text="Out of balance" />
                ),
            },
          ]}
        />
      )}
    </Panel>
  );
}

function AccountsPanel({ accounts }: { readonly accounts: readonly LedgerAccount[] }) {
  const shown = accounts.slice(0, MAX_SHOWN);
  return (
    <Panel title="Accounts" id="accounts" aside={<span class="soft">{accounts.length} accounts</span>}>
      {accounts.length === 0 ? (
        <Empty title="No such account">
          <a href={to("ledger")}>Show all accounts</a>
        </Empty>
      ) : (
        <Table
          caption="Ledger accounts, by currency and name"
          rows={shown}
          keyOf={({ account, currency }) => `${account} ${currency}`}
          columns={[
            {
              title: "Account",
              kind: "wide",
              show: ({ account, currency }) => <a href={withQuery(to("ledger", account), { currency })}>{account}</a>,
            },
            { title: "Kind", show: ({ kind }) => kind },
            moneyColumn<LedgerAccount>("Debits", ({ debits }) => debits),
            moneyColumn<LedgerAccount>("Credits", ({ credits }) => credits),
            moneyColumn<LedgerAccount>("Balance", ({ balance }) => balance),
          ]}
        />
      )}
      {accounts.length > shown.length && (
        <p class="soft">The first {MAX_SHOWN} are shown. Give a part of the account’s name above.</p>
      )}
    </Panel>
  );
}
