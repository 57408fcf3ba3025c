/** The whole program tells its merchant: through a kill between commit and webhook, and through a stop. */
import postgres from "postgres";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { readFrames } from "../events/read-frames.ts";
import { type Received, startReceiver } from "../events/receiver.ts";
import { createTestDatabase } from "../support/database.ts";
import { PROCESS_API_KEY, postPayment, startFlorinProcess } from "../support/florin-process.ts";
import { findFreePort } from "../support/free-port.ts";
import { createTestRedis } from "../support/redis.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const PATIENCE = { timeout: 15_000, interval: 50 };
const AUTHORIZED = { authorization: `Bearer ${PROCESS_API_KEY}`, "content-type": "application/json" };

test("killed after the commit and before the webhook: after the next start it is delivered, signed and with the same id", async () => {
  using folder = createTempFolder("told");
  await using database = await createTestDatabase();
  await using redis = await createTestRedis();
  const env = {
    DATABASE_URL: database.appUrl,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    REDIS_URL: redis.url,
    WEBHOOK_ALLOW_PRIVATE: "true",
  };
  const simulatorPort = await findFreePort();
  const sql = postgres(database.ownerUrl, { max: 2, onnotice: () => {} });
  // It takes the request and says nothing: the process dies with its webhooks out.
  await using receiver = await startReceiver(() => {});
  let secret = "";
  let before: readonly Received[] = [];
  {
    await using florin = await startFlorinProcess({ dataDir: folder.path, env, simulatorPort });
    const made = await fetch(`${florin.url}/v1/webhook_endpoints`, {
      method: "POST",
      headers: AUTHORIZED,
      body: JSON.stringify({ url: receiver.url, events: ["payment_order.succeeded", "payment_event.done"] }),
    });
    expect(made.status).toBe(201);
    secret = ((await made.json()) as { secret: string }).secret;
    const paid = await postPayment(florin.url, { key: "k1", token: "pm_card_visa", orderId: "o1", waitSeconds: 10 });
    expect(paid.text).toContain('"status":"SUCCESS"');
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
    florin.child.kill("SIGKILL");
    await florin.exited;
    before = receiver.received.splice(0);
  }
  const [undelivered] = await sql`SELECT count(*)::int AS count FROM deliveries WHERE status = 'delivered'`;
  expect(undelivered?.count).toBe(0);
  // The dead process' claim would run out by itself in half a minute.
  await sql`UPDATE deliveries SET next_attempt_at = now() WHERE claim IS NOT NULL`;
  receiver.answer = (_, response) => void response.end("got it");

  await using florin = await startFlorinProcess({ dataDir: folder.path, env, simulatorPort });
  await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(2);
  const webhook = new Webhook(secret);
  const types = receiver.accepted.map(({ body, headers }) => {
    const event = webhook.verify(body, headers as Record<string, string>) as { type: string };
    return event.type;
  });
  expect(types.toSorted()).toEqual(["payment_event.done", "payment_order.succeeded"]);
  const repeated = receiver.accepted.find(({ headers }) => headers["webhook-id"] === before[0]?.headers["webhook-id"]);
  expect(repeated?.body).toBe(before[0]?.body);

  const metrics = await (await fetch(`${florin.url}/metrics`)).text();
  expect(metrics).toContain('florin_webhook_attempts_total{outcome="delivered"} 2');
  expect(metrics).toContain("florin_event_relay_lag_seconds 0");

  // A stop ends who listens at once, within its time.
  const answer = await fetch(`${florin.url}/v1/events/stream`, { headers: AUTHORIZED });
  if (answer.body === null) throw new Error("no body");
  const reader = readFrames(answer.body);
  await reader.comment();
  florin.child.kill("SIGTERM");
  await reader.end();
  expect(await florin.exited).toBe(0);
  expect(florin.output()).not.toMatch(/could not|"level":50/);
  await sql.end({ timeout: 1 });
});
