import { and, eq, sql } from "../drizzle.ts";
import { apiKeys } from "../schema/tenants.ts";
import type { Database } from "./database.ts";
import { API_KEY_COLUMNS, type ApiKeyRow } from "./list-api-keys.ts";

/** Revokes once: a second call keeps the first time. null when the merchant has no such key. */
export async function revokeApiKey(db: Database, merchantId: number, apiKeyId: string): Promise<ApiKeyRow | null> {
  const [row] = await db
    .update(apiKeys)
    .set({ revokedAt: sql`COALESCE(${apiKeys.revokedAt}, now())` })
    .where(and(eq(apiKeys.merchantId, merchantId), eq(apiKeys.apiKeyId, apiKeyId)))
    .returning(API_KEY_COLUMNS);
  return row ?? null;
}
