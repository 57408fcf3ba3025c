/** The books as the HTTP front reads them: accounts, their lines, and what they stood at. */
import type { AccountLinePage, AccountLineRow, LinePosition } from "../../../../src/db/queries/list-account-lines.ts";
import type { AccountRow } from "../../../../src/db/queries/list-accounts.ts";
import type { Reads } from "../../../../src/db/reads.ts";
import type { Synchronous } from "../../model-contract.ts";
import { textArgument, timestamptz, uuidArgument } from "../casts.ts";
import { compareText } from "../order.ts";
import { type Account, joinKey, keyOf, type Posting } from "../rows.ts";
import type { Store } from "../store.ts";
import { limitOf } from "../statements/actors.ts";

type LedgerReads = Pick<Synchronous<Reads>, "listAccounts" | "listAccountLines" | "sumAccountsAt">;

interface Line {
  readonly posting: Posting;
  readonly side: "debit" | "credit";
  readonly credit: bigint;
}

const byName = (one: AccountRow, other: AccountRow): number =>
  compareText(one.currency, other.currency) || compareText(one.account, other.account);

const toAccount = ({ account, currency, kind, debits, credits }: Account): AccountRow => ({
  account,
  currency,
  kind: kind as AccountRow["kind"],
  debits,
  credits,
});

type Position = Pick<Posting, "atMs" | "actorId" | "seq" | "leg">;

const byPosition = (one: Position, other: Position): number =>
  one.atMs - other.atMs || compareText(one.actorId, other.actorId) || one.seq - other.seq || one.leg - other.leg;

const toPosition = ({ at, actorId, seq, leg }: LinePosition): Position => ({
  atMs: timestamptz(at) ?? 0,
  actorId: uuidArgument(actorId),
  seq,
  leg,
});

const sideOf = (posting: Posting, account: string): Line =>
  posting.debitAccount === account
    ? { posting, side: "debit", credit: -posting.amount }
    : { posting, side: "credit", credit: posting.amount };

function listAccountLines(store: Store, page: AccountLinePage): readonly AccountLineRow[] {
  const { merchantId, before, currency } = page;
  const account = textArgument(page.account);
  const most = limitOf(page.limit);
  const limit = before === null ? null : toPosition(before);
  const totals = new Map<string, bigint>();
  const lines: Line[] = [];
  for (const row of store.accounts.values()) {
    if (row.merchantId !== merchantId || row.account !== account) continue;
    if (currency !== null && row.currency !== currency) continue;
    const start = before?.balances[row.currency];
    totals.set(row.currency, start === undefined ? row.credits - row.debits : BigInt(start));
    for (const posting of store.postingsOfAccount.get(`${merchantId}/${row.currency}/${account}`) ?? []) {
      if (limit === null || byPosition(posting, limit) < 0) lines.push(sideOf(posting, account));
    }
  }
  lines.sort((a, b) => byPosition(b.posting, a.posting));
  return lines.slice(0, most).map((line) => {
    const { posting, side, credit } = line;
    const { actorId, seq } = posting;
    const key = keyOf(merchantId, actorId);
    const entry = store.entries.get(key)?.find((other) => other.seq === seq);
    const runningCredit = totals.get(posting.currency) ?? 0n;
    totals.set(posting.currency, runningCredit - credit);
    return {
      at: new Date(posting.atMs).toISOString(),
      actorId,
      seq,
      leg: posting.leg,
      currency: posting.currency,
      side,
      amount: posting.amount,
      runningCredit,
      otherAccount: side === "debit" ? posting.creditAccount : posting.debitAccount,
      rule: entry?.rule ?? "",
      pspReference: entry?.pspReference ?? null,
      paymentOrderId: store.orders.get(key)?.paymentOrderId ?? null,
    };
  });
}

export function createLedgerReads(store: Store): LedgerReads {
  return {
    listAccounts({ merchantId, after, names, limit }) {
      const wanted = names === undefined ? null : new Set(names.map(textArgument));
      const rows = [...store.accounts.values()]
        .filter((row) => row.merchantId === merchantId && (wanted === null || wanted.has(row.account)))
        .map(toAccount)
        .sort(byName)
        .filter(
          (row) =>
            after === null ||
            compareText(row.currency, after.currency) > 0 ||
            (row.currency === after.currency && compareText(row.account, after.account) > 0),
        );
      return limit === null ? rows : rows.slice(0, limitOf(limit));
    },
    listAccountLines: (page) => listAccountLines(store, page),
    sumAccountsAt(merchantId, at) {
      const sums = new Map<string, AccountRow & { debits: bigint; credits: bigint }>();
      for (const list of store.postings.values()) {
        for (const posting of list) {
          if (posting.merchantId !== merchantId || posting.atMs > at.getTime()) continue;
          const { currency, debitAccount, creditAccount, amount } = posting;
          addTo(debitAccount, currency).debits += amount;
          addTo(creditAccount, currency).credits += amount;
        }
      }
      return [...sums.values()].sort(byName);

      function addTo(account: string, currency: string): { debits: bigint; credits: bigint } {
        const name = joinKey(currency, account);
        const known = sums.get(name);
        if (known !== undefined) return known;
        const kind = (store.accounts.get(`${merchantId}/${currency}/${account}`)?.kind ?? "") as AccountRow["kind"];
        const sum = { account, currency, kind, debits: 0n, credits: 0n };
        sums.set(name, sum);
        return sum;
      }
    },
  };
}
