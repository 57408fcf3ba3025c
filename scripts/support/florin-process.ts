/** A Florin of the scripts' own: a child on free ports with everything in one folder, to be used, stopped or killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemPorts } from "../../src/core/ports.ts";
import { findFreePort } from "../../src/db/embedded/free-port.ts";
import { makeSecret } from "../../src/db/merchants.ts";
import { childEnvironment } from "./child-environment.ts";

export interface FlorinFolder {
  readonly dataDir: string;
  readonly logFile: string;
  readonly url: string;
  readonly simulatorUrl: string;
  readonly key: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface FlorinProcess {
  readonly pid: number;
  readonly readyAfterMs: number;
  isRunning(): boolean;
  /** `SIGTERM`, then waits for the end. */
  stop(): Promise<void>;
  /** `kill -9`, then waits for the end. */
  kill(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
const POLL_MS = 25;
const LOG_TAIL_LINES = 15;

/** Plans a Florin in `folder`, with ports that are free just now. What the caller's environment says does not count. */
export async function planFlorin(folder: string, logLevel = "warn"): Promise<FlorinFolder> {
  const port = await findFreePort(systemPorts.random);
  let simulatorPort = port;
  while (simulatorPort === port) simulatorPort = await findFreePort(systemPorts.random);
  const key = makeSecret("test", systemPorts);
  const dataDir = join(folder, "data");
  return {
    dataDir,
    logFile: join(folder, "florin.log"),
    url: `http://127.0.0.1:${port}`,
    simulatorUrl: `http://127.0.0.1:${simulatorPort}`,
    key,
    environment: {
      ...childEnvironment(),
      HOST: "127.0.0.1",
      PORT: String(port),
      PSP_SIMULATOR_PORT: String(simulatorPort),
      DATA_DIR: dataDir,
      BOOTSTRAP_API_KEY: key,
      LOG_LEVEL: logLevel,
    },
  };
}

/** Starts it and waits until `/readyz` says 200. Throws with the end of its log. */
export async function startFlorin(
  florin: Pick<FlorinFolder, "url" | "logFile" | "environment">,
  /** What it gets when the script ends without stopping it. */
  lastSignal: NodeJS.Signals = "SIGTERM",
): Promise<FlorinProcess> {
  const startedMs = performance.now();
  const log = openSync(florin.logFile, "a", 0o600);
  // A process group of its own: Ctrl-C reaches the script, which stops it in order.
  const child = spawn(process.execPath, [MAIN], {
    cwd: dirname(florin.logFile),
    env: florin.environment,
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  // Whatever ends the script, its Florin goes too.
  const endAlong = (): void => void child.kill(lastSignal);
  process.once("exit", endAlong);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve())).then(
    () => void process.off("exit", endAlong),
  );
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  while (!(await isReady(florin.url))) {
    if (!isRunning()) throw new Error(`Florin did not start:\n${tailOf(florin.logFile)}`);
    if (performance.now() - startedMs > READY_LIMIT_MS) {
      child.kill("SIGKILL");
      throw new Error(`Florin was not ready within ${READY_LIMIT_MS / 1_000} s:\n${tailOf(florin.logFile)}`);
    }
    await sleep(POLL_MS);
  }
  return {
    pid: child.pid ?? 0,
    readyAfterMs: Math.round(performance.now() - startedMs),
    isRunning,
    stop: () => end(child, exited, "SIGTERM"),
    kill: () => end(child, exited, "SIGKILL"),
  };
}

async function end(child: ChildProcess, exited: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await exited;
  clearTimeout(force);
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

/** Kills the embedded PostgreSQL of a folder: the server and all its backends, at once, with -9. Returns how many. */
export function killDatabase(dataDir: string): number {
  const data = join(dataDir, "postgres", "data");
  return existsSync(join(data, "postmaster.pid")) ? killWorkersIn(data) : 0;
}

/** Kills with -9 every process that works in this folder or below it. Needs Linux. Returns how many. */
export function killWorkersIn(folder: string): number {
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && worksIn(pid, folder));
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  }
  return pids.length;
}

/** PostgreSQL's processes stand in their data folder, Redis's in their own. */
function worksIn(pid: number, folder: string): boolean {
  try {
    const place = readlinkSync(`/proc/${pid}/cwd`);
    return place === folder || place.startsWith(`${folder}${sep}`);
  } catch {
    return false;
  }
}

export function tailOf(file: string): string {
  if (!existsSync(file)) return "(no log)";
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}

export interface LogSummary {
  /** How often each message was logged at `error` or above. */
  readonly errors: ReadonlyMap<string, number>;
  readonly warnings: ReadonlyMap<string, number>;
  /** Lines that are no log lines: an uncaught error, a warning of Node. */
  readonly strange: readonly string[];
}

const ERROR_LEVEL = 50;
const MAX_LOG_BYTES = 200_000_000;

/** What a Florin complained about. */
export function readLog(file: string): LogSummary {
  const [errors, warnings, strange] = [new Map<string, number>(), new Map<string, number>(), [] as string[]];
  if (!existsSync(file) || statSync(file).size > MAX_LOG_BYTES) return { errors, warnings, strange };
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const entry = readEntry(line);
    if (entry === null) {
      if (/error|warning|unhandled|exception/i.test(line)) strange.push(line);
      continue;
    }
    const counts = entry.level >= ERROR_LEVEL ? errors : warnings;
    counts.set(entry.text, (counts.get(entry.text) ?? 0) + 1);
  }
  return { errors, warnings, strange };
}

function readEntry(line: string): { readonly level: number; readonly text: string } | null {
  if (!line.startsWith("{")) return null;
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== "object" || entry === null || !("level" in entry) || typeof entry.level !== "number")
      return null;
    const message = "msg" in entry ? String(entry.msg) : "";
    const detail =
      "err" in entry && typeof entry.err === "object" && entry.err !== null && "message" in entry.err
        ? `: ${String(entry.err.message)}`
        : "";
    return { level: entry.level, text: `${message}${detail}` };
  } catch {
    return null;
  }
}
