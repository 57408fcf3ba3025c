import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";

export interface CurrencySum {
  readonly currency: string;
  /** Debits less credits over all accounts, in minor units; zero, or the books are broken. */
  readonly difference: bigint;
}

export async function sumCurrencies(db: Database, merchantId: number): Promise<readonly CurrencySum[]> {
  const rows = await db.execute<{ currency: string; difference: string }>(sql`
    SELECT currency, sum(debits - credits)::text AS difference FROM accounts
    WHERE merchant_id = ${merchantId} GROUP BY currency ORDER BY currency`);
  return rows.map(({ currency, difference }) => ({ currency, difference: BigInt(difference) }));
}
