/** Events get the order in which everybody reads them, after their commit. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { bindEventStatements, type EventStatements } from "../../src/db/event-access.ts";
import { connectDatabase, type Sql } from "../../src/db/client.ts";
import { createRelay } from "../../src/events/relay.ts";
import { type EventsUnderTest, MERCHANT, startEventsUnderTest } from "./events-under-test.ts";

let under: EventsUnderTest;
let clients: Sql[] = [];
let nodes: EventStatements[] = [];
beforeAll(async () => {
  under = await startEventsUnderTest();
  clients = [1, 2, 3].map((n) =>
    connectDatabase(under.database.appUrl, { name: `relay ${n}`, max: 2, statementTimeoutMs: 10_000 }),
  );
  nodes = clients.map(bindEventStatements);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end({ timeout: 1 })));
  await under[Symbol.asyncDispose]();
});

const node = (index: number): EventStatements => {
  const found = nodes[index];
  if (found === undefined) throw new Error("no such node");
  return found;
};

async function relayAll(statements: EventStatements): Promise<void> {
  while ((await statements.relayEvents(500)).events > 0);
}

const insertOne = (sql: postgres.Sql | postgres.TransactionSql, id: string, at = new Date()): Promise<unknown> =>
  sql`INSERT INTO events (merchant_id, id, type, subject_id, order_version, data, created_at)
    VALUES (${MERCHANT}, ${id}, 'payment_order.created', ${newUuid(systemPorts)}, 1, '{}', ${at})`;

test("a reader never passes an event that becomes visible later: an old transaction's comes behind what was read", async () => {
  const old = postgres(under.database.ownerUrl, { max: 1, onnotice: () => {} });
  const late = newUuid(systemPorts);
  let commit = (): void => {};
  const mayCommit = new Promise<void>((resolve) => (commit = resolve));
  let isWritten = (): void => {};
  const written = new Promise<void>((resolve) => (isWritten = resolve));
  const transaction = old.begin(async (sql) => {
    await insertOne(sql, late, new Date(Date.now() - 60_000));
    isWritten();
    await mayCommit;
  });
  await written;

  await under.addEvents(20);
  await relayAll(node(0));
  const seen = await node(1).readAllEvents(0, 1_000);
  expect(seen).toHaveLength(20);
  const cursor = seen.at(-1)?.position ?? 0;

  commit();
  await transaction;
  await old.end();
  expect(await node(1).readAllEvents(cursor, 1_000)).toEqual([]);
  await relayAll(node(0));
  expect((await node(1).readAllEvents(cursor, 1_000)).map(({ id }) => id)).toEqual([late]);
});

test("while one relay has the counter another does nothing, and what it leaves is relayed next", async () => {
  const holder = postgres(under.database.ownerUrl, { max: 1, onnotice: () => {} });
  await under.addEvents(3);
  await holder.begin(async (sql) => {
    const [mine] = await sql<{ relayed: number }[]>`SELECT * FROM relay_events(2)`;
    expect(mine?.relayed).toBe(2);
    expect(await node(1).relayEvents(500)).toEqual({ events: 0, deliveries: 0 });
  });
  await holder.end();
  expect((await node(1).relayEvents(500)).events).toBe(1);
});

test("relays in parallel, beside writers that commit in any order: a reader that follows gets every event once and in order", async () => {
  const [before] = await under.sql<{ last: number }[]>`SELECT last::float8 AS last FROM event_positions`;
  let cursor = before?.last ?? 0;
  const ids: string[] = [];
  let isWriting = true;
  const writer = postgres(under.database.ownerUrl, { max: 6, onnotice: () => {} });
  const writing = Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      writer.begin(async (sql) => {
        for (let event = 0; event < 5; event += 1) {
          const id = newUuid(systemPorts);
          ids.push(id);
          await insertOne(sql, id);
        }
        // Commits overtake each other.
        await sql`SELECT pg_sleep(${(n % 7) / 200})`;
      }),
    ),
  ).finally(() => (isWriting = false));
  const relaying = nodes.map(async (statements) => {
    while (isWriting) await statements.relayEvents(7);
    await relayAll(statements);
  });
  const read: string[] = [];
  const follow = async (): Promise<void> => {
    for (const { id, position } of await node(2).readAllEvents(cursor, 50)) {
      expect(position).toBe(cursor + 1);
      cursor = position;
      read.push(id);
    }
  };
  while (isWriting) await follow();
  await Promise.all([writing, ...relaying]);
  await writer.end();
  await relayAll(node(0));
  while (read.length < ids.length) await follow();
  await follow();
  expect(read.toSorted()).toEqual(ids.toSorted());
});

test("versions of one order keep their order though the clocks of the nodes differ", async () => {
  const subject = newUuid(systemPorts);
  const nowMs = Date.now();
  for (const version of [3, 1, 2]) {
    // The node of version 2 is a minute behind.
    const at = new Date(nowMs - (version === 2 ? 60_000 : 0));
    await under.sql`INSERT INTO events (merchant_id, id, type, subject_id, order_version, data, created_at)
      VALUES (${MERCHANT}, ${newUuid(systemPorts)}, 'payment_order.pending', ${subject}, ${version}, '{}', ${at})`;
  }
  await relayAll(node(0));
  const found = await under.sql<{ version: number }[]>`
    SELECT order_version AS version FROM events WHERE subject_id = ${subject} ORDER BY position`;
  expect(found.map(({ version }) => version)).toEqual([1, 2, 3]);
});

test("an event without its object waits for it, is rendered without the buyer's data, and the first rendering stays", async () => {
  const { sql } = under;
  const payment = newUuid(systemPorts);
  const done = newUuid(systemPorts);
  await sql`INSERT INTO payment_events (merchant_id, id, checkout_id, content_hash, buyer_info, metadata, order_count, open_order_count, created_at)
    VALUES (${MERCHANT}, ${payment}, 'chk_render', '', '{"email":"b@example.com"}', '{}', 1, 0, now())`;
  await sql`INSERT INTO events (merchant_id, id, type, subject_id, created_at)
    VALUES (${MERCHANT}, ${done}, 'payment_event.done', ${payment}, now())`;
  await relayAll(node(0));
  expect(await node(0).findPosition(MERCHANT, done)).toBeNull();

  let renderings = 0;
  const relays = [node(0), node(1)].map((statements) => {
    const relay = createRelay({
      statements,
      readPaymentEvent: async (_, checkoutId) => {
        renderings += 1;
        return { object: "payment_event", checkout_id: checkoutId, buyer_info: { email: "b@example.com" }, renderings };
      },
      ports: systemPorts,
      log: { warn: () => {}, info: () => {} },
      onRelayed: () => {},
    });
    relay.start();
    return relay;
  });
  await expect.poll(() => node(0).findPosition(MERCHANT, done)).not.toBeNull();
  await Promise.all(relays.map((relay) => relay.stop()));
  const [stored] = await sql<{ data: string }[]>`SELECT data::text AS data FROM events WHERE id = ${done}`;
  expect(stored?.data).toMatch(
    /^\{"object":"payment_event","checkout_id":"chk_render","buyer_info":null,"renderings":\d\}$/,
  );
  await node(0).storeRendered([{ merchantId: MERCHANT, id: done, data: '{"other":true}' }]);
  const [kept] = await sql<{ data: string }[]>`SELECT data::text AS data FROM events WHERE id = ${done}`;
  expect(kept).toEqual(stored);
});

test("a database that goes away costs the relay nothing but time, and is told once", async () => {
  let failures = 3;
  const warnings: unknown[] = [];
  const relay = createRelay({
    statements: {
      ...node(0),
      async relayEvents(limit) {
        failures -= 1;
        if (failures >= 0) throw new Error("the server is gone");
        return node(0).relayEvents(limit);
      },
    },
    readPaymentEvent: async () => null,
    ports: {
      ...systemPorts,
      timers: { ...systemPorts.timers, after: (_, callback) => systemPorts.timers.after(1, callback) },
    },
    log: { warn: (fields: unknown) => void warnings.push(fields), info: () => {} },
    onRelayed: () => {},
  });
  await under.addEvents(5);
  relay.start();
  const countOpen = async () => (await under.sql`SELECT FROM events WHERE position IS NULL AND data IS NOT NULL`).count;
  await expect.poll(countOpen).toBe(0);
  await relay.stop();
  expect(warnings).toHaveLength(1);
});
