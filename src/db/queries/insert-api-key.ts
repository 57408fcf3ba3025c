import { apiKeys } from "../schema/tenants.ts";
import type { Database } from "./database.ts";
import { API_KEY_COLUMNS, type ApiKeyRow } from "./list-api-keys.ts";

export interface NewApiKey {
  readonly apiKeyId: string;
  readonly merchantId: number;
  readonly name: string;
  readonly secretHash: Uint8Array;
  readonly lastFour: string;
  readonly scopes: readonly string[];
}

export async function insertApiKey(db: Database, { scopes, ...key }: NewApiKey): Promise<ApiKeyRow> {
  const [row] = await db
    .insert(apiKeys)
    .values({ ...key, scopes: [...scopes] })
    .returning(API_KEY_COLUMNS);
  if (row === undefined) throw new Error("the new API key was not returned");
  return row;
}
