/** How Florin and a PSP simulator that it did not start find each other: by addresses, in whatever order they come up. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { startSimulator } from "../../src/psp/simulator/server.ts";
import { controlCall } from "../psp/simulator-under-test.ts";
import { createTestDatabase } from "../support/database.ts";
import { PROCESS_API_KEY, postPayment, startFlorinProcess } from "../support/florin-process.ts";
import { findFreePort } from "../support/free-port.ts";
import { createTempFolder } from "../support/temp-folder.ts";

/** A little more than Florin takes to try again. */
const PATIENCE = { timeout: 20_000, interval: 50 };

test("addresses are read without the slash at their end", () => {
  const { simulator, simulatorWebhookUrl } = readConfig({
    PSP_SIMULATOR_URL: "http://simulator:3001/",
    PSP_SIMULATOR_WEBHOOK_URL: "http://florin:3000/behind/a/proxy//",
  });
  expect(simulator).toEqual({ kind: "remote", url: "http://simulator:3001" });
  expect(simulatorWebhookUrl).toBe("http://florin:3000/behind/a/proxy");
  expect(readConfig({}).simulatorWebhookUrl).toBeNull();
  expect(() => readConfig({ PSP_SIMULATOR_WEBHOOK_URL: "florin:3000" })).toThrow(
    "PSP_SIMULATOR_WEBHOOK_URL must be an address such as https://",
  );
});

/** What stands before Florin for its PSP alone: passes on what comes below its path, and remembers where it came. */
async function startGateway(florinUrl: () => string) {
  const paths: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { url: path = "", headers } = request;
    paths.push(path);
    const answer = await fetch(florinUrl() + path.replace("/gateway", ""), {
      method: "POST",
      headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
        name.startsWith("webhook-") || name === "content-type" ? [[name, String(value)]] : [],
      ),
      body: Buffer.concat(chunks),
    });
    response.statusCode = answer.status;
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/gateway`,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

test("a simulator that is away keeps no node from starting, and once it is there it is told the webhook address", async () => {
  using folder = createTempFolder("away");
  await using database = await createTestDatabase();
  let florinUrl = "";
  await using gateway = await startGateway(() => florinUrl);
  const port = await findFreePort();
  await using florin = await startFlorinProcess({
    dataDir: folder.path,
    env: {
      DATABASE_URL: database.appUrl,
      MIGRATION_DATABASE_URL: database.ownerUrl,
      PSP_SIMULATOR_URL: `http://127.0.0.1:${port}`,
      PSP_SIMULATOR_WEBHOOK_URL: `${gateway.url}/`,
    },
  });
  florinUrl = florin.url;
  expect((await fetch(`${florin.url}/readyz`)).status).toBe(200);
  expect(florin.output()).toContain("could not be told our webhook address");

  async function find(orderId: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${PROCESS_API_KEY}` };
    return (await fetch(`${florin.url}/v1/payments/${orderId}`, { headers })).json();
  }
  const becomes = (orderId: string, facts: object): Promise<void> =>
    vi.waitFor(async () => expect(await find(orderId)).toMatchObject(facts), PATIENCE);

  // What comes meanwhile is taken, and waits.
  expect((await postPayment(florin.url, { key: "early", token: "pm_card_visa", orderId: "early" })).status).toBe(201);
  await becomes("early", { status: "EXECUTING", phase: "retrying" });
  expect(gateway.paths).toEqual([]);

  const simulator = await startSimulator({ port, dataDir: `${folder.path}/simulator`, delayScale: 0.1 });
  try {
    await vi.waitFor(async () => {
      const sent = await controlCall(simulator.url, "POST", "/webhook/send", { type: "charge.noticed" });
      expect(sent).toMatchObject({ statuses: [200] });
    }, PATIENCE);
    await becomes("early", { status: "SUCCESS" });
    const before = gateway.paths.length;
    await postPayment(florin.url, { key: "late", token: "sim_pending_success", orderId: "late" });
    await becomes("late", { status: "SUCCESS" });
    await vi.waitFor(() => expect(gateway.paths.length).toBeGreaterThan(before), PATIENCE);
    expect(new Set(gateway.paths)).toEqual(new Set(["/gateway/psp/simulator/webhooks"]));
  } finally {
    await simulator.close();
  }
}, 90_000);
