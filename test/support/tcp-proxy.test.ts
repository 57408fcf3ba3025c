import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { createTcpProxy } from "../../scripts/support/tcp-proxy.ts";

let database: TestDatabase;
let direct: postgres.Sql;

beforeAll(async () => {
  database = await createTestDatabase();
  direct = postgres(database.ownerUrl, { max: 2, onnotice: () => {} });
  await direct`CREATE TABLE marks (name text PRIMARY KEY)`;
});

afterAll(async () => {
  await direct.end();
  await database.drop();
});

async function hasMark(name: string): Promise<boolean> {
  const rows = await direct`SELECT 1 FROM marks WHERE name = ${name}`;
  return rows.length > 0;
}

const connectTo = (url: string): postgres.Sql => postgres(url, { max: 1, idle_timeout: 1, onnotice: () => {} });

test("queries pass unchanged and prepared statements are recognised when they run again", async () => {
  await using proxy = await createTcpProxy(database.ownerUrl);
  const seen: string[] = [];
  proxy.onClientMessage = ({ type, sql }) => {
    if (sql?.includes("::int + 1")) seen.push(type);
    return "pass";
  };
  const sql = connectTo(proxy.through(database.ownerUrl));
  const [first] = await sql`SELECT ${1}::int + 1 AS sum`;
  seen.length = 0;
  const [second] = await sql`SELECT ${2}::int + 1 AS sum`;
  await sql.end();
  expect([first, second]).toEqual([{ sum: 2 }, { sum: 3 }]);
  expect(seen).toEqual(["B", "E"]);
});

test("a cut before the statement reaches the server leaves nothing behind", async () => {
  await using proxy = await createTcpProxy(database.ownerUrl);
  const sql = connectTo(proxy.through(database.ownerUrl));
  await sql`SELECT 1`;
  proxy.onClientMessage = ({ sql: statement }) => (statement?.startsWith("INSERT") ? "cut" : "pass");
  const refused = await sql`INSERT INTO marks VALUES ('before')`.catch((error: unknown) => error);
  await sql.end({ timeout: 1 });
  expect(refused).toBeInstanceOf(Error);
  expect(await hasMark("before")).toBe(false);
});

test("a cut after the server answered leaves a commit that the client never heard of", async () => {
  await using proxy = await createTcpProxy(database.ownerUrl);
  const sql = connectTo(proxy.through(database.ownerUrl));
  await sql`SELECT 1`;
  proxy.onServerMessage = ({ commandTag }) => (commandTag === "INSERT 0 1" ? "cut" : "pass");
  const lost = await sql`INSERT INTO marks VALUES ('after')`.catch((error: unknown) => error);
  await sql.end({ timeout: 1 });
  expect(lost).toBeInstanceOf(Error);
  // The INSERT commits at the Sync that follows it, a moment behind its command tag.
  await expect.poll(() => hasMark("after")).toBe(true);
});

test("a cut while the server waits for a lock lets the old backend commit later", async () => {
  await using proxy = await createTcpProxy(database.ownerUrl);
  const sql = connectTo(proxy.through(database.ownerUrl));
  await direct`INSERT INTO marks VALUES ('locked')`;
  let waiting: Promise<unknown> = Promise.resolve();
  await direct.begin(async (holder) => {
    await holder`SELECT 1 FROM marks WHERE name = 'locked' FOR UPDATE`;
    waiting = sql`UPDATE marks SET name = 'unlocked' WHERE name = 'locked'`.catch((error: unknown) => error);
    await expect
      .poll(async () => (await direct`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`).length)
      .toBe(1);
    proxy.cut();
    expect(await waiting).toBeInstanceOf(Error);
    expect(await hasMark("unlocked")).toBe(false);
  });
  await sql.end({ timeout: 1 });
  await expect.poll(() => hasMark("unlocked")).toBe(true);
});

test("a paused proxy answers nothing and loses nothing", async () => {
  await using proxy = await createTcpProxy(database.ownerUrl);
  const sql = connectTo(proxy.through(database.ownerUrl));
  await sql`SELECT 1`;
  proxy.pause();
  let isAnswered = false;
  const insert = sql`INSERT INTO marks VALUES ('paused')`.then(() => {
    isAnswered = true;
  });
  await direct`SELECT pg_sleep(0.05)`;
  expect([isAnswered, await hasMark("paused")]).toEqual([false, false]);
  proxy.resume();
  await insert;
  await sql.end();
  expect(await hasMark("paused")).toBe(true);
});

test("a hook that waits holds one message until it is let go", async () => {
  await using proxy = await createTcpProxy(database.ownerUrl);
  const sql = connectTo(proxy.through(database.ownerUrl));
  await sql`SELECT 1`;
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<"pass">();
  proxy.onServerMessage = ({ commandTag }) => {
    if (commandTag !== "INSERT 0 1") return "pass";
    held.resolve();
    return release.promise;
  };
  const insert = sql`INSERT INTO marks VALUES ('held')`;
  const answer = insert.then(() => "answered");
  await held.promise;
  await expect.poll(() => hasMark("held")).toBe(true);
  release.resolve("pass");
  expect(await answer).toBe("answered");
  await sql.end();
});

test("a connection that is opened after a new target was named goes there, and hooks tell connections apart", async () => {
  await using proxy = await createTcpProxy({ host: "127.0.0.1", port: 1 });
  const refused = connectTo(proxy.through(database.ownerUrl));
  await expect(refused`SELECT 1`).rejects.toThrow();
  await refused.end({ timeout: 1 });
  proxy.retarget(database.ownerUrl);
  const seen = new Map<object, number>();
  proxy.onServerMessage = ({ commandTag }, connection) => {
    if (commandTag === "SELECT 1") seen.set(connection, (seen.get(connection) ?? 0) + 1);
    return "pass";
  };
  const [one, other] = [connectTo(proxy.through(database.ownerUrl)), connectTo(proxy.through(database.ownerUrl))];
  await Promise.all([one`SELECT 1`.simple(), other`SELECT 1`.simple()]);
  await one`SELECT 1`.simple();
  await Promise.all([one.end(), other.end()]);
  expect([...seen.values()].toSorted()).toEqual([1, 2]);
});
