/**
 * One server process: told apart from strangers, started, watched, stopped. `postmaster.pid` in the data
 * folder names the server, but after a crash the id in it may belong to any other process: PostgreSQL then
 * refuses to start, so we find out whether it is really the server of this folder.
 */
import { closeSync, existsSync, openSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../core/ports.ts";
import type { HomeFolder } from "./home-folder.ts";
import type { Launcher } from "./launcher.ts";
import { toArguments, type Settings } from "./settings.ts";

const POLL_MS = 20;
/** Crash recovery replays at most `max_wal_size` of log; a slow disk needs its time for that. */
const START_LIMIT_MS = 300_000;
/** An adopted server is no child of ours: its end is seen by looking. */
const WATCH_MS = 200;
const ORPHAN_LIMIT_MS = 5_000;

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Settles when the process is gone. */
  readonly exited: Promise<string>;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
}

export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready` or `stopping`; empty in the first moments. */
  readonly status: string;
}

export function readPostmasterFile(data: string): PostmasterFile | null {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, "utf8").split("\n");
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isInteger(pid) || pid === 0) return null;
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? "").trim() };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Whether `pid` is a PostgreSQL process of this data folder (the server changes into it when it starts). */
export function isServerOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === "linux") {
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`) === data && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "postgres"
      );
    } catch {
      return false;
    }
  }
  // Elsewhere only the command line tells; without `ps` (Windows) we believe the file.
  const ps = spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  return ps.error !== undefined || (ps.stdout.includes("postgres") && ps.stdout.includes(data));
}

/** Removes a `postmaster.pid` whose process id now belongs to a stranger; PostgreSQL itself handles the rest. */
export function removeStalePostmasterFile(data: string): boolean {
  const file = readPostmasterFile(data);
  if (file === null || !isAlive(file.pid) || isServerOf(file.pid, data)) return false;
  rmSync(join(data, "postmaster.pid"), { force: true });
  return true;
}

/**
 * Ends what a killed server left behind. A backend in the middle of a long query notices the loss late, and
 * as long as it is attached to the shared memory no new server may start.
 */
export async function endOrphans(data: string, clock: Clock): Promise<void> {
  if (process.platform !== "linux") return;
  const findOrphans = (): readonly number[] =>
    readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && isServerOf(pid, data));
  const killAtMs = clock.monotonicMs() + ORPHAN_LIMIT_MS;
  let signal: NodeJS.Signals = "SIGQUIT";
  for (let orphans = findOrphans(); orphans.length > 0; orphans = findOrphans()) {
    if (clock.monotonicMs() > killAtMs) signal = "SIGKILL";
    for (const pid of orphans) sendSignal(pid, signal);
    await sleep(POLL_MS);
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already: what we wanted.
  }
}

/** A server that somebody else started. */
export function adoptPostmaster(file: PostmasterFile, data: string): Postmaster {
  const isRunning = (): boolean => isServerOf(file.pid, data);
  const exited = (async () => {
    while (isRunning()) await sleep(WATCH_MS, undefined, { ref: false });
    return "it ended";
  })();
  return {
    pid: file.pid,
    port: file.port,
    exited,
    isRunning,
    signal: (signal) => {
      if (isRunning()) sendSignal(file.pid, signal);
    },
  };
}

/** Why the server did not start; `logTail` is what it wrote. */
export class ServerStartError extends Error {
  override readonly name = "ServerStartError";
  readonly logTail: string;

  constructor(message: string, logTail: string) {
    super(`${message}\n${logTail}`);
    this.logTail = logTail;
  }
}

const LOG_TAIL_LINES = 20;

const tailOf = (file: string): string =>
  existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n") : "";

/** The newest file of the server's own log: after the collector has started, errors are only there. */
function tailOfServerLog(folder: string): string {
  const newest = readdirSync(folder).sort().at(-1);
  return newest === undefined ? "" : tailOf(join(folder, newest));
}

export interface StartServer {
  readonly home: HomeFolder;
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly port: number;
  readonly clock: Clock;
}

/** Starts the server and waits until it takes connections. Throws `ServerStartError`. */
export async function startServer({ home, launcher, settings, port, clock }: StartServer): Promise<Postmaster> {
  const output = openSync(home.startLog, "w", 0o600);
  const args = ["-D", home.data, "-p", String(port), ...toArguments(settings), "-c", `log_directory=${home.log}`];
  // `detached` is a session of its own: Ctrl-C in the terminal must reach Florin, which drains, not the database.
  const child = launcher.spawn(home.binaries.postgres, args, {
    cwd: home.home,
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const exit: { reason: string | null } = { reason: null };
  const exited = new Promise<string>((resolve) => {
    const settle = (reason: string): void => {
      exit.reason ??= reason;
      resolve(reason);
    };
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, signal) => settle(signal === null ? `exit code ${code}` : `killed by ${signal}`));
  });
  child.unref();
  const pid = child.pid ?? 0;
  const giveUpAtMs = clock.monotonicMs() + START_LIMIT_MS;
  while (true) {
    if (exit.reason !== null) {
      const tail = [tailOf(home.startLog), tailOfServerLog(home.log)].join("\n").trim();
      throw new ServerStartError(`The embedded PostgreSQL did not start (${exit.reason}).`, tail);
    }
    const file = readPostmasterFile(home.data);
    if (file?.pid === pid && file.status === "ready") break;
    if (clock.monotonicMs() > giveUpAtMs) {
      child.kill("SIGQUIT");
      throw new ServerStartError("The embedded PostgreSQL was not ready in time.", tailOfServerLog(home.log));
    }
    await sleep(POLL_MS);
  }
  return {
    pid,
    port,
    exited,
    isRunning: () => exit.reason === null,
    signal: (signal) => {
      if (exit.reason === null) child.kill(signal);
    },
  };
}

/** How long each way of stopping may take before the next, harder one is tried. */
export interface StopLimits {
  readonly fastMs: number;
  readonly immediateMs: number;
}

async function endsWithin(server: Postmaster, limitMs: number): Promise<boolean> {
  const controller = new AbortController();
  const late = sleep(limitMs, "late", { signal: controller.signal }).catch(() => "late");
  const winner = await Promise.race([server.exited.then(() => "ended"), late]);
  controller.abort();
  return winner === "ended";
}

/** Fast shutdown; a server that does not obey is ended harder. Committed work survives each of them. */
export async function stopServer(server: Postmaster, limits: StopLimits): Promise<void> {
  server.signal("SIGINT");
  if (await endsWithin(server, limits.fastMs)) return;
  server.signal("SIGQUIT");
  if (await endsWithin(server, limits.immediateMs)) return;
  server.signal("SIGKILL");
  await server.exited;
}
