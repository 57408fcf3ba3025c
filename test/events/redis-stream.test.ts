/** The copy of the events in a Redis Stream, on a real Redis. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { connectDatabase } from "../../src/db/client.ts";
import { bindEventStatements } from "../../src/db/event-access.ts";
import { createRedisStream } from "../../src/events/redis-stream.ts";
import { findFreePort } from "../support/free-port.ts";
import { createTestRedis, type TestRedis } from "../support/redis.ts";
import { type EventsUnderTest, publicEventId, startEventsUnderTest } from "./events-under-test.ts";
import { startReceiver } from "./receiver.ts";

let under: EventsUnderTest;
let testRedis: TestRedis;
let redis: Redis;
beforeEach(async () => {
  under = await startEventsUnderTest();
  testRedis = await createTestRedis();
  redis = new Redis(testRedis.url);
});
afterEach(async () => {
  redis.disconnect();
  await under[Symbol.asyncDispose]();
  await testRedis.drop();
});

const PATIENCE = { timeout: 10_000, interval: 20 };
const key = (): string => `${testRedis.keyPrefix}florin:events`;
const openWithRedis = (maxLength = 10_000) =>
  under.open({ redis: { url: testRedis.url, keyPrefix: testRedis.keyPrefix, maxLength } });

async function entries(): Promise<readonly string[]> {
  return (await redis.xrange(key(), "-", "+")).map(([id]) => id);
}
const untilLength = (length: number) => expect.poll(() => redis.xlen(key()), PATIENCE).toBe(length);
const idsUpTo = (last: number): string[] => Array.from({ length: last }, (_, index) => `${index + 1}-0`);

type Answer =
  | readonly (readonly [stream: string, entries: readonly (readonly [id: string, fields: string[]])[]])[]
  | null;

test("events come in their order, with what a consumer needs", async () => {
  openWithRedis();
  await under.addEvents(3, 2);
  await untilLength(6);
  expect(await entries()).toEqual(idsUpTo(6));
  const [first] = await redis.xrange(key(), "-", "+", "COUNT", 1);
  const [position] = await under.positions();
  expect(first?.[1].slice(0, 6)).toEqual([
    "id",
    publicEventId(position?.id ?? ""),
    "type",
    "payment_order.created",
    "merchant_id",
    "1",
  ]);
  expect(JSON.parse(first?.[1][7] ?? "")).toMatchObject({
    id: publicEventId(position?.id ?? ""),
    data: { object: { object: "payment_order", version: 1 } },
    order_version: 1,
  });
});

test("two groups each get every event, and the consumers of one group share them", async () => {
  for (const group of ["billing", "analytics"]) await redis.xgroup("CREATE", key(), group, "0", "MKSTREAM");
  openWithRedis();
  await under.addEvents(50);
  const readAs = async (group: string, consumer: string): Promise<string[]> => {
    const ids: string[] = [];
    for (;;) {
      const answer = (await redis.xreadgroup("GROUP", group, consumer, "COUNT", 7, "STREAMS", key(), ">")) as Answer;
      const found = answer?.[0]?.[1] ?? [];
      if (found.length === 0) return ids;
      for (const [id] of found) {
        ids.push(id);
        await redis.xack(key(), group, id);
      }
    }
  };
  await untilLength(50);
  const billing = (await Promise.all([readAs("billing", "a"), readAs("billing", "b")])).flat();
  const analytics = await readAs("analytics", "a");
  expect(new Set(billing)).toEqual(new Set(idsUpTo(50)));
  expect(billing).toHaveLength(50);
  expect(analytics).toEqual(idsUpTo(50));
});

test("of several nodes that fill it none doubles or skips an entry", async () => {
  for (let node = 0; node < 3; node += 1) openWithRedis();
  for (let batch = 0; batch < 10; batch += 1) {
    await under.addEvents(30);
    // Every node believes that the stream is its own.
    await under.sql`UPDATE event_streams SET holder = NULL, held_until = NULL`;
  }
  await untilLength(300);
  expect(await entries()).toEqual(idsUpTo(300));
});

test("a Redis that forgot gets again what it lacks, whether all or the end of it", async () => {
  openWithRedis();
  await under.addEvents(20);
  await untilLength(20);
  await redis.del(key());
  await untilLength(20);
  expect(await entries()).toEqual(idsUpTo(20));
  // As a replica that lagged when it was made the master.
  await redis.del(key());
  await redis.xadd(key(), "5-0", "id", "old");
  await untilLength(16);
  expect(await entries()).toEqual(idsUpTo(20).slice(4));
});

test("a Redis that forgets between the question where to go on and the answer has no gap", async () => {
  const sql = connectDatabase(under.database.appUrl, { name: "forgetful", max: 2, statementTimeoutMs: 10_000 });
  const statements = bindEventStatements(sql);
  await under.addEvents(20);
  while ((await statements.relayEvents(500)).events > 0);
  let forget: () => Promise<unknown> = async () => {};
  const stream = createRedisStream({
    url: testRedis.url,
    keyPrefix: testRedis.keyPrefix,
    maxLength: 1_000,
    statements: {
      ...statements,
      async readAllEvents(after, limit) {
        const found = await statements.readAllEvents(after, limit);
        if (found.length > 0) await forget();
        return found;
      },
    },
    node: newUuid(systemPorts),
    ports: systemPorts,
    log: pino({ level: "silent" }),
  });
  stream.start();
  const addMore = async (): Promise<void> => {
    await under.addEvents(5);
    await statements.relayEvents(500);
  };
  try {
    await untilLength(20);
    const isForgotten = Promise.withResolvers<void>();
    forget = async () => {
      forget = async () => {};
      await redis.del(key());
      isForgotten.resolve();
    };
    await addMore();
    await isForgotten.promise;
    await untilLength(25);
    expect(await entries()).toEqual(idsUpTo(25));
    // As a replica that lagged when it was made the master.
    forget = async () => {
      forget = async () => {};
      await redis.del(key());
      await redis.xadd(key(), "7-0", "id", "old");
    };
    await addMore();
    await untilLength(24);
    expect(await entries()).toEqual(idsUpTo(30).slice(6));
  } finally {
    await stream.stop();
    await sql.end({ timeout: 1 });
  }
});

test("a stream that is ahead of a database that was restored is filled anew, and the operator is told", async () => {
  const first = openWithRedis();
  await under.addEvents(20);
  await untilLength(20);
  await first.stop(0);
  await under.sql`DELETE FROM events WHERE position > 12`;
  await under.sql`UPDATE event_positions SET last = 12`;
  const told: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void told.push(line) });
  under.open({ redis: { url: testRedis.url, keyPrefix: testRedis.keyPrefix, maxLength: 10_000 }, log });
  await under.addEvents(3);
  await untilLength(15);
  expect(await entries()).toEqual(idsUpTo(15));
  const [, newest] = (await redis.xrevrange(key(), "+", "-", "COUNT", 1))[0] ?? [];
  expect(newest?.[1]).toBe(publicEventId((await under.positions()).at(-1)?.id ?? ""));
  expect(told.map((line) => JSON.parse(line))).toMatchObject([{ newest: "20-0", last: expect.any(Number) }]);
});

test("what was deleted from the stream does not come again, nor keep what is new away", async () => {
  openWithRedis();
  await under.addEvents(10);
  await untilLength(10);
  await redis.xtrim(key(), "MAXLEN", 0);
  await under.addEvents(5);
  await untilLength(5);
  expect(await entries()).toEqual(idsUpTo(15).slice(10));
});

test("it is kept at about its length", async () => {
  openWithRedis(500);
  await under.addEvents(2_000);
  await expect.poll(async () => (await entries()).at(-1), PATIENCE).toBe("2000-0");
  expect(await redis.xlen(key())).toBeLessThan(1_000);
});

test("without Redis webhooks and readers go on, and a Redis that comes later gets everything", async () => {
  const port = await findFreePort();
  await using receiver = await startReceiver();
  await under.addEndpoint(receiver.url);
  const events = under.open({ redis: { url: `redis://127.0.0.1:${port}`, maxLength: 1_000 } });
  await under.addEvents(10);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(10);
  const server: ChildProcess = spawn(
    "redis-server",
    ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"],
    { stdio: "ignore" },
  );
  const late = new Redis(port, { retryStrategy: () => 50 });
  late.on("error", () => {});
  try {
    await expect.poll(() => late.xlen("florin:events").catch(() => -1), PATIENCE).toBe(10);
  } finally {
    await events.stop(0);
    late.disconnect();
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }
});
