/** How Florin and a PSP simulator that it did not start find each other: by addresses, in whatever order they come up. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { connectDatabase } from "../../src/db/client.ts";
import { confirmPspIdentity } from "../../src/db/psp-identity.ts";
import { createSimulatorConnector } from "../../src/psp/simulator/connector.ts";
import { confirmSimulator, createGate, keepRegistering } from "../../src/psp/simulator/link.ts";
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

describe("two nodes of one database", () => {
  test("never ask different simulators: the second is told to share, and makes no charge again", async () => {
    using folder = createTempFolder("two-simulators");
    await using database = await createTestDatabase();
    const [first, other] = [
      await startSimulator({ port: 0, dataDir: `${folder.path}/first` }),
      await startSimulator({ port: 0, dataDir: `${folder.path}/other` }),
    ];
    const open = (name: string, simulatorUrl: string) =>
      startFlorinProcess({
        dataDir: `${folder.path}/${name}`,
        env: {
          DATABASE_URL: database.appUrl,
          MIGRATION_DATABASE_URL: database.ownerUrl,
          PSP_SIMULATOR_URL: simulatorUrl,
        },
      });
    try {
      await using florin = await open("a", first.url);
      await postPayment(florin.url, { key: "open", token: "sim_pending_forever", orderId: "open" });
      await expect(open("b", other.url)).rejects.toThrow(/share one simulator: set PSP_SIMULATOR_URL/);
      await using partner = await open("b", first.url);
      expect((await fetch(`${partner.url}/readyz`)).status).toBe(200);
    } finally {
      await first.close();
      await other.close();
    }
  }, 90_000);

  test("both have their webhook address said again, so that the end of one leaves the other told", async () => {
    using folder = createTempFolder("two-addresses");
    const simulator = await startSimulator({ port: 0, dataDir: folder.path });
    try {
      const told: string[] = [];
      const timers: (() => void)[] = [];
      let nowMs = 0;
      const ports = {
        ...systemPorts,
        clock: { ...systemPorts.clock, monotonicMs: () => nowMs },
        timers: {
          ...systemPorts.timers,
          every: (_: number, run: () => void) => {
            timers.push(run);
            return () => {};
          },
        },
      };
      const log = { info: () => {}, warn: () => {} };
      const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
      const gate = createGate(createSimulatorConnector({ account: "simulator", baseUrl: simulator.url, ports }));
      const link = { simulatorUrl: simulator.url, gate, isRightOne: async () => true, log, ports };
      for (const url of ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"])
        await keepRegistering({ ...link, webhook: { url, secret } });
      for (const runOfNode of [0, 1, 0]) {
        nowMs += 31_000;
        timers[runOfNode]?.();
        await vi.waitFor(async () => {
          const { url } = (await controlCall(simulator.url, "GET", "/webhook")) as { url: string };
          expect(url).toMatch(runOfNode === 0 ? /a$/ : /b$/);
          told.push(url);
        });
      }
      expect(told).toHaveLength(3);
    } finally {
      await simulator.close();
    }
  });
});

test("until the simulator is known to be the right one nothing leaves for it", async () => {
  using folder = createTempFolder("gate");
  const simulator = await startSimulator({ port: 0, dataDir: folder.path });
  try {
    const inner = createSimulatorConnector({ account: "simulator", baseUrl: simulator.url, ports: systemPorts });
    const gate = createGate(inner);
    const log = { info: () => {}, warn: () => {} };
    const link = { simulatorUrl: simulator.url, gate, log, ports: systemPorts };
    await expect(confirmSimulator({ ...link, isRightOne: async () => false })).rejects.toThrow(/share one simulator/);
    expect((await gate.charge({ idempotencyKey: "k", body: "{}" })).outcome).toMatchObject({ kind: "unsent" });
    expect((await gate.inquire({ idempotencyKey: "k" })).outcome).toMatchObject({ kind: "unknown" });
    expect(await confirmSimulator({ ...link, isRightOne: async () => true })).toBe(true);
    expect((await gate.inquire({ idempotencyKey: "k" })).outcome).toEqual({ kind: "not_found" });
  } finally {
    await simulator.close();
  }
});

test("another simulator becomes the one of a database only where that can hurt nobody", async () => {
  await using database = await createTestDatabase();
  const sql = connectDatabase(database.appUrl, { name: "test", max: 1, statementTimeoutMs: 5_000 });
  try {
    const confirm = (identity: string, node: string | null = null) =>
      confirmPspIdentity(sql, { psp: "simulator", identity, node, ownershipMs: 10_000 });
    expect(await confirm("one")).toBe(true);
    expect(await confirm("two")).toBe(true);
    expect(await confirm("two")).toBe(true);
    const node = newUuid(systemPorts);
    await sql`INSERT INTO nodes (node_id, name) VALUES (${node}, 'alive')`;
    expect(await confirm("three")).toBe(false);
    expect(await confirm("three", node)).toBe(true);
    await sql`UPDATE nodes SET stopped_at = now()`;
    expect(await confirm("four")).toBe(true);
  } finally {
    await sql.end();
  }
});
