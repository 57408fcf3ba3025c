/** A real Redis for one test run, in a process and folder of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "./free-port.ts";

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** One database number for each test file, with room to spare. */
const DATABASES = 1_024;
const READY_LIMIT_MS = 10_000;
const POLL_MS = 20;
const START_TRIES = 5;

const isInstalled = (): boolean => spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;

function installRedis(): void {
  if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
    console.error("florin tests: redis-server is missing, installing it: apt-get install -y redis-server");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    const apt = (...args: string[]): boolean =>
      spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=120", "-qq", ...args], { env, stdio: ["ignore", 2, 2] })
        .status === 0;
    const install = (): boolean => apt("install", "-y", "--no-install-recommends", "redis-server");
    if (!install()) {
      apt("update");
      install();
    }
    if (isInstalled()) return;
  }
  const command = process.platform === "darwin" ? "brew install redis" : "sudo apt-get install -y redis-server";
  throw new Error(`The tests need Redis. Run \`${command}\`, or set REDIS_URL to a Redis that the tests may use.`);
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once("error", () => settle(false));
    socket.once("data", (data) => settle(data.toString().startsWith("+PONG")));
    socket.once("connect", () => socket.write("PING\r\n"));
  });
}

async function becomesReady(child: ChildProcess, port: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < READY_LIMIT_MS && child.exitCode === null; waitedMs += POLL_MS) {
    if (await answersPing(port)) return child.exitCode === null;
    await sleep(POLL_MS);
  }
  return false;
}

export async function startRedisServer(folder: string): Promise<RedisServer> {
  if (!isInstalled()) installRedis();
  for (let attempt = 0; attempt < START_TRIES; attempt += 1) {
    const port = await findFreePort();
    const settings = { bind: "127.0.0.1", port, dir: folder, save: "", appendonly: "no", databases: DATABASES };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn("redis-server", [...args, "--loglevel", "warning"], { stdio: ["ignore", "ignore", 2] });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (await becomesReady(child, port)) {
      return {
        url: `redis://127.0.0.1:${port}`,
        async stop() {
          child.kill("SIGTERM");
          const killer = setTimeout(() => child.kill("SIGKILL"), 3_000);
          await ended;
          clearTimeout(killer);
        },
      };
    }
    child.kill("SIGKILL");
  }
  throw new Error("redis-server is installed but does not start; run `redis-server --port 0` to see why.");
}
