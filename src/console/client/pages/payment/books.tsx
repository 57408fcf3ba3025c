/** What this payment did to the books, as T-accounts: debits on the left, credits on the right. */
import type { TimelineEntry } from "../../api/types.ts";
import { to } from "../../state/router.ts";
import { toWords } from "../../ui/format.ts";
import { Panel } from "../../ui/page.tsx";
import { Empty } from "../../ui/states.tsx";
import { Money, Time } from "../../ui/values.tsx";

type Posting = Extract<TimelineEntry, { kind: "posting" }>;

interface TAccount {
  readonly name: string;
  readonly lines: readonly { readonly side: "debit" | "credit"; readonly posting: Posting }[];
}

/** Postings of one instant and rule are one journal entry. */
function toEntries(postings: readonly Posting[]): readonly (readonly Posting[])[] {
  return [...Map.groupBy(postings, ({ at, rule }) => `${at} ${rule}`).values()];
}

function toAccounts(entry: readonly Posting[]): readonly TAccount[] {
  const names = new Set([...entry.map((one) => one.debit_account), ...entry.map((one) => one.credit_account)]);
  return [...names].map((name) => ({
    name,
    lines: entry.flatMap((posting) => [
      ...(posting.debit_account === name ? [{ side: "debit" as const, posting }] : []),
      ...(posting.credit_account === name ? [{ side: "credit" as const, posting }] : []),
    ]),
  }));
}

export function BooksPanel({ timeline }: { readonly timeline: readonly TimelineEntry[] }) {
  const postings = timeline.filter((entry) => entry.kind === "posting");
  return (
    <Panel title="Books" id="books">
      {postings.length === 0 ? (
        <Empty title="Nothing is booked">Money is booked in the very commit that settles the order.</Empty>
      ) : (
        toEntries(postings).map((entry) => <Entry key={`${entry[0]?.at} ${entry[0]?.rule}`} entry={entry} />)
      )}
    </Panel>
  );
}

function Entry({ entry }: { readonly entry: readonly Posting[] }) {
  const [first] = entry;
  if (first === undefined) return null;
  return (
    <div class="entry">
      <p class="entry-head">
        <strong>{toWords(first.rule)}</strong>
        <span class="soft">
          <Time at={first.at} />
          {first.psp_reference === null ? "" : ` · ${first.psp_reference}`}
        </span>
      </p>
      <div class="t-accounts">
        {toAccounts(entry).map((account) => (
          <table key={account.name} class="t-account">
            <caption>
              <a href={to("ledger", account.name)}>{account.name}</a>
            </caption>
            <thead>
              <tr>
                <th scope="col">Debit</th>
                <th scope="col">Credit</th>
              </tr>
            </thead>
            <tbody>
              {account.lines.map(({ side, posting }, index) => (
                <tr key={index}>
                  <td>{side === "debit" && <Money amount={posting.amount} currency={posting.currency} />}</td>
                  <td>{side === "credit" && <Money amount={posting.amount} currency={posting.currency} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ))}
      </div>
    </div>
  );
}
