import { and, desc, eq, lt } from "../drizzle.ts";
import { apiKeys } from "../schema/tenants.ts";
import type { Database } from "./database.ts";

export interface ApiKeyRow {
  readonly apiKeyId: string;
  readonly name: string;
  readonly lastFour: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export const API_KEY_COLUMNS = {
  apiKeyId: apiKeys.apiKeyId,
  name: apiKeys.name,
  lastFour: apiKeys.lastFour,
  scopes: apiKeys.scopes,
  createdAt: apiKeys.createdAt,
  revokedAt: apiKeys.revokedAt,
} as const;

export interface ApiKeyPage {
  readonly merchantId: number;
  readonly beforeId: string | null;
  readonly limit: number;
}

/** The merchant's keys, revoked ones too, newest first. */
export async function listApiKeys(
  db: Database,
  { merchantId, beforeId, limit }: ApiKeyPage,
): Promise<readonly ApiKeyRow[]> {
  return await db
    .select(API_KEY_COLUMNS)
    .from(apiKeys)
    .where(and(eq(apiKeys.merchantId, merchantId), beforeId === null ? undefined : lt(apiKeys.apiKeyId, beforeId)))
    .orderBy(desc(apiKeys.apiKeyId))
    .limit(limit);
}
