/** Merchants and their first keys: made by the operator, not over HTTP. */
import { createHash } from "node:crypto";
import { newUuid } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import { SCOPES } from "../core/scopes.ts";
import type { Sql } from "./client.ts";

export type MerchantMode = "test" | "live";

const SECRET_BYTES = 32;
/** As PostgreSQL writes an array; none of them needs quoting. */
const ALL_SCOPES = `{${SCOPES.join(",")}}`;

export function makeSecret(mode: MerchantMode, ports: Ports): string {
  return `sk_${mode}_${Buffer.from(ports.random.bytes(SECRET_BYTES)).toString("base64url")}`;
}

export function modeOf(secret: string): MerchantMode {
  return secret.startsWith("sk_live_") ? "live" : "test";
}

async function insertKey(
  sql: Sql,
  ports: Ports,
  key: { merchantId: number; name: string; secret: string },
): Promise<void> {
  const secretHash = createHash("sha256").update(key.secret).digest();
  await sql`
    INSERT INTO api_keys (api_key_id, merchant_id, name, secret_hash, last_four, scopes)
    VALUES (${newUuid(ports)}, ${key.merchantId}, ${key.name}, ${secretHash}, ${key.secret.slice(-4)}, ${ALL_SCOPES})
    ON CONFLICT (secret_hash) DO NOTHING`;
}

/** A new merchant with a key that may do everything. The secret is returned and stored nowhere. */
export async function createMerchant(
  sql: Sql,
  ports: Ports,
  merchant: { name: string; mode: MerchantMode },
): Promise<{ merchantId: number; secret: string }> {
  const secret = makeSecret(merchant.mode, ports);
  const [row] = await sql<{ merchant_id: number }[]>`
    INSERT INTO merchants (name, mode) VALUES (${merchant.name}, ${merchant.mode}) RETURNING merchant_id`;
  if (row === undefined) throw new Error("the merchant was not stored");
  await insertKey(sql, ports, { merchantId: row.merchant_id, name: "first key", secret });
  return { merchantId: row.merchant_id, secret };
}

/** Makes sure that the bootstrap key signs in: for the oldest merchant of its mode, or for a new one. Safe to repeat. */
export async function ensureBootstrapKey(sql: Sql, ports: Ports, secret: string): Promise<number> {
  const mode = modeOf(secret);
  return sql.begin(async (transaction) => {
    await transaction`LOCK TABLE merchants IN SHARE ROW EXCLUSIVE MODE`;
    const [found] = await transaction<{ merchant_id: number }[]>`
      SELECT merchant_id FROM merchants WHERE mode = ${mode} ORDER BY merchant_id LIMIT 1`;
    const [made] =
      found === undefined
        ? await transaction<{ merchant_id: number }[]>`
            INSERT INTO merchants (name, mode) VALUES ('First merchant', ${mode}) RETURNING merchant_id`
        : [found];
    if (made === undefined) throw new Error("the first merchant was not stored");
    const secretHash = createHash("sha256").update(secret).digest();
    await transaction`
      INSERT INTO api_keys (api_key_id, merchant_id, name, secret_hash, last_four, scopes)
      VALUES (${newUuid(ports)}, ${made.merchant_id}, 'bootstrap key', ${secretHash}, ${secret.slice(-4)}, ${ALL_SCOPES})
      ON CONFLICT (secret_hash) DO NOTHING`;
    return made.merchant_id;
  });
}
