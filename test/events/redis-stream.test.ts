/** The copy of the events in a Redis Stream, on a real Redis. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
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
