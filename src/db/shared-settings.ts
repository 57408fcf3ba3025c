/** Secrets and keys that all nodes share and nobody configures: made once, by whichever node is first. */
import type { Random } from "../core/ports.ts";
import type { Sql } from "./client.ts";

const KEY_BYTES = 32;

/** The value of a setting; `make` provides the first one. */
export async function readOrMakeSetting(sql: Sql, name: string, make: () => string): Promise<string> {
  await sql`INSERT INTO settings (name, value) VALUES (${name}, ${make()}) ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ value: string }[]>`SELECT value FROM settings WHERE name = ${name}`;
  if (row === undefined) throw new Error(`the setting ${name} was not stored`);
  return row.value;
}

/** The key that signs cursors and addresses of hosted pages. */
export async function readSigningKey(sql: Sql, random: Random): Promise<Uint8Array> {
  const text = await readOrMakeSetting(sql, "signing_key", () =>
    Buffer.from(random.bytes(KEY_BYTES)).toString("base64"),
  );
  return Buffer.from(text, "base64");
}

/** A webhook secret in the form of Standard Webhooks. */
export function makeWebhookSecret(random: Random): string {
  return `whsec_${Buffer.from(random.bytes(KEY_BYTES)).toString("base64")}`;
}
