/** Webhooks to real servers: signed, repeated on their schedule, given up, sent again. */
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import { ATTEMPT_DELAYS_MS, nextAttemptInMs } from "../../src/events/attempt-schedule.ts";
import { ATTEMPT_DEADLINE_MS } from "../../src/events/send-webhook.ts";
import { toWebhookSecret } from "../../src/events/signing.ts";
import { MAX_REDELIVERED, type RedeliveryRequest } from "../../src/events/webhook-endpoints.ts";
import { BRISK_PORTS, type EventsUnderTest, MERCHANT, SIGNING_KEY, startEventsUnderTest } from "./events-under-test.ts";
import { answering, type Received, startReceiver } from "./receiver.ts";

let under: EventsUnderTest;
beforeAll(async () => {
  under = await startEventsUnderTest();
});
afterEach(() => under.reset());
afterAll(() => under[Symbol.asyncDispose]());

const PATIENCE = { timeout: 10_000, interval: 20 };

function verify(secret: string, { body, headers }: Received): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}

interface DeliveryState {
  readonly status: string;
  readonly attempts: number;
  readonly failures: number;
  readonly inMs: number;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
}

async function readDelivery(): Promise<DeliveryState | undefined> {
  const [row] = await under.sql<DeliveryState[]>`
    SELECT status, attempts, failures, (extract(epoch FROM next_attempt_at - now()) * 1000)::float8 AS "inMs",
      last_status AS "lastStatus", last_error AS "lastError" FROM deliveries WHERE claim IS NULL ORDER BY id LIMIT 1`;
  return row;
}

const rangeOf = (status: RedeliveryRequest["status"], part: Partial<RedeliveryRequest> = {}): RedeliveryRequest => ({
  from: null,
  to: null,
  afterId: null,
  status,
  ...part,
});

const becomeDue = (): Promise<unknown> => under.sql`UPDATE deliveries SET next_attempt_at = now() WHERE status = 'due'`;

test("an event is delivered once, signed as Standard Webhooks says, and its attempt is kept", async () => {
  await using receiver = await startReceiver();
  const { secret } = await under.addEndpoint(`${receiver.url}/hook`);
  under.open();
  await under.addEvents(3, 2);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(6);
  expect(receiver.accepted).toHaveLength(6);
  for (const received of receiver.accepted) {
    const event = verify(secret, received) as { id: string };
    expect(received.headers["webhook-id"]).toBe(event.id);
    expect(received.headers["content-type"]).toBe("application/json");
  }
  const history = await under.sql`SELECT attempt, status, error, excerpt FROM delivery_attempts`;
  expect(history).toHaveLength(6);
  expect(history[0]).toEqual({ attempt: 1, status: 200, error: null, excerpt: "thanks" });
});

test("only the types that an endpoint asked for go there, and none of another merchant", async () => {
  await using receiver = await startReceiver();
  await under.addEndpoint(`${receiver.url}/created`, ["payment_order.created"]);
  await under.addEndpoint(`${receiver.url}/orders`, ["payment_order.*"]);
  await under.addEndpoint(`${receiver.url}/done`, ["payment_event.*"]);
  const foreign = await under.addEndpoint(`${receiver.url}/foreign`);
  await under.sql`UPDATE webhook_endpoints SET merchant_id = 2 WHERE id = ${foreign.id}`;
  under.open();
  await under.addEvents(2, 3);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(2 + 6);
  const byPath = Map.groupBy(receiver.accepted, ({ path }) => path);
  expect(byPath.get("/created")).toHaveLength(2);
  expect(byPath.get("/orders")).toHaveLength(6);
  expect([...byPath.keys()].toSorted()).toEqual(["/created", "/orders"]);
});

test("every attempt at an event has the same bytes and the same webhook-id", async () => {
  await using receiver = await startReceiver(answering(500, "down"));
  const { secret } = await under.addEndpoint(receiver.url);
  under.open();
  await under.addEvents(1);
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await expect.poll(async () => (await readDelivery())?.failures, PATIENCE).toBe(attempt);
    if (attempt === 3) receiver.answer = answering(200);
    await becomeDue();
    if (attempt === 3) break;
  }
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
  expect(receiver.received).toHaveLength(4);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  for (const received of receiver.received) verify(secret, received);
});

test("failed attempts follow the schedule of Standard Webhooks, and the last one parks the delivery", async () => {
  await using receiver = await startReceiver(answering(503));
  await under.addEndpoint(receiver.url);
  under.open();
  await under.addEvents(1);
  for (let failures = 1; failures < ATTEMPT_DELAYS_MS.length; failures += 1) {
    await expect.poll(async () => (await readDelivery())?.failures, PATIENCE).toBe(failures);
    const delivery = await readDelivery();
    const delayMs = ATTEMPT_DELAYS_MS[failures] ?? 0;
    expect(delivery?.status).toBe("due");
    expect(delivery?.inMs).toBeGreaterThan(delayMs - 2_000);
    expect(delivery?.inMs).toBeLessThan(delayMs * 1.2 + 1);
    await becomeDue();
  }
  await expect.poll(() => under.count("parked"), PATIENCE).toBe(1);
  expect(await readDelivery()).toMatchObject({ attempts: 10, failures: 10, lastStatus: 503, lastError: "http_503" });
  expect(receiver.received).toHaveLength(10);
});

describe("the schedule", () => {
  test("spreads what failed together, and never runs ahead of what the endpoint asked for", () => {
    expect(nextAttemptInMs({ failures: 1, retryAfterMs: null, chance: 0 })).toBe(5_000);
    expect(nextAttemptInMs({ failures: 1, retryAfterMs: null, chance: 0.999 })).toBeLessThanOrEqual(6_000);
    expect(nextAttemptInMs({ failures: 1, retryAfterMs: 60_000, chance: 0 })).toBe(60_000);
    expect(nextAttemptInMs({ failures: 3, retryAfterMs: 1_000, chance: 0 })).toBe(1_800_000);
    expect(nextAttemptInMs({ failures: 1, retryAfterMs: 10 ** 12, chance: 0 })).toBe(86_400_000);
    expect(nextAttemptInMs({ failures: 10, retryAfterMs: null, chance: 0 })).toBeNull();
  });
});

test("Retry-After puts the next attempt off", async () => {
  await using receiver = await startReceiver(answering(429, "", { "retry-after": "600" }));
  await under.addEndpoint(receiver.url);
  under.open();
  await under.addEvents(1);
  await expect.poll(async () => (await readDelivery())?.failures, PATIENCE).toBe(1);
  expect((await readDelivery())?.inMs).toBeGreaterThan(590_000);
});

test("Retry-After holds for all that waits for the endpoint, until the merchant wants it sent", async () => {
  await using receiver = await startReceiver(answering(429, "", { "retry-after": "600" }));
  await using neighbour = await startReceiver();
  const { id } = await under.addEndpoint(receiver.url);
  await under.addEndpoint(neighbour.url);
  const events = under.open();
  await under.addEvents(3);
  await expect.poll(() => neighbour.accepted.length, PATIENCE).toBe(3);
  await expect.poll(async () => (await events.endpoints.find(MERCHANT, id)).notBefore, PATIENCE).not.toBeNull();
  await becomeDue();
  await under.addEvents(2);
  await expect.poll(() => neighbour.accepted.length, PATIENCE).toBe(5);
  expect(receiver.received).toHaveLength(1);

  receiver.answer = answering(200);
  expect(await events.endpoints.redeliverRange(MERCHANT, id, rangeOf("due"))).toMatchObject({ count: 5 });
  await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(5);
});

test("410 disables the endpoint and parks what was on its way there", async () => {
  await using receiver = await startReceiver(answering(410));
  const { id } = await under.addEndpoint(receiver.url);
  under.open();
  await under.addEvents(5);
  await expect.poll(() => under.count("parked"), PATIENCE).toBe(5);
  const [endpoint] = await under.sql`SELECT enabled, disabled_reason FROM webhook_endpoints WHERE id = ${id}`;
  expect(endpoint).toEqual({ enabled: false, disabled_reason: "gone" });
  expect(receiver.received.length).toBe(1);
  await under.addEvents(2);
  await expect.poll(async () => (await under.positions()).length, PATIENCE).toBe(7);
  expect(await under.count("due")).toBe(0);
});

test.each([
  ["410", answering(410)],
  ["Retry-After", answering(429, "", { "retry-after": "600" })],
])("%s that an endpoint's old URL answers does not count for its new one", async (_, answerOld) => {
  let answer = (): void => {};
  await using old = await startReceiver((request, response) => {
    answer = () => answerOld(request, response);
  });
  await using receiver = await startReceiver();
  const { id } = await under.addEndpoint(old.url);
  const events = under.open();
  await under.addEvents(3);
  await expect.poll(() => old.received.length, PATIENCE).toBe(1);
  await events.endpoints.change(MERCHANT, id, { url: receiver.url });
  answer();
  // What follows goes to the new URL, and so does what the old one did not take.
  await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(2);
  await expect.poll(async () => (await under.sql`SELECT FROM delivery_attempts WHERE error IS NOT NULL`).count).toBe(1);
  await becomeDue();
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(3);
  expect(old.received).toHaveLength(1);
  expect(await events.endpoints.find(MERCHANT, id)).toMatchObject({ enabled: true, notBefore: null });
});

test("a disabled endpoint is told nothing; what was due there goes out when it is enabled again, what it missed on request", async () => {
  await using receiver = await startReceiver(answering(500));
  const { id } = await under.addEndpoint(receiver.url);
  const events = under.open();
  await under.addEvents(2);
  await expect.poll(async () => (await readDelivery())?.failures, PATIENCE).toBe(1);
  await events.endpoints.change(MERCHANT, id, { enabled: false });
  receiver.answer = answering(200);
  await under.addEvents(3);
  await expect.poll(async () => (await under.positions()).length, PATIENCE).toBe(5);
  await expect(events.endpoints.redeliverRange(MERCHANT, id, rangeOf("missing"))).rejects.toMatchObject({
    code: "invalid-state",
  });
  expect(await under.count("delivered")).toBe(0);

  await events.endpoints.change(MERCHANT, id, { enabled: true });
  await becomeDue();
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(2);
  expect(await events.endpoints.redeliverRange(MERCHANT, id, rangeOf("missing"))).toMatchObject({ count: 3 });
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(5);
  expect(await events.endpoints.redeliverRange(MERCHANT, id, rangeOf("missing"))).toMatchObject({ count: 0 });
});

test("a deleted endpoint gets nothing more, and what was on its way is canceled", async () => {
  await using receiver = await startReceiver(answering(500));
  const { id } = await under.addEndpoint(receiver.url);
  const events = under.open();
  await under.addEvents(4);
  await expect.poll(async () => (await readDelivery())?.failures, PATIENCE).toBe(1);
  await events.endpoints.remove(MERCHANT, id);
  // One whose attempt is being written down at this moment follows by and by.
  await expect.poll(() => under.count("canceled"), PATIENCE).toBe(4);
  await under.addEvents(1);
  await expect.poll(async () => (await under.positions()).length, PATIENCE).toBe(5);
  expect(await under.count("due")).toBe(0);
});

test("a deletion does not wait for its backlog, and keeps no other merchant's events waiting", async () => {
  await using receiver = await startReceiver();
  const [doomed, other] = [await under.addEndpoint(`${receiver.url}/doomed`), await under.addEndpoint(receiver.url)];
  await under.unseenByPlanner(
    (sql) => sql`
      INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
      SELECT ${MERCHANT}, gen_random_uuid(), ${doomed.id}, gen_random_uuid(), 'payment_order.created', 'due', now() + interval '1 day'
      FROM generate_series(1, 12000)`,
  );
  const events = under.open();
  await events.endpoints.remove(MERCHANT, doomed.id);
  // Some are ended with the deletion, the rest by and by.
  expect(await under.count("canceled")).toBeGreaterThan(0);
  expect(await under.count("due")).toBeGreaterThan(0);
  await under.addEvents(1);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
  await expect.poll(() => under.count("canceled"), PATIENCE).toBe(12_000);
  expect(await events.endpoints.find(MERCHANT, other.id)).toMatchObject({ due: 0 });
});

test("a forbidden URL is refused when an endpoint is made and when it is changed", async () => {
  const events = under.open({ allowPrivate: false });
  const create = (url: string) => events.endpoints.create(MERCHANT, { url, events: ["*"], description: null });
  const { endpoint } = await create("https://hooks.shop.com/florin");
  for (const url of [
    "http://hooks.shop.com/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://[fd00:ec2::254]/",
  ]) {
    await expect(create(url)).rejects.toMatchObject({ code: "webhook-url-forbidden" });
    await expect(events.endpoints.change(MERCHANT, endpoint.id, { url })).rejects.toMatchObject({
      code: "webhook-url-forbidden",
    });
  }
  const rows = await under.sql`SELECT url FROM webhook_endpoints`;
  expect(rows).toEqual([{ url: "https://hooks.shop.com/florin" }]);
});

describe("during a rotation", () => {
  test("both secrets verify until the overlap ends, then the new one alone", async () => {
    await using receiver = await startReceiver();
    const { id, secret } = await under.addEndpoint(receiver.url);
    const events = under.open();
    const rotated = await events.endpoints.rotate(MERCHANT, id, 24);
    expect(rotated.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(rotated.secret).not.toBe(secret);

    await under.addEvents(1);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
    const [during] = receiver.accepted.splice(0);
    if (during === undefined) throw new Error("nothing came");
    verify(secret, during);
    verify(rotated.secret, during);
    expect(String(during.headers["webhook-signature"]).split(" ")).toHaveLength(2);

    await under.sql`UPDATE webhook_endpoints SET retiring_secrets = json_build_array(json_build_object('generation', 1, 'until', 0))`;
    await under.addEvents(1);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(2);
    const [after] = receiver.accepted;
    if (after === undefined) throw new Error("nothing came");
    verify(rotated.secret, after);
    expect(() => verify(secret, after)).toThrow(/No matching signature/);
  });

  test("a second one takes nothing from the first: every secret signs until the time that was promised", async () => {
    await using receiver = await startReceiver();
    const { id, secret } = await under.addEndpoint(receiver.url);
    const events = under.open();
    const secrets = [secret];
    for (const hours of [48, 24]) secrets.push((await events.endpoints.rotate(MERCHANT, id, hours)).secret);
    await under.addEvents(1);
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(1);
    const [during] = receiver.accepted.splice(0);
    if (during === undefined) throw new Error("nothing came");
    for (const one of secrets) verify(one, during);
    const { previousSecretUntil } = await events.endpoints.find(MERCHANT, id);
    expect(previousSecretUntil?.getTime()).toBeGreaterThan(Date.now() + 47 * 3_600_000);

    for (const _ of [3, 4, 5]) await events.endpoints.rotate(MERCHANT, id, 1);
    await expect(events.endpoints.rotate(MERCHANT, id, 1)).rejects.toMatchObject({ code: "invalid-state" });
    const { secret: last } = await events.endpoints.rotate(MERCHANT, id, 0);
    await under.addEvents(1);
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(1);
    const [after] = receiver.accepted;
    if (after === undefined) throw new Error("nothing came");
    verify(last, after);
    expect(String(after.headers["webhook-signature"]).split(" ")).toHaveLength(1);
  });

  test("no secret and nothing to make one from stands in the endpoint's row", async () => {
    const { id } = await under.addEndpoint("https://hooks.shop.com/");
    const events = under.open();
    const { secret } = await events.endpoints.rotate(MERCHANT, id, 0);
    const [row] = await under.sql`SELECT row_to_json(w)::text AS text FROM webhook_endpoints w`;
    expect(row?.text).not.toContain(secret.slice(6, 30));
    expect(secret).toBe(toWebhookSecret(SIGNING_KEY, { merchantId: MERCHANT, endpointId: id, generation: 2 }));
  });
});

describe("redelivery", () => {
  test("sends a delivered event again at once, and a parked one from the start of its schedule", async () => {
    await using receiver = await startReceiver();
    await under.addEndpoint(receiver.url);
    const events = under.open();
    await under.addEvents(1);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
    const [delivery] = await under.sql<{ id: string }[]>`SELECT id FROM deliveries`;
    const id = delivery?.id ?? "";
    await events.endpoints.redeliver(MERCHANT, id);
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(2);
    expect(receiver.accepted[0]?.body).toBe(receiver.accepted[1]?.body);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);

    await under.sql`UPDATE deliveries SET status = 'parked', failures = 10`;
    receiver.answer = answering(500);
    await events.endpoints.redeliver(MERCHANT, id);
    await expect.poll(async () => (await readDelivery())?.failures, PATIENCE).toBe(1);
    expect((await readDelivery())?.inMs).toBeLessThan(6_001);
    await expect(events.endpoints.redeliver(2, id)).rejects.toMatchObject({ code: "not-found" });
  });

  test("by range takes those of that time and status", async () => {
    await using receiver = await startReceiver();
    const { id } = await under.addEndpoint(receiver.url);
    const events = under.open();
    await under.addEvents(6);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(6);
    await under.sql`UPDATE events SET created_at = created_at - interval '2 days' WHERE position <= 2`;
    await under.sql`UPDATE deliveries d SET status = 'parked' FROM events e WHERE e.id = d.event_id AND e.position <= 4`;
    const from = new Date(Date.now() - 86_400_000);
    expect(await events.endpoints.redeliverRange(MERCHANT, id, rangeOf("parked", { from }))).toMatchObject({
      count: 2,
    });
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(8);
    expect(await events.endpoints.redeliverRange(MERCHANT, id, rangeOf("parked", { to: from }))).toMatchObject({
      count: 2,
    });
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(10);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(6);
    expect(await events.endpoints.redeliverRange(MERCHANT, id, rangeOf("delivered"))).toMatchObject({ count: 6 });
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(16);
  });

  test("of more than one call takes goes on where the call before ended", async () => {
    await using receiver = await startReceiver(() => {});
    const { id } = await under.addEndpoint(receiver.url);
    await under.addEvents(MAX_REDELIVERED + 5);
    await under.sql`UPDATE events e SET position = n.row FROM (SELECT id, row_number() OVER (ORDER BY id) AS row FROM events) n WHERE e.id = n.id`;
    await under.unseenByPlanner(
      (sql) => sql`
        INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
        SELECT merchant_id, new_time_id(), ${id}, id, type, 'delivered', now() FROM events`,
    );
    const { endpoints } = under.open();
    const first = await endpoints.redeliverRange(MERCHANT, id, rangeOf("delivered"));
    expect(first.count).toBe(MAX_REDELIVERED);
    await under.sql`UPDATE deliveries SET status = 'delivered'`;
    const second = await endpoints.redeliverRange(MERCHANT, id, rangeOf("delivered", { afterId: first.lastId }));
    expect(second.count).toBe(5);
  });

  test("of what is missing, asked for twice at once, makes one delivery of each event", async () => {
    await under.addEvents(500);
    const events = under.open();
    await expect.poll(async () => (await under.positions()).length, PATIENCE).toBe(500);
    await using receiver = await startReceiver();
    const { id } = await under.addEndpoint(receiver.url);
    const ask = () => events.endpoints.redeliverRange(MERCHANT, id, rangeOf("missing"));
    const counts = await Promise.all([ask(), ask(), ask()]);
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(500);
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(500);
  });
});

test("of two nodes each delivery is sent by one", async () => {
  await using receiver = await startReceiver();
  for (let n = 0; n < 20; n += 1) await under.addEndpoint(`${receiver.url}/${n}`);
  under.open();
  under.open();
  await under.addEvents(20);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(400);
  const keys = receiver.accepted.map(({ path, headers }) => `${path} ${String(headers["webhook-id"])}`);
  expect(new Set(keys).size).toBe(400);
  expect(keys).toHaveLength(400);
});

test("what a node had under way when it stopped is sent by another, without waiting for its claim", async () => {
  await using receiver = await startReceiver(() => {});
  await under.addEndpoint(receiver.url);
  const first = under.open();
  await under.addEvents(1);
  await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
  await first.stop(0);
  receiver.answer = answering(200);
  under.open();
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
});

test("a stop waits for the attempts that are under way", async () => {
  let finish = (): void => {};
  await using receiver = await startReceiver((_, response) => {
    finish = () => void response.end();
  });
  await under.addEndpoint(receiver.url);
  const events = under.open();
  await under.addEvents(1);
  await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
  const stopped = events.stop(5_000);
  finish();
  await stopped;
  expect(await under.count("delivered")).toBe(1);
});

test("what a node had claimed when it died comes due again", async () => {
  await using receiver = await startReceiver();
  await under.addEndpoint(receiver.url);
  const events = under.open({ claimMs: 300 });
  await under.addEvents(1);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
  // As a node leaves it that is killed between its claim and the answer.
  await under.sql`UPDATE deliveries SET status = 'due', claim = gen_random_uuid(), next_attempt_at = now() + interval '300 ms'`;
  await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(2);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
  expect(events.status().attempts.delivered).toBe(2);
});

test("results that can't be written at once are written later, and nothing is sent twice for it", async () => {
  await using receiver = await startReceiver();
  await under.addEndpoint(receiver.url);
  await under.sql`ALTER FUNCTION record_attempts RENAME TO record_attempts_elsewhere`;
  under.open();
  await under.addEvents(1);
  await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(1);
  await under.sql`ALTER FUNCTION record_attempts_elsewhere RENAME TO record_attempts`;
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(1);
  expect(receiver.accepted).toHaveLength(1);
});

describe("an endpoint that fails or hangs", () => {
  test("holds up no other: of 1,000 endpoints 10 hang, and the others have everything before one of those has ended", async () => {
    const ended: string[] = [];
    const hanging: (() => void)[] = [];
    const isHanging = (path: string): boolean => Number(path.slice(1)) % 100 === 0;
    let isReleased = false;
    await using receiver = await startReceiver(({ path }, response) => {
      if (isReleased || !isHanging(path)) {
        response.end();
        return;
      }
      response.on("close", () => ended.push(path));
      hanging.push(() => void response.end());
    });
    await under.addEndpoints(MERCHANT, receiver.url, 1_000);
    // However slow the machine is: no attempt ends by its deadline, and no claim runs out.
    const after: Ports["timers"]["after"] = (ms, callback) =>
      ms >= ATTEMPT_DEADLINE_MS ? () => {} : systemPorts.timers.after(ms, callback);
    const ports = { ...BRISK_PORTS, timers: { ...BRISK_PORTS.timers, after } };
    under.open({ ports, claimMs: 600_000 });
    await under.addEvents(3);
    await expect.poll(() => under.count("delivered"), { timeout: 60_000, interval: 50 }).toBe(3 * 990);
    expect(ended).toEqual([]);
    // One place each, whatever waits for them.
    expect(hanging).toHaveLength(10);
    isReleased = true;
    for (const release of hanging) release();
    await expect.poll(() => under.count("delivered"), { timeout: 30_000, interval: 50 }).toBe(3_000);
    expect(receiver.received).toHaveLength(3_000);
  }, 100_000);

  test("has its backlog parked when that is older than a whole schedule, but not what waited while it was disabled", async () => {
    await using receiver = await startReceiver(() => {});
    const [hanging, paused] = [
      await under.addEndpoint(receiver.url),
      await under.addEndpoint(`${receiver.url}/paused`),
    ];
    await under.sql`UPDATE webhook_endpoints SET enabled_at = now() - interval '9 days'`;
    const events = under.open();
    await events.endpoints.change(MERCHANT, paused.id, { enabled: false });
    await under.addEvents(3);
    await expect.poll(() => under.count("due"), PATIENCE).toBe(3);
    await under.sql`
      INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
      SELECT merchant_id, new_time_id(), ${paused.id}, id, type, 'due', now() FROM events`;
    await under.sql`UPDATE deliveries SET scheduled_at = now() - interval '5 days'`;
    // The third is being sent at this moment.
    await expect.poll(() => under.count("parked"), PATIENCE).toBe(2);
    receiver.answer = answering(200);
    await events.endpoints.change(MERCHANT, paused.id, { enabled: true });
    await expect.poll(() => receiver.accepted.filter(({ path }) => path === "/paused").length, PATIENCE).toBe(3);
    expect(await events.endpoints.find(MERCHANT, hanging.id)).toMatchObject({ parked: 2 });
  });

  test("has one place, and gets more with every success", async () => {
    let most = 0;
    let inFlight = 0;
    await using receiver = await startReceiver((_, response) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      systemPorts.timers.after(5, () => {
        inFlight -= 1;
        response.writeHead(status).end();
      });
    });
    let status = 500;
    await under.addEndpoint(receiver.url);
    under.open();
    await under.addEvents(40);
    await expect
      .poll(async () => (await under.sql`SELECT FROM deliveries WHERE failures = 1`).count, PATIENCE)
      .toBe(40);
    expect(most).toBe(1);
    status = 200;
    await becomeDue();
    await expect.poll(() => under.count("delivered"), PATIENCE).toBe(40);
    expect(most).toBeGreaterThan(3);
    expect(most).toBeLessThanOrEqual(32);
  });
});
