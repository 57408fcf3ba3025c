/** The whole program, started, stopped and killed as an operator would. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { expect, test } from "vitest";
import { checkIntegrity } from "../../scripts/integrity.ts";
import { createTestDatabase } from "../support/database.ts";
import { postPayment, startFlorinProcess } from "../support/florin-process.ts";
import { findFreePort } from "../support/free-port.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TOKENS = [
  "pm_card_visa",
  "sim_500_charged",
  "pm_card_chargeDeclined",
  "sim_pending_success",
  "sim_timeout_charged",
] as const;

test("SIGTERM under load loses nothing: what was acknowledged is there after the next start, and the books agree with the PSP", async () => {
  using folder = createTempFolder("stop");
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.appUrl, MIGRATION_DATABASE_URL: database.ownerUrl };
  const simulatorPort = await findFreePort();
  const acknowledged = new Map<string, string>();
  {
    await using florin = await startFlorinProcess({ dataDir: folder.path, env, simulatorPort });
    let isStopped = false;
    const load = Array.from({ length: 20 }, async (_, client) => {
      for (let index = 0; index < 50 && !isStopped; index += 1) {
        const orderId = `o-${client}-${index}`;
        const token = TOKENS[(client + index) % TOKENS.length] ?? "pm_card_visa";
        const answer = await postPayment(florin.url, { key: orderId, token, orderId }).catch(() => null);
        if (answer?.status === 201) acknowledged.set(orderId, answer.text);
        if (answer === null) isStopped = true;
      }
    });
    while (acknowledged.size < 100) await sleep(10);
    const startedMs = performance.now();
    florin.child.kill("SIGTERM");
    expect(await florin.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    isStopped = true;
    await Promise.all(load);
  }
  await using florin = await startFlorinProcess({ dataDir: folder.path, env, simulatorPort });
  for (const [orderId, text] of acknowledged) {
    const replay = await postPayment(florin.url, {
      key: orderId,
      token: TOKENS[(Number(orderId.split("-")[1]) + Number(orderId.split("-")[2])) % TOKENS.length] ?? "pm_card_visa",
      orderId,
    });
    expect(replay.text).toBe(text);
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
  }
  const sql = postgres(database.ownerUrl, { max: 2, onnotice: () => {} });
  try {
    for (let attempt = 0; attempt < 150; attempt += 1) {
      const [row] = await sql<{ open: number }[]>`
        SELECT count(*)::int AS open FROM payment_orders WHERE payment_order_status = 'EXECUTING' AND phase <> 'parked'`;
      if (row?.open === 0) break;
      await sleep(200);
    }
    const report = await checkIntegrity({ sql, simulatorUrl: florin.simulatorUrl });
    expect(report.violations).toEqual([]);
  } finally {
    await sql.end({ timeout: 5 });
  }
}, 90_000);

test.each([
  { what: "waits for a notice of the PSP", token: "sim_pending_forever", phase: "pending" },
  { what: "has a call out for longer than a stop takes", token: "sim_timeout_charged", phase: "sending" },
])(
  "SIGTERM answers a request that $what with what is known",
  async ({ token, phase }) => {
    using folder = createTempFolder("stop-waiting");
    await using database = await createTestDatabase();
    const env = { DATABASE_URL: database.appUrl, MIGRATION_DATABASE_URL: database.ownerUrl, PSP_TIMEOUT_MS: "60000" };
    await using florin = await startFlorinProcess({ dataDir: folder.path, env });
    const answer = postPayment(florin.url, { key: "waits", token, orderId: "waits", waitSeconds: 30 });
    const sql = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
    const phaseNow = async () => (await sql`SELECT phase FROM payment_orders`)[0]?.phase;
    await expect.poll(phaseNow, { timeout: 10_000 }).toBe(phase);
    await sql.end({ timeout: 5 });
    const startedMs = performance.now();
    florin.child.kill("SIGTERM");
    const { status, text } = await answer;
    expect([status, JSON.parse(text).payment_orders[0].phase]).toEqual([201, phase]);
    expect(await florin.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  },
  60_000,
);

test("an embedded start keeps its secrets to itself and to its owner", async () => {
  using folder = createTempFolder("secrets");
  await using florin = await startFlorinProcess({
    dataDir: folder.path,
    env: { BOOTSTRAP_API_KEY: "", LOG_LEVEL: "trace" },
  });
  const keyFile = join(folder.path, "bootstrap-api-key");
  expect(existsSync(keyFile)).toBe(true);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  const key = readFileSync(keyFile, "utf8").trim();
  const answer = await fetch(`${florin.url}/v1/payments`, { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(200);
  // Printed once for the person who started it, and never in a log line.
  const logLines = florin
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  expect(logLines.length).toBeGreaterThan(0);
  expect(
    logLines.filter(
      (line) => line.includes(key) || line.includes("whsec_") || /postgres:\/\/[^@\s]+:[^@\s]+@/.test(line),
    ),
  ).toEqual([]);
}, 60_000);

test("a configuration that can't be meant is refused with every problem at once, and no value is repeated", async () => {
  using folder = createTempFolder("config");
  const failed = startFlorinProcess({
    dataDir: folder.path,
    env: { PORT: "seventy", BOOTSTRAP_API_KEY: "sk_secret_value", DATABASE_URL: "mysql://root:hunter2@db" },
  });
  const error = await failed.catch((reason: unknown) => String(reason));
  expect(error).toContain("PORT must be a whole number from 0 to 65535");
  expect(error).toContain("BOOTSTRAP_API_KEY must be sk_test_ or sk_live_");
  expect(error).toContain("DATABASE_URL must be an address such as postgres://");
  expect(error).not.toContain("hunter2");
  expect(error).not.toContain("sk_secret_value");
});

test("a port that is taken is said in one line with what to do", async () => {
  using folder = createTempFolder("port");
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.appUrl, MIGRATION_DATABASE_URL: database.ownerUrl };
  await using first = await startFlorinProcess({ dataDir: folder.path, env });
  const second = startFlorinProcess({
    dataDir: folder.path,
    env: { ...env, PORT: new URL(first.url).port, PSP_SIMULATOR_URL: first.simulatorUrl },
  });
  // The port of the first answers `/readyz`, so it is the exit that tells.
  const outcome = await second.then(
    async (florin) => {
      await florin.exited;
      return florin.output();
    },
    (reason: unknown) => String(reason),
  );
  expect(outcome).toMatch(/port \d+ is taken: set PORT to a free one/);
}, 60_000);
