/** Real processes that are killed and stopped, against the real simulator, with leases in Redis. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { OWNERSHIP_MS } from "../../src/engine/ownership.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createTestRedis, type TestRedis } from "../support/redis.ts";
import { expectOnce, until } from "./florin-under-test.ts";
import { type SimulatorFlorin, startSimulatorFlorin } from "./simulator-florin.ts";

const SCRIPT = fileURLToPath(new URL("node-process.ts", import.meta.url));
/** Beside the ownership time: a sweep, an inquiry, and two slow cores. */
const ADOPTION_GRACE_MS = 5_000;
/** For what hangs: inquiries that a busy machine gives up come again, each time later. */
const SETTLE_LIMIT_MS = 60_000;

let florin: SimulatorFlorin;
let redis: TestRedis;
const children: ChildProcess[] = [];
let made = 0;

beforeAll(async () => {
  [florin, redis] = await Promise.all([startSimulatorFlorin(), createTestRedis()]);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(async () => {
  await florin.close();
  await redis.drop();
});

const newIds = (count: number): string[] => Array.from({ length: count }, () => `order-${++made}`);
const nodeOptions = () => ({
  connectors: [florin.connector],
  openLeases: chooseLeases({ redisUrl: redis.url, keyPrefix: redis.keyPrefix }),
});

interface NodeProcess {
  readonly child: ChildProcess;
  readonly node: string;
  pay(ids: readonly string[], token: string): Promise<void>;
}

async function startProcess(): Promise<NodeProcess> {
  const settings = {
    databaseUrl: florin.database.appUrl,
    redisUrl: redis.url,
    keyPrefix: redis.keyPrefix,
    simulatorUrl: florin.simulator.url,
  };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(settings)], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await until(() => lines.length > 0, "the process has started");
  return {
    child,
    node: lines[0]?.split(" ")[1] ?? "",
    async pay(ids, token) {
      for (const id of ids) child.stdin.write(`${JSON.stringify({ id, token })}\n`);
      await until(() => ids.every((id) => lines.includes(`created ${id}`)), "all orders are created");
    },
  };
}

async function allBecome(ids: readonly string[], state: string, timeoutMs: number): Promise<void> {
  await until(
    async () => {
      const rows = await florin.owner`SELECT 1 FROM payment_orders
        WHERE payment_order_id = ANY (${[...ids]}) AND COALESCE(phase, payment_order_status) = ${state}`;
      return rows.length === ids.length;
    },
    `${ids.length} orders become ${state}`,
    timeoutMs,
  );
}

test("a process killed with its calls out: others take its orders within the ownership time and a little, and charge once", async () => {
  const process = await startProcess();
  const [charged, uncharged] = [newIds(10), newIds(10)];
  await process.pay(charged, "sim_timeout_charged");
  await process.pay(uncharged, "sim_timeout_not_charged");
  await until(async () => {
    const effects = await Promise.all(charged.map((id) => florin.effectsOf(id)));
    return effects.every((list) => list.length === 1);
  }, "the simulator has charged");
  process.child.kill("SIGKILL");
  const killedMs = performance.now();
  await Promise.all([florin.openNode(nodeOptions()), florin.openNode(nodeOptions())]);
  const ids = [...charged, ...uncharged];
  await until(
    async () => {
      const rows = await florin.owner`SELECT 1 FROM payment_orders WHERE owner = ${process.node}`;
      return rows.length === 0;
    },
    "its orders are taken over",
    OWNERSHIP_MS + ADOPTION_GRACE_MS,
  );
  // Not before its claim has surely run out.
  expect(performance.now() - killedMs).toBeGreaterThan(OWNERSHIP_MS - 2_500);
  await allBecome(ids, "SUCCESS", SETTLE_LIMIT_MS);
  for (const id of ids) {
    expectOnce(await florin.order(id));
    expect((await florin.effectsOf(id)).map(({ status }) => status)).toEqual(["succeeded"]);
  }
}, 120_000);

test("a process that was stopped while its call was out wakes up overtaken: its write is refused, its answer is kept", async () => {
  const process = await startProcess();
  const ids = newIds(3);
  await florin.simulator.control("POST", "/faults", { latency_ms: 1_500 });
  try {
    await process.pay(ids, "pm_card_visa");
    await sleep(300);
    process.child.kill("SIGSTOP");
    await until(async () => {
      const effects = await Promise.all(ids.map((id) => florin.effectsOf(id)));
      return effects.every((list) => list.length === 1);
    }, "the simulator has charged");
  } finally {
    await florin.simulator.control("POST", "/faults", {});
  }
  await florin.expire(process);
  await florin.openNode(nodeOptions());
  await allBecome(ids, "SUCCESS", SETTLE_LIMIT_MS);
  const before = await Promise.all(ids.map((id) => florin.order(id)));

  process.child.kill("SIGCONT");
  await until(async () => {
    const orders = await Promise.all(ids.map((id) => florin.order(id)));
    return orders.every(({ observations, unhandledObservations }) => observations === 2 && unhandledObservations === 0);
  }, "what it learnt is stored and handled");
  const after = await Promise.all(ids.map((id) => florin.order(id)));
  expect(after).toEqual(before.map((order) => ({ ...order, observations: 2 })));
  for (const order of after) expectOnce(order);
});
