import { min } from "../drizzle.ts";
import { merchants } from "../schema/tenants.ts";
import type { Database } from "./database.ts";

/** The merchant that was there first: of whoever runs this Florin, since others are made by them. Null before there is any. */
export async function findFirstMerchant(db: Database): Promise<number | null> {
  const [row] = await db.select({ first: min(merchants.merchantId) }).from(merchants);
  return row?.first ?? null;
}
