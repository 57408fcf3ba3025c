/** An endpoint that is down for hours, with the database's clock moved on. */
import postgres from "postgres";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { ATTEMPT_DELAYS_MS } from "../../src/events/attempt-schedule.ts";
import { CLOCK, startEventsUnderTest } from "./events-under-test.ts";
import { answering, startReceiver } from "./receiver.ts";

const ORDERS = 25;
const VERSIONS = 3;
const PATIENCE = { timeout: 10_000, interval: 20 };
/** Attempts that find the endpoint down: the last of them after 7 h 35 min. */
const FAILED_ATTEMPTS = 6;

test("an endpoint that is down for hours gets every event, signed, in an order that can be repaired", async () => {
  await using under = await startEventsUnderTest();
  // As the owner in a session of its own: the setting holds for connections made after it.
  const owner = postgres(under.database.ownerUrl, { max: 1, onnotice: () => {} });
  await owner.unsafe(CLOCK);
  await using receiver = await startReceiver(answering(502, "bad gateway"));
  const { secret } = await under.addEndpoint(receiver.url);
  under.open();
  await under.addEvents(ORDERS, VERSIONS);
  const countFailed = async (failures: number): Promise<number> =>
    (await owner`SELECT FROM deliveries WHERE failures = ${failures} AND claim IS NULL`).count;

  let hoursMs = 0;
  for (let failures = 1; failures <= FAILED_ATTEMPTS; failures += 1) {
    await expect.poll(() => countFailed(failures), PATIENCE).toBe(ORDERS * VERSIONS);
    expect(receiver.received).toHaveLength(ORDERS * VERSIONS * failures);
    // With the jitter that is added.
    const stepMs = Math.ceil((ATTEMPT_DELAYS_MS[failures] ?? 0) * 1.2);
    hoursMs += stepMs;
    if (failures === FAILED_ATTEMPTS) receiver.answer = answering(204);
    await owner`UPDATE clock.shift SET by = by + ${stepMs}::float8 * interval '1 ms'`;
  }
  expect(hoursMs).toBeGreaterThan(7 * 3_600_000);
  await expect.poll(() => under.count("delivered"), PATIENCE).toBe(ORDERS * VERSIONS);

  const webhook = new Webhook(secret);
  const newest = new Map<string, number>();
  for (const { body, headers } of receiver.accepted) {
    const event = webhook.verify(body, headers as Record<string, string>) as {
      readonly order_version: number;
      readonly data: { readonly object: { readonly payment_order_id: string; readonly version: number } };
    };
    const { payment_order_id: id, version } = event.data.object;
    expect(event.order_version).toBe(version);
    newest.set(id, Math.max(newest.get(id) ?? 0, version));
  }
  expect(receiver.accepted).toHaveLength(ORDERS * VERSIONS);
  expect(newest.size).toBe(ORDERS);
  expect([...newest.values()].every((version) => version === VERSIONS)).toBe(true);
  await owner.end();
});
