import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { keepSimulatorProcess } from "../../src/psp/simulator/child.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";
import {
  aCharge,
  connectTo,
  controlCall,
  effectsOf,
  type NoticeReceiver,
  SECRET,
  startNoticeReceiver,
} from "./simulator-under-test.ts";

const MAIN = fileURLToPath(new URL("../../src/psp/simulator/main.ts", import.meta.url));

interface RunningSimulator {
  readonly child: ChildProcess;
  readonly url: string;
}

let folder: TempFolder;
let started: ChildProcess[];
let florin: NoticeReceiver;

beforeEach(async () => {
  folder = createTempFolder("simulator");
  started = [];
  florin = await startNoticeReceiver(connectTo("http://127.0.0.1:1"));
});
afterEach(async () => {
  for (const child of started) child.kill("SIGKILL");
  await florin.close();
  folder.remove();
});

async function start(...extra: readonly string[]): Promise<RunningSimulator> {
  const child = spawn(process.execPath, [MAIN, "--port", "0", "--data-dir", folder.path, ...extra], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  return { child, url: await readyUrl(child) };
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("no output to read");
  const [line] = await once(createInterface(child.stdout), "line");
  const { ready, url } = JSON.parse(String(line));
  expect(ready).toBe(true);
  return url;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}

it("charges, keys and their bodies survive kill -9", async () => {
  const first = await start();
  const connector = connectTo(first.url);
  const calls = Array.from({ length: 50 }, () => {
    const order = aCharge();
    return { order, idempotencyKey: `${order.orderId}:charge:1`, body: connector.buildCharge(order) };
  });
  const answers = await Promise.all(calls.map((call) => connector.charge(call)));
  await end(first.child, "SIGKILL");

  const second = await start();
  const again = connectTo(second.url);
  for (const [index, call] of calls.entries()) {
    const { outcome } = await again.charge(call);
    expect(outcome.kind).toBe("succeeded");
    // On a machine that stands still an answer may have been given up.
    const before = answers[index]?.outcome;
    if (before?.kind !== "unknown") expect(outcome).toEqual(before);
  }
  expect(await effectsOf(second.url, calls[0]?.order.paymentOrderId ?? "")).toHaveLength(1);
  const other = { ...calls[0], idempotencyKey: calls[0]?.idempotencyKey ?? "", body: connector.buildCharge(aCharge()) };
  expect((await again.charge(other)).outcome).toEqual({ kind: "unknown", reason: "idempotency_key_reused" });
});

it("whatever it answered before kill -9 in the middle of the traffic is still there", async () => {
  const first = await start();
  const connector = connectTo(first.url);
  const answered: string[] = [];
  let killed: Promise<void> | null = null;
  const buyer = async (): Promise<void> => {
    for (;;) {
      const order = aCharge();
      const idempotencyKey = `${order.orderId}:charge:1`;
      const { outcome } = await connector.charge({ idempotencyKey, body: connector.buildCharge(order) });
      if (outcome.kind !== "succeeded") return;
      answered.push(idempotencyKey);
      if (answered.length === 500) killed = end(first.child, "SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: 32 }, buyer));
  await killed;

  const again = connectTo((await start()).url);
  for (const idempotencyKey of answered) {
    expect((await again.inquire({ idempotencyKey })).outcome.kind).toBe("succeeded");
  }
});

it("a call that was counted before kill -9 still counts after it", async () => {
  const order = aCharge({ paymentMethodToken: "sim_500_twice" });
  const first = await start();
  const connector = connectTo(first.url);
  const call = { idempotencyKey: `${order.orderId}:charge:1`, body: connector.buildCharge(order) };
  expect((await connector.charge(call)).outcome.kind).toBe("unknown");
  await end(first.child, "SIGKILL");
  const again = connectTo((await start()).url);
  expect((await again.charge(call)).outcome.kind).toBe("unknown");
  expect((await again.charge(call)).outcome.kind).toBe("succeeded");
});

it("a settlement and its notice that were due during the death come after it", async () => {
  const order = aCharge({ paymentMethodToken: "sim_pending_success" });
  const first = await start();
  await controlCall(first.url, "PUT", "/webhook", { url: florin.url, secret: SECRET });
  const connector = connectTo(first.url);
  const call = { idempotencyKey: `${order.orderId}:charge:1`, body: connector.buildCharge(order) };
  expect((await connector.charge(call)).outcome.kind).toBe("pending");
  await end(first.child, "SIGKILL");

  const second = await start();
  await expect.poll(florin.types, { timeout: 5_000 }).toEqual(["charge.succeeded"]);
  expect((await connectTo(second.url).inquire(call)).outcome.kind).toBe("succeeded");
});

it("a notice that nobody took before kill -9 is delivered after it", async () => {
  const order = aCharge();
  florin.answerWith(503);
  const first = await start();
  await controlCall(first.url, "PUT", "/webhook", { url: florin.url, secret: SECRET });
  const connector = connectTo(first.url);
  await connector.charge({ idempotencyKey: `${order.orderId}:charge:1`, body: connector.buildCharge(order) });
  await expect.poll(() => florin.received.length).toBeGreaterThan(0);
  await end(first.child, "SIGKILL");

  florin.answerWith(200);
  const before = florin.received.length;
  await start();
  await expect.poll(() => florin.received.length, { timeout: 5_000 }).toBe(before + 1);
  expect(new Set(florin.received.map((notice) => notice.id)).size).toBe(1);
});

it("a torn last line is cut off, and what follows it is kept", async () => {
  const first = await start();
  const connector = connectTo(first.url);
  const [one, two] = [aCharge(), aCharge()];
  await connector.charge({ idempotencyKey: "one", body: connector.buildCharge(one) });
  await end(first.child, "SIGKILL");
  const journal = join(folder.path, "journal.jsonl");
  appendFileSync(journal, '{"t":"charge","charge":{"kind":"cha');

  const second = await start();
  const again = connectTo(second.url);
  await again.charge({ idempotencyKey: "two", body: connector.buildCharge(two) });
  await end(second.child, "SIGKILL");
  // The identity, and the two charges.
  expect(readFileSync(journal, "utf8").trimEnd().split("\n")).toHaveLength(3);

  const third = await start();
  expect(await effectsOf(third.url, one.paymentOrderId)).toHaveLength(1);
  expect(await effectsOf(third.url, two.paymentOrderId)).toHaveLength(1);
});

it("SIGTERM ends it with code 0 although a call is held", async () => {
  const { child, url } = await start();
  const connector = connectTo(url);
  const body = connector.buildCharge(aCharge({ paymentMethodToken: "sim_timeout_charged" }));
  await connector.charge({ idempotencyKey: "held", body });
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});

it("it ends when the process named as its parent is gone", async () => {
  const parent = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  started.push(parent);
  const { child } = await start("--parent-pid", String(parent.pid));
  const exit = once(child, "exit");
  await end(parent, "SIGKILL");
  expect(await exit).toEqual([0, null]);
});

it("one that is kept comes back on its port, with its charges, and not after it was stopped", async () => {
  using folder = createTempFolder("kept-simulator");
  const ends: (number | null)[] = [];
  const kept = await keepSimulatorProcess({
    port: 0,
    host: "127.0.0.1",
    dataDir: folder.path,
    onExit: (code) => ends.push(code),
  });
  try {
    const identity = await controlCall(kept.url, "GET", "/identity");
    const killed = kept.pid();
    process.kill(killed, "SIGKILL");
    await expect.poll(() => kept.pid(), { timeout: 20_000 }).not.toBe(killed);
    expect(await controlCall(kept.url, "GET", "/identity")).toEqual(identity);
    expect(ends).toEqual([null]);
  } finally {
    await kept.stop();
  }
  await expect(fetch(kept.url)).rejects.toThrow();
  expect(ends).toEqual([null]);
});
