/** Redis that dies, hangs or forgets must never make a payment wait or fail. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import type { Leases } from "../../src/engine/leases/leases.ts";
import { parseRedisUrl } from "../../src/engine/leases/redis-address.ts";
import { COMMAND_TIMEOUT_MS } from "../../src/engine/leases/redis-connection.ts";
import { createRedisLeases } from "../../src/engine/leases/redis-leases.ts";
import { findFreePort } from "../support/free-port.ts";

const TTL_MS = 600;
const servers: ChildProcess[] = [];
const opened: Leases[] = [];

afterEach(async () => {
  for (const leases of opened.splice(0)) await leases.close();
  for (const server of servers.splice(0)) await kill(server);
});

function startRedis(port: number): ChildProcess {
  const args = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"];
  const server = spawn("redis-server", args, { stdio: "ignore" });
  servers.push(server);
  return server;
}

async function kill(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, "exit");
  server.kill("SIGKILL");
  await exited;
}

function open(port: number, node = "a"): { leases: Leases; availability: boolean[] } {
  const availability: boolean[] = [];
  const leases = createRedisLeases({
    url: `redis://127.0.0.1:${port}`,
    node,
    ttlMs: TTL_MS,
    ports: systemPorts,
    onAvailability: (isAvailable) => availability.push(isAvailable),
  });
  opened.push(leases);
  return { leases, availability };
}

const becomes = (leases: Leases, isAvailable: boolean): Promise<void> =>
  vi.waitFor(() => expect(leases.isAvailable()).toBe(isAvailable), { timeout: 10_000 });

test("without a Redis at the start nothing waits, and one that comes later is used", async () => {
  const port = await findFreePort();
  const { leases } = open(port);
  const startedMs = performance.now();
  expect(await leases.take("order/1")).toEqual({ kind: "unavailable" });
  expect(performance.now() - startedMs).toBeLessThan(COMMAND_TIMEOUT_MS);
  leases.giveBack("order/1");
  leases.wake("b", "order/1");
  startRedis(port);
  await becomes(leases, true);
  expect(await leases.take("order/1")).toEqual({ kind: "taken" });
});

test("a Redis that is killed and comes back empty is used again, and leases in use are taken anew", async () => {
  const port = await findFreePort();
  const first = startRedis(port);
  const { leases, availability } = open(port);
  await becomes(leases, true);
  expect(await leases.take("order/1")).toEqual({ kind: "taken" });
  await kill(first);
  await becomes(leases, false);
  const verdicts = await Promise.all(Array.from({ length: 100 }, (_, index) => leases.take(`order/${index}`)));
  expect(verdicts.every(({ kind }) => kind === "unavailable")).toBe(true);

  startRedis(port);
  await becomes(leases, true);
  const other = open(port, "b").leases;
  await becomes(other, true);
  // Another name each time: what the other node takes before the renewal stays its own.
  let asked = 0;
  await vi.waitFor(async () => {
    asked += 1;
    expect(await other.take(`order/${asked}`)).toEqual({ kind: "held", holder: "a" });
  }, 5_000);
  expect(availability.slice(-3)).toEqual([true, false, true]);
});

test("a Redis that hangs costs one short wait, then none, and is used again when it answers", async () => {
  const port = await findFreePort();
  const server = startRedis(port);
  const { leases } = open(port);
  await becomes(leases, true);
  server.kill("SIGSTOP");
  const firstMs = performance.now();
  expect(await leases.take("order/1")).toEqual({ kind: "unavailable" });
  expect(performance.now() - firstMs).toBeLessThan(COMMAND_TIMEOUT_MS * 2);
  const secondMs = performance.now();
  expect(await leases.take("order/2")).toEqual({ kind: "unavailable" });
  expect(performance.now() - secondMs).toBeLessThan(50);
  server.kill("SIGCONT");
  await becomes(leases, true);
  expect(await leases.take("order/3")).toEqual({ kind: "taken" });
});

test("closing while Redis is down ends at once", async () => {
  const { leases } = open(await findFreePort());
  void leases.take("order/1");
  const startedMs = performance.now();
  await leases.close();
  expect(performance.now() - startedMs).toBeLessThan(COMMAND_TIMEOUT_MS);
  expect(await leases.take("order/2")).toEqual({ kind: "unavailable" });
});

test("every form of REDIS_URL is read", () => {
  expect(parseRedisUrl("redis://localhost")).toMatchObject({
    kind: "single",
    nodes: [{ host: "localhost", port: 6379 }],
    db: 0,
  });
  expect(parseRedisUrl("rediss://u:p%40ss@h:7000/3")).toMatchObject({
    kind: "single",
    isTls: true,
    credentials: { username: "u", password: "p@ss" },
    db: 3,
  });
  expect(parseRedisUrl("redis+sentinel://:pw@h1:26379,h2/mymaster/2")).toMatchObject({
    kind: "sentinel",
    nodes: [
      { host: "h1", port: 26_379 },
      { host: "h2", port: 26_379 },
    ],
    master: "mymaster",
    db: 2,
    credentials: { password: "pw" },
  });
  expect(parseRedisUrl("redis+cluster://h1:7001,[::1]:7002")).toMatchObject({
    kind: "cluster",
    nodes: [
      { host: "h1", port: 7001 },
      { host: "::1", port: 7002 },
    ],
  });
});

test.each([
  "http://h",
  "redis://",
  "redis://a,b",
  "redis://h/x",
  "redis+cluster://h/1",
  "redis+sentinel://h",
  "redis://:secret@h:99999",
])("a REDIS_URL that can't be read is refused without repeating it: %s", (url) => {
  expect(() => parseRedisUrl(url)).toThrow(/REDIS_URL can't be read/);
  expect(() => parseRedisUrl(url)).not.toThrow(/secret/);
});
