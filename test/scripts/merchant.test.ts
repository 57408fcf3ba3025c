/** `npm run merchant` and `npm run migrate` on each kind of database. */
import { createHash } from "node:crypto";
import pino from "pino";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/db/embedded/embedded-postgres.ts";
import { runMigrations } from "../../src/db/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createTempFolder } from "../support/temp-folder.ts";
import { runScript } from "./run-script.ts";

let database: TestDatabase;
let sql: postgres.Sql;
const folder = createTempFolder("merchant");
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.ownerUrl, { max: 2, onnotice: () => {} });
});
afterAll(async () => {
  await sql.end();
  await database.drop();
  folder.remove();
});

const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();

test.each([
  ["test", [] as string[]],
  ["live", ["--live"]],
])("a new %s merchant gets a key that signs in, shown once and stored nowhere", async (mode, flags) => {
  const result = await runScript("merchant", ["create", "Nice", "Shop", ...flags], { DATABASE_URL: database.appUrl });
  expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`^sk_${mode}_[\\w-]{43}\\n$`)) });
  const secret = result.stdout.trim();
  expect(result.stderr).not.toContain(secret);
  const rows = await sql`
    SELECT m.name, m.mode, k.revoked_at FROM api_keys k JOIN merchants m USING (merchant_id) WHERE secret_hash = ${hashOf(secret)}`;
  expect(rows).toEqual([{ name: "Nice Shop", mode, revoked_at: null }]);

  const list = await runScript("merchant", ["list"], { DATABASE_URL: database.appUrl });
  expect(list.stdout).toContain("Nice Shop");
  expect(list.stdout + list.stderr).not.toContain("sk_");
});

test.each([
  [["create"], /Give the merchant a name/],
  [["drop", "everything"], /no such command: drop everything/],
  [["create", "x".repeat(201)], /more than 200 characters/],
])("%j is refused with what to write, without a stack", async (args, message) => {
  const before = await sql`SELECT count(*) FROM merchants`;
  const result = await runScript("merchant", args, { DATABASE_URL: database.appUrl });
  expect(result).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(message) });
  expect(result.stderr).not.toContain("    at ");
  expect(await sql`SELECT count(*) FROM merchants`).toEqual(before);
});

test("a database that can't be reached is said in one line, without its password", async () => {
  const result = await runScript("merchant", ["list"], { DATABASE_URL: "postgres://me:hidden@127.0.0.1:1/florin" });
  expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/^The database can't be reached.*\n$/) });
  expect(result.stderr).not.toContain("hidden");
});

test("a shared database is migrated, twice without harm", async () => {
  const empty = new URL(database.ownerUrl);
  empty.pathname = `/${database.name}_new`;
  await sql.unsafe(`CREATE DATABASE ${database.name}_new`);
  try {
    for (const _ of [1, 2]) {
      const result = await runScript("migrate", [], { MIGRATION_DATABASE_URL: empty.href });
      expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining("is up to date") });
    }
    const list = await runScript("merchant", ["list"], { DATABASE_URL: empty.href });
    expect(list).toMatchObject({ code: 0, stdout: expect.stringContaining("There is no merchant yet") });
  } finally {
    await sql.unsafe(`DROP DATABASE ${database.name}_new WITH (FORCE)`);
  }
});

test("a folder without a database is not filled by a mere look", async () => {
  const result = await runScript("merchant", ["list"], { DATA_DIR: `${folder.path}/typo` });
  expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("There is no Florin database in") });
});

test("on an embedded database merchants are made beside a Florin that holds the folder, and without one", async () => {
  const env = { DATA_DIR: `${folder.path}/data` };
  const log = pino({ level: "silent" });
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir: env.DATA_DIR, ports: systemPorts, log });
  const embedded = await start();
  try {
    await runMigrations(embedded.url());
    await embedded.setAppRolePassword();
    const result = await runScript("merchant", ["create", "Beside"], env);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sk_test_/) });
    const refused = await runScript("migrate", [], env);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("A Florin works on") });
  } finally {
    await embedded.stop();
  }
  expect(await runScript("merchant", ["create", "Alone"], env)).toMatchObject({ code: 0 });
  expect(await runScript("migrate", [], env)).toMatchObject({ code: 0 });
  const list = await runScript("merchant", ["list"], env);
  expect(list.stdout).toMatch(/Beside[\s\S]*Alone/);
});
