import { and, eq, isNull } from "../drizzle.ts";
import { apiKeys, merchants } from "../schema/tenants.ts";
import type { Database } from "./database.ts";

export interface ApiKeyOwner {
  readonly apiKeyId: string;
  readonly merchantId: number;
  readonly mode: "test" | "live";
  readonly scopes: readonly string[];
}

/** The key with that SHA-256 unless it is revoked. The one query without a merchant: it finds out who asks. */
export async function findApiKey(db: Database, secretHash: Uint8Array): Promise<ApiKeyOwner | null> {
  const rows = await db
    .select({
      apiKeyId: apiKeys.apiKeyId,
      merchantId: apiKeys.merchantId,
      mode: merchants.mode,
      scopes: apiKeys.scopes,
    })
    .from(apiKeys)
    .innerJoin(merchants, eq(merchants.merchantId, apiKeys.merchantId))
    .where(and(eq(apiKeys.secretHash, secretHash), isNull(apiKeys.revokedAt)))
    .limit(1);
  return rows[0] ?? null;
}
