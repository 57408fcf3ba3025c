/** Real Redis servers for a run, each a process of its own in a folder of the run. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { systemPorts } from "../../src/core/ports.ts";
import { findFreePort } from "../../src/db/embedded/free-port.ts";

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** One database number for each test file, with room to spare. */
const DATABASES = 1_024;
const READY_LIMIT_MS = 10_000;
const POLL_MS = 20;
const START_TRIES = 5;
const STOP_LIMIT_MS = 3_000;

const isInstalled = (): boolean => spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;

function installRedis(): void {
  if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
    console.error("florin: redis-server is missing, installing it: apt-get install -y redis-server");
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
  throw new Error(`This needs Redis. Run \`${command}\`; tests also take a Redis of yours from REDIS_URL.`);
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

/** Installs Redis where that is possible, and says how where it is not. */
export function ensureRedis(): void {
  if (!isInstalled()) installRedis();
}

async function becomesReady(child: ChildProcess, port: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < READY_LIMIT_MS && child.exitCode === null; waitedMs += POLL_MS) {
    if (await answersPing(port)) return child.exitCode === null;
    await sleep(POLL_MS);
  }
  return false;
}

export interface RedisProcess {
  readonly port: number;
  /** `SIGTERM`, then waits for the end. */
  stop(): Promise<void>;
  /** `kill -9`, then waits for the end. */
  kill(): Promise<void>;
}

export interface LaunchRedis {
  readonly folder: string;
  readonly port: number;
  /** What stands before the settings on the command line: a configuration file, `--sentinel`. */
  readonly leading?: readonly string[];
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** Null when it does not answer on this port: somebody else may have taken it. */
export async function launchRedis({
  folder,
  port,
  leading = [],
  settings = {},
}: LaunchRedis): Promise<RedisProcess | null> {
  const args = Object.entries({ bind: "127.0.0.1", port, dir: folder, loglevel: "warning", ...settings });
  const child = spawn("redis-server", [...leading, ...args.flatMap(([name, value]) => [`--${name}`, String(value)])], {
    cwd: folder,
    stdio: ["ignore", "ignore", 2],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await ended;
    clearTimeout(killer);
  };
  if (await becomesReady(child, port)) return { port, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
  child.kill("SIGKILL");
  return null;
}

export async function startRedisServer(folder: string): Promise<RedisServer> {
  ensureRedis();
  for (let attempt = 0; attempt < START_TRIES; attempt += 1) {
    const port = await findFreePort(systemPorts.random);
    const settings = { save: "", appendonly: "no", databases: DATABASES };
    const redis = await launchRedis({ folder, port, settings });
    if (redis !== null) return { url: `redis://127.0.0.1:${port}`, stop: redis.stop };
  }
  throw new Error("redis-server is installed but does not start; run `redis-server --port 0` to see why.");
}
