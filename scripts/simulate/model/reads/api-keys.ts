/** API keys, the one thing that the HTTP front writes by itself. */
import type { ApiKeyRow } from "../../../../src/db/queries/list-api-keys.ts";
import type { Reads } from "../../../../src/db/reads.ts";
import type { Synchronous } from "../../model-contract.ts";
import { textArgument, uuidArgument } from "../casts.ts";
import { foreignKeyViolation, uniqueViolation } from "../errors.ts";
import { compareText } from "../order.ts";
import type { ApiKey } from "../rows.ts";
import type { Store } from "../store.ts";
import { limitOf } from "../statements/actors.ts";

type ApiKeyReads = Pick<Synchronous<Reads>, "findApiKey" | "insertApiKey" | "listApiKeys" | "revokeApiKey">;

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const toRow = ({ apiKeyId, name, lastFour, scopes, createdAtMs, revokedAtMs }: ApiKey): ApiKeyRow => ({
  apiKeyId,
  name,
  lastFour,
  scopes: [...scopes],
  createdAt: new Date(createdAtMs),
  revokedAt: revokedAtMs === null ? null : new Date(revokedAtMs),
});

export function createApiKeyReads(store: Store): ApiKeyReads {
  /** One lookup a request: by the hash of the key. */
  const byHash = new Map<string, ApiKey>();
  return {
    findApiKey(secretHash) {
      const key = byHash.get(toHex(secretHash));
      const merchant = key === undefined ? undefined : store.merchants.get(key.merchantId);
      if (key === undefined || merchant === undefined || key.revokedAtMs !== null) return null;
      return { apiKeyId: key.apiKeyId, merchantId: key.merchantId, mode: merchant.mode, scopes: [...key.scopes] };
    },
    insertApiKey({ apiKeyId, merchantId, name, secretHash, lastFour, scopes }) {
      const table = "api_keys";
      const key: ApiKey = {
        apiKeyId: uuidArgument(apiKeyId),
        merchantId,
        name: textArgument(name),
        secretHash: toHex(secretHash),
        lastFour: textArgument(lastFour),
        scopes: scopes.map(textArgument),
        createdAtMs: store.nowMs(),
        revokedAtMs: null,
      };
      if (store.apiKeys.has(key.apiKeyId)) throw uniqueViolation(table, "api_keys_pkey");
      if (byHash.has(key.secretHash)) throw uniqueViolation(table, "api_keys_secretHash_unique");
      if (!store.merchants.has(merchantId)) {
        throw foreignKeyViolation(table, "api_keys_merchant_id_merchants_merchant_id_fk");
      }
      store.apiKeys.set(key.apiKeyId, key);
      byHash.set(key.secretHash, key);
      return toRow(key);
    },
    listApiKeys({ merchantId, beforeId, limit }) {
      const before = beforeId === null ? null : uuidArgument(beforeId);
      return [...store.apiKeys.values()]
        .filter((key) => key.merchantId === merchantId && (before === null || key.apiKeyId < before))
        .sort((a, b) => compareText(b.apiKeyId, a.apiKeyId))
        .slice(0, limitOf(limit))
        .map(toRow);
    },
    revokeApiKey(merchantId, apiKeyId) {
      const key = store.apiKeys.get(uuidArgument(apiKeyId));
      if (key?.merchantId !== merchantId) return null;
      key.revokedAtMs ??= store.nowMs();
      return toRow(key);
    },
  };
}
