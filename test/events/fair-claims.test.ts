/** Places of a node are shared between merchants: one whose endpoints hang takes only its own. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newUuid } from "../../src/core/ids.ts";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import { connectDatabase, type Sql } from "../../src/db/client.ts";
import {
  claimDeliveries,
  type ClaimedDelivery,
  type ClaimRequest,
  recordAttempts,
} from "../../src/db/statements/deliveries.ts";
import { MAX_QUICK_OF_MERCHANT } from "../../src/events/delivery-lanes.ts";
import { ATTEMPT_DEADLINE_MS } from "../../src/events/send-webhook.ts";
import { BRISK_PORTS, type EventsUnderTest, MERCHANT, startEventsUnderTest } from "./events-under-test.ts";
import { startReceiver } from "./receiver.ts";

const [OTHER, THIRD] = [2, 3] as const;
const PATIENCE = { timeout: 10_000, interval: 20 };

let under: EventsUnderTest;
let sql: Sql;
beforeAll(async () => {
  under = await startEventsUnderTest();
  sql = connectDatabase(under.database.appUrl, { name: "fair claims", max: 1, statementTimeoutMs: 10_000 });
});
afterEach(() => under.reset());
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await under[Symbol.asyncDispose]();
});

const claim = (changes: Partial<ClaimRequest>): Promise<readonly ClaimedDelivery[]> =>
  claimDeliveries(sql, {
    claim: newUuid(systemPorts),
    limit: 160,
    visibleMs: 60_000,
    defaultPlaces: 1,
    places: [],
    merchantShare: 128,
    underWay: [],
    ...changes,
  });

const countOf = (claimed: readonly ClaimedDelivery[], merchantId: number): number =>
  claimed.filter((delivery) => delivery.merchantId === merchantId).length;

/** As the relay makes them: an event's delivery to each endpoint, due since so many seconds. */
async function addDue(merchantId: number, endpoints: number, waitedSeconds: number): Promise<void> {
  await under.addEndpoints(merchantId, "http://127.0.0.1:9", endpoints);
  await under.addEvents(2, 1, merchantId);
  await under.sql`
    INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
    SELECT w.merchant_id, new_time_id(), w.id, e.id, e.type, 'due', now() - ${waitedSeconds}::float8 * interval '1 s'
    FROM webhook_endpoints w JOIN events e ON e.merchant_id = w.merchant_id WHERE w.merchant_id = ${merchantId}`;
}

test("a merchant whose endpoints all hang takes no place that another's event needs", async () => {
  await using hanging = await startReceiver(() => {});
  await using healthy = await startReceiver();
  await under.addEndpoints(MERCHANT, hanging.url, 300);
  await under.addEndpoints(OTHER, healthy.url, 3);
  // Nothing becomes slow, and nothing ends by its deadline: what hangs keeps the place that it was given.
  const frozenMs = systemPorts.clock.monotonicMs();
  const after: Ports["timers"]["after"] = (ms, callback) =>
    ms >= ATTEMPT_DEADLINE_MS ? () => {} : systemPorts.timers.after(ms, callback);
  const ports: Ports = {
    ...BRISK_PORTS,
    clock: { ...BRISK_PORTS.clock, monotonicMs: () => frozenMs },
    timers: { ...BRISK_PORTS.timers, after },
  };
  under.open({ ports, claimMs: 600_000 });
  await under.addEvents(2);
  await expect.poll(() => hanging.received.length, PATIENCE).toBeGreaterThanOrEqual(MAX_QUICK_OF_MERCHANT);
  await under.addEvents(50, 1, OTHER);
  await expect.poll(() => healthy.accepted.length, PATIENCE).toBe(150);
  expect(hanging.received).toHaveLength(MAX_QUICK_OF_MERCHANT);
});

test("of endpoints that are ready those of each merchant get their turn, however long another's have waited", async () => {
  await addDue(MERCHANT, 200, 3_600);
  await addDue(OTHER, 3, 1);
  await addDue(THIRD, 1, 0);
  const claimed = await claim({ limit: 10 });
  expect(claimed).toHaveLength(10);
  expect(countOf(claimed, OTHER)).toBe(3);
  expect(countOf(claimed, THIRD)).toBe(1);
});

test("who has attempts under way comes after who has fewer, and has no more than its share", async () => {
  await addDue(MERCHANT, 60, 3_600);
  await addDue(OTHER, 60, 0);
  const first = await claim({ limit: 10, underWay: [{ merchantId: MERCHANT, attempts: 20 }] });
  expect(countOf(first, OTHER)).toBe(10);
  const places = first.map(({ endpointId }) => ({ endpointId, free: 0 }));
  const underWay = [MERCHANT, OTHER].map((merchantId) => ({ merchantId, attempts: 20 }));
  const second = await claim({ places, underWay, merchantShare: 25 });
  expect([countOf(second, MERCHANT), countOf(second, OTHER)]).toEqual([5, 5]);
});

test("a merchant that is alone gets its whole share, divided between its endpoints by their places", async () => {
  await addDue(MERCHANT, 4, 1);
  const rows = await under.sql<{ id: string }[]>`SELECT id FROM webhook_endpoints ORDER BY id`;
  const places = rows.map(({ id }, index) => ({ endpointId: id, free: index === 0 ? 0 : 32 }));
  const claimed = await claim({ places });
  expect(claimed).toHaveLength(6);
  expect(claimed.some(({ endpointId }) => endpointId === rows[0]?.id)).toBe(false);
});

test("claims and their results stay cheap while the planner takes the tables for empty", async () => {
  const endpoints = 1_000;
  await under.unseenByPlanner(async (writer) => {
    await writer`
      INSERT INTO webhook_endpoints (merchant_id, id, url, events)
      SELECT 1 + n % 2, gen_random_uuid(), 'http://127.0.0.1:9', '{*}' FROM generate_series(1, ${endpoints}::int) AS n`;
    await writer`
      INSERT INTO events (merchant_id, id, type, subject_id, order_version, data, created_at, position)
      SELECT 1 + n % 2, new_time_id(), 'payment_order.created', gen_random_uuid(), 1, '{}', now(), n FROM generate_series(1, 20000) AS n`;
    await writer`
      INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
      SELECT e.merchant_id, new_time_id(), w.id, e.id, e.type, 'due', now()
      FROM (SELECT *, row_number() OVER (PARTITION BY merchant_id) AS n FROM events) e
      JOIN (SELECT *, row_number() OVER (PARTITION BY merchant_id) AS n FROM webhook_endpoints) w
        ON w.merchant_id = e.merchant_id AND w.n = 1 + e.n % ${endpoints / 2}::int`;
  });
  const places = await under.sql<{ endpointId: string; free: number }[]>`
    SELECT id AS "endpointId", 2 AS free FROM webhook_endpoints`;
  // A table read for each row takes longer than a statement may.
  const claimed: ClaimedDelivery[] = [];
  for (let round = 0; round < 20; round += 1) claimed.push(...(await claim({ places })));
  expect(claimed).toHaveLength(3_200);
  const result = { outcome: "delivered", nextInMs: 0, status: 200, latencyMs: 1, error: null, excerpt: null } as const;
  const results = claimed.map(({ merchantId, id, claim: claimId, attempt }) => ({
    merchantId,
    id,
    claim: claimId,
    attempt,
    ...result,
  }));
  await recordAttempts(sql, newUuid(systemPorts), results);
  const [row] = await under.sql<{ delivered: number }[]>`
    SELECT count(*)::int AS delivered FROM deliveries WHERE status = 'delivered' AND claim IS NULL`;
  expect(row?.delivered).toBe(3_200);
});
