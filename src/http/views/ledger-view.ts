/** Accounts and lines of the books in major units. */
import { formatAmount } from "../../core/money.ts";
import type { AccountLineRow } from "../../db/queries/list-account-lines.ts";
import type { AccountRow } from "../../db/queries/list-accounts.ts";

export function showAccount(row: AccountRow) {
  const isDebitKind = row.kind === "asset" || row.kind === "expense";
  const balance = isDebitKind ? row.debits - row.credits : row.credits - row.debits;
  return {
    account: row.account,
    currency: row.currency,
    kind: row.kind,
    debits: formatAmount(row.debits, row.currency),
    credits: formatAmount(row.credits, row.currency),
    balance: formatAmount(balance, row.currency),
  };
}

export function showLine(account: string, row: AccountLineRow) {
  return {
    at: row.at,
    account,
    other_account: row.otherAccount,
    side: row.side,
    amount: formatAmount(row.amount, row.currency),
    currency: row.currency,
    balance: formatAmount(row.runningCredit, row.currency),
    rule: row.rule,
    payment_order_id: row.paymentOrderId,
    psp_reference: row.pspReference,
  };
}

export function showBalances(seller: string, rows: readonly AccountRow[]) {
  const currencies = [...new Set(rows.map(({ currency }) => currency))];
  const owed = (currency: string, account: string): bigint => {
    const row = rows.find((one) => one.currency === currency && one.account.endsWith(account));
    return row === undefined ? 0n : row.credits - row.debits;
  };
  return {
    seller_account: seller,
    balances: currencies.map((currency) => {
      const payable = owed(currency, ":payable");
      return {
        currency,
        payable: formatAmount(payable, currency),
        reserved: formatAmount(owed(currency, ":reserved"), currency),
        debt: formatAmount(payable < 0n ? -payable : 0n, currency),
      };
    }),
  };
}

export function showTrialBalance(at: Date, rows: readonly AccountRow[]) {
  const totals = new Map<string, { debits: bigint; credits: bigint }>();
  for (const { currency, debits, credits } of rows) {
    const total = totals.get(currency) ?? { debits: 0n, credits: 0n };
    totals.set(currency, { debits: total.debits + debits, credits: total.credits + credits });
  }
  return {
    at: at.toISOString(),
    currencies: [...totals].map(([currency, { debits, credits }]) => ({
      currency,
      debits: formatAmount(debits, currency),
      credits: formatAmount(credits, currency),
      difference: formatAmount(debits - credits, currency),
    })),
    accounts: rows.map(showAccount),
  };
}
