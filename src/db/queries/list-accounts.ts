import { and, asc, eq, gt, or, sql, type SQL } from "../drizzle.ts";
import { accounts } from "../schema/ledger.ts";
import type { Database } from "./database.ts";

export interface AccountRow {
  readonly account: string;
  readonly currency: string;
  readonly kind: "asset" | "liability" | "revenue" | "expense" | "clearing";
  readonly debits: bigint;
  readonly credits: bigint;
}

export interface AccountPage {
  readonly merchantId: number;
  /** The last account of the page before; null for the first page. */
  readonly after: { readonly currency: string; readonly account: string } | null;
  /** Only these accounts, where given. */
  readonly names?: readonly string[];
  /** null for all. */
  readonly limit: number | null;
}

/** Accounts with their running sums, by currency and name. Ages mean nothing here, so the order is the alphabet's. */
export async function listAccounts(
  db: Database,
  { merchantId, after, names, limit }: AccountPage,
): Promise<readonly AccountRow[]> {
  const rows = db
    .select({
      account: accounts.account,
      currency: accounts.currency,
      kind: accounts.kind,
      debits: accounts.debits,
      credits: accounts.credits,
    })
    .from(accounts)
    .where(
      and(
        eq(accounts.merchantId, merchantId),
        names === undefined ? undefined : isOneOf(names),
        after === null ? undefined : isAfter(after),
      ),
    )
    .orderBy(asc(accounts.currency), asc(accounts.account));
  return await (limit === null ? rows : rows.limit(limit));
}

function isOneOf(names: readonly string[]): SQL {
  return sql`${accounts.account} IN (${sql.join(
    names.map((name) => sql`${name}`),
    sql`, `,
  )})`;
}

function isAfter({ currency, account }: { readonly currency: string; readonly account: string }): SQL | undefined {
  return or(gt(accounts.currency, currency), and(eq(accounts.currency, currency), gt(accounts.account, account)));
}
