import { Redis } from "ioredis";
import postgres from "postgres";
import { expect, test } from "vitest";
import { createTestDatabase } from "./database.ts";
import { createTestRedis } from "./redis.ts";

test("each test file has a PostgreSQL database of its own", async () => {
  await using first = await createTestDatabase();
  await using second = await createTestDatabase();
  const sql = postgres(first.ownerUrl, { max: 1 });
  const [row] = await sql`SELECT current_database() AS name, current_setting('fsync') AS fsync`;
  await sql.end();
  expect(row).toEqual({ name: first.name, fsync: "on" });
  expect(second.name).not.toBe(first.name);
});

test("what one test file writes to Redis is unseen by another", async () => {
  await using first = await createTestRedis();
  await using second = await createTestRedis();
  const [one, two] = [new Redis(first.url), new Redis(second.url)];
  await one.set(`${first.keyPrefix}key`, "value");
  const keys = await two.keys(`${second.keyPrefix}*`);
  one.disconnect();
  two.disconnect();
  expect(keys).toEqual([]);
});
