/** Listeners of the event stream: what they get, what they hold, when they end. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import { bindEventStatements, type EventStatements } from "../../src/db/event-access.ts";
import { connectDatabase, type Sql } from "../../src/db/client.ts";
import { createEventStreams, MAX_STREAMS_PER_KEY } from "../../src/events/event-streams.ts";
import { createLiveTail } from "../../src/events/live-tail.ts";
import { type EventsUnderTest, MERCHANT, publicEventId, startEventsUnderTest } from "./events-under-test.ts";
import { readFrames } from "./read-frames.ts";

let under: EventsUnderTest;
let sql: Sql;
let statements: EventStatements;
beforeAll(async () => {
  under = await startEventsUnderTest();
  sql = connectDatabase(under.database.appUrl, { name: "streams", max: 4, statementTimeoutMs: 10_000 });
  statements = bindEventStatements(sql);
});
afterEach(() => under.reset());
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await under[Symbol.asyncDispose]();
});

interface Options {
  readonly everyFactor?: number;
  readonly mayGoOn?: () => Promise<boolean>;
}

function openStreams({ everyFactor = 5, mayGoOn = async () => true }: Options = {}) {
  let questions = 0;
  const ports: Ports = {
    ...systemPorts,
    timers: { ...systemPorts.timers, every: (ms, callback) => systemPorts.timers.every(ms / everyFactor, callback) },
  };
  const counted: EventStatements = {
    ...statements,
    readNextEvents(places, limit) {
      questions += 1;
      return statements.readNextEvents(places, limit);
    },
  };
  const tail = createLiveTail({ statements: counted, ports, log: { warn: () => {} } });
  const streams = createEventStreams({ tail, statements: counted, ports });
  return {
    streams,
    tail,
    questions: () => questions,
    open: (lastEventId: string | null = null, apiKeyId = "key") =>
      streams.open({ merchantId: MERCHANT, apiKeyId, lastEventId, mayGoOn }),
    [Symbol.dispose]() {
      streams.stop();
      tail.stop();
    },
  };
}

async function addRelayed(count: number): Promise<readonly string[]> {
  const before = (await under.positions()).length;
  await under.addEvents(count);
  while ((await statements.relayEvents(500)).events > 0);
  return (await under.positions()).slice(before).map(({ id }) => publicEventId(id));
}

test("a listener gets what is new, and one that comes back with the last id what it missed, then what is new", async () => {
  using service = openStreams();
  await addRelayed(3);
  const first = readFrames(await service.open());
  const early = await addRelayed(2);
  expect(await first.ids(2)).toEqual(early);
  await first.cancel();
  const missed = await addRelayed(250);
  const second = readFrames(await service.open(early[1]));
  expect(await second.ids(250)).toEqual(missed);
  const late = await addRelayed(5);
  expect(await second.ids(5)).toEqual(late);
  await second.cancel();
  expect(service.streams.count()).toBe(0);
});

test("fifty listeners ask the database one question together", async () => {
  // It polls never: whoever asks was woken here.
  using service = openStreams({ everyFactor: 0.000_1 });
  const readers = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => readFrames(await service.open(null, `key ${n}`))),
  );
  const askedForOneEvent = async (): Promise<number> => {
    const before = service.questions();
    const ids = await addRelayed(1);
    service.tail.wake();
    for (const reader of readers) expect(await reader.ids(1)).toEqual(ids);
    return service.questions() - before;
  };
  // At first each looks for what it missed.
  await expect.poll(askedForOneEvent, { timeout: 10_000, interval: 20 }).toBe(1);
});

test("a slow listener holds little, and gets everything in order when it reads on", async () => {
  using service = openStreams();
  const reader = readFrames(await service.open());
  await reader.comment();
  const first = await addRelayed(1);
  expect(await reader.ids(1)).toEqual(first);
  // Far more than is buffered for it, while it reads nothing.
  const rest = await addRelayed(3_000);
  expect(await reader.ids(3_000)).toEqual(rest);
  await reader.cancel();
});

test("a key has a limit of streams, and a stream that ended makes room", async () => {
  using service = openStreams();
  const readers = [];
  for (let n = 0; n < MAX_STREAMS_PER_KEY; n += 1) readers.push(readFrames(await service.open()));
  await expect(service.open()).rejects.toMatchObject({ code: "rate-limited" });
  const other = readFrames(await service.open(null, "another key"));
  await readers[0]?.cancel();
  const again = readFrames(await service.open());
  service.streams.endOf("key");
  await again.end();
  expect(service.streams.count()).toBe(1);
  await other.cancel();
});

test("an id of nobody's, or of another merchant's, is refused", async () => {
  using service = openStreams();
  const [id = ""] = await addRelayed(1);
  await expect(service.open("evt_unknown")).rejects.toMatchObject({ code: "invalid-cursor" });
  await under.sql`UPDATE events SET merchant_id = 2`;
  await expect(service.open(id)).rejects.toMatchObject({ code: "invalid-cursor" });
});

test("a listener does not begin at a position that a failover may give out again: one that can't be confirmed", async () => {
  using service = openStreams();
  await addRelayed(1);
  const [confirm] = await under.sql<{ name: string }[]>`
    SELECT oid::regprocedure::text AS name FROM pg_proc WHERE proname = 'pg_logical_emit_message' AND 'text'::regtype = ANY (proargtypes[2:2])`;
  await under.sql.unsafe(`REVOKE EXECUTE ON FUNCTION ${confirm?.name} FROM PUBLIC`);
  try {
    await expect(service.open()).rejects.toThrow(/permission denied/);
    expect(service.streams.count()).toBe(0);
  } finally {
    await under.sql.unsafe(`GRANT EXECUTE ON FUNCTION ${confirm?.name} TO PUBLIC`);
  }
  const reader = readFrames(await service.open());
  const late = await addRelayed(1);
  expect(await reader.ids(1)).toEqual(late);
  await reader.cancel();
});

test("a silent stream says now and then that it is there, and ends when its key may no longer read", async () => {
  let isGood = true;
  using service = openStreams({ everyFactor: 500, mayGoOn: async () => isGood });
  const reader = readFrames(await service.open());
  for (let beat = 0; beat < 3; beat += 1) await reader.comment();
  isGood = false;
  await reader.end();
  expect(service.streams.count()).toBe(0);
});

test("all streams end at a stop, and no new one begins", async () => {
  using service = openStreams();
  const readers = [readFrames(await service.open()), readFrames(await service.open(null, "other"))];
  service.streams.stop();
  for (const reader of readers) await reader.end();
  await expect(service.open()).rejects.toMatchObject({ code: "temporarily-unavailable" });
});
