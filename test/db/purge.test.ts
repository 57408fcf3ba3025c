/** What is kept for a time only goes by itself, however much of it there is. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectAccess, type PostgresAccess } from "../../src/db/access.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let owner: postgres.Sql;
let access: PostgresAccess;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
  access = connectAccess(database.appUrl);
});
afterAll(async () => {
  await access.end();
  await owner.end();
  await database.drop();
});

test("keys of more than 30 days go, a statement's worth at a time, and it says whether there are more", async () => {
  await owner`
    INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject, created_at)
    SELECT 1, 'key-' || n, sha256('x'), 's', now() - CASE WHEN n <= 10001 THEN interval '31 days' ELSE interval '29 days' END
    FROM generate_series(1, 10005) n`;
  expect(await access.statements.purgeOutdated()).toEqual({ keys: 10_000, nodes: 0, isMore: true });
  expect(await access.statements.purgeOutdated()).toEqual({ keys: 1, nodes: 0, isMore: false });
  const [row] = await owner<{ count: number }[]>`SELECT count(*)::int AS count FROM idempotency_keys`;
  expect(row?.count).toBe(4);
});
