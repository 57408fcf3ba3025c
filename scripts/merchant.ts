/** `npm run merchant`: makes merchants with their first API key, and lists them. */
import { parseArgs } from "node:util";
import { readConfig } from "../src/config.ts";
import { systemPorts } from "../src/core/ports.ts";
import { connectDatabase, type Sql } from "../src/db/client.ts";
import { createMerchant } from "../src/db/merchants.ts";
import { visitStore } from "./support/open-store.ts";
import { print, renderTable, runScript, say, UserError } from "./support/terminal.ts";

const HELP = `Merchants of this Florin. Works while Florin runs, also on the embedded database.

  npm run merchant -- create NAME          a merchant for tests, and its first key sk_test_…
  npm run merchant -- create NAME --live   a merchant for real payments, and its first key sk_live_…
  npm run merchant -- list                 all merchants, without any secret

The key may do everything and is shown this once: Florin keeps only its hash. Keys with fewer rights:
POST /v1/api_keys. With npm, add --silent to get the key alone on standard output.`;

const MAX_NAME_CHARS = 200;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { live: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
  });
  const [command, ...words] = positionals;
  if (values.help === true || command === undefined) {
    print(HELP);
    return values.help === true ? 0 : 1;
  }
  if (command === "create") {
    const name = readName(words);
    return withDatabase((sql) => create(sql, name, values.live), true);
  }
  if (command === "list" && words.length === 0) return withDatabase(list, false);
  throw new UserError(`There is no such command: ${positionals.join(" ")}. See npm run merchant -- --help.`);
}

function readName(words: readonly string[]): string {
  const name = words.join(" ").trim();
  if (name === "") throw new UserError('Give the merchant a name: npm run merchant -- create "Nice Shop"');
  if (name.length > MAX_NAME_CHARS) throw new UserError(`The name has more than ${MAX_NAME_CHARS} characters.`);
  return name;
}

async function withDatabase(work: (sql: Sql) => Promise<void>, mayCreate: boolean): Promise<number> {
  const store = await visitStore(readConfig(), mayCreate);
  const sql = connectDatabase(store.url, { name: "florin merchant", max: 1, statementTimeoutMs: 10_000 });
  try {
    await work(sql);
    return 0;
  } finally {
    await sql.end({ timeout: 2 });
    await store.close();
  }
}

async function create(sql: Sql, name: string, isLive: boolean): Promise<void> {
  const { merchantId, secret } = await createMerchant(sql, systemPorts, { name, mode: isLive ? "live" : "test" });
  say(`Merchant ${merchantId} “${name}” is made. Its secret key, shown this once:`);
  print(secret);
}

async function list(sql: Sql): Promise<void> {
  const rows = await sql<
    { merchant_id: number; name: string; mode: string; created_at: Date; keys: number; orders: string }[]
  >`
    SELECT m.merchant_id, m.name, m.mode, m.created_at,
      (SELECT count(*)::int FROM api_keys k WHERE k.merchant_id = m.merchant_id AND k.revoked_at IS NULL) AS keys,
      (SELECT count(*) FROM payment_events e WHERE e.merchant_id = m.merchant_id) AS orders
    FROM merchants m ORDER BY m.merchant_id`;
  if (rows.length === 0) {
    print('There is no merchant yet: npm run merchant -- create "Nice Shop"');
    return;
  }
  const cells = rows.map((row) => [
    row.merchant_id,
    row.name,
    row.mode,
    row.keys,
    Number(row.orders),
    row.created_at.toISOString(),
  ]);
  print(renderTable(["id", "name", "mode", "keys", "checkouts", "created"], cells));
}

await runScript(main);
