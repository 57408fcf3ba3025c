import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";
import type { AccountRow } from "./list-accounts.ts";

/** What the accounts stood at, at the end of that instant: proven from the postings themselves. */
export async function sumAccountsAt(db: Database, merchantId: number, at: Date): Promise<readonly AccountRow[]> {
  const rows = await db.execute<{
    account: string;
    currency: string;
    kind: AccountRow["kind"];
    debits: string;
    credits: string;
  }>(sql`
    SELECT l.account, l.currency, a.kind, sum(l.debit)::text AS debits, sum(l.credit)::text AS credits
    FROM ledger_lines l
    JOIN accounts a ON a.merchant_id = l.merchant_id AND a.currency = l.currency AND a.account = l.account
    WHERE l.merchant_id = ${merchantId} AND l.at <= ${at.toISOString()}::timestamptz
    GROUP BY l.account, l.currency, a.kind
    ORDER BY l.currency, l.account`);
  return rows.map((row) => ({ ...row, debits: BigInt(row.debits), credits: BigInt(row.credits) }));
}
