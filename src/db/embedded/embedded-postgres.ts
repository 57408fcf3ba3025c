/**
 * The embedded PostgreSQL: what `npm start` runs on when no DATABASE_URL is set. It is a real server in a
 * process of its own, in a session of its own, bound to one data folder and one Florin:
 *
 * - two Florins never share a folder (`folder-lock.ts`); two servers neither.
 * - it stops with Florin. When Florin was killed it stays, and the next start adopts it.
 * - when it dies while Florin lives it comes back on the same port, so that clients reconnect; a server that
 *   keeps dying is given up, because each return replays its log and hides a broken disk or memory.
 */
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Ports } from "../../core/ports.ts";
import { APP_ROLE } from "../client.ts";
import { findBinaries } from "./binaries.ts";
import { type Cluster, newCluster, readCluster, writeCluster } from "./cluster-file.ts";
import { type FolderLock, lockFolder } from "./folder-lock.ts";
import { findFreePort, isPortFree } from "./free-port.ts";
import { type HomeFolder, prepareHome } from "./home-folder.ts";
import { hasCluster, initializeCluster, OWNER_ROLE } from "./initialize-cluster.ts";
import { chooseLauncher, type Launcher } from "./launcher.ts";
import {
  adoptPostmaster,
  endOrphans,
  isServerOf,
  type Postmaster,
  readPostmasterFile,
  removeStalePostmasterFile,
  ServerStartError,
  startServer,
  stopServer,
  type StopLimits,
} from "./postmaster.ts";
import { toScramVerifier } from "./scram.ts";
import { EMBEDDED_SETTINGS, type Settings, toArguments } from "./settings.ts";

/** Fits pino. */
export interface EmbeddedPostgresLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EmbeddedPostgresOptions {
  /** Made when missing. Everything of the server and its secrets lies in here. */
  readonly dataDir: string;
  readonly ports: Ports;
  readonly log: EmbeddedPostgresLog;
  /** Created when missing; `florin` by default. */
  readonly database?: string;
  /** Over `EMBEDDED_SETTINGS`. */
  readonly settings?: Settings;
  /** Told at each unexpected end of the server, before it is started again. */
  readonly onExit?: (reason: string) => void;
  /** Told when the server keeps dying and is not started any more: Florin should end. */
  readonly onGaveUp?: (error: Error) => void;
  /** False makes root drop to another account instead of mapping itself to one; for tests. */
  readonly allowUserNamespaces?: boolean;
  readonly stopLimits?: StopLimits;
}

export type EmbeddedRole = "owner" | "app";

export interface EmbeddedPostgres {
  readonly port: number;
  /** The server's process id just now; tests kill it. */
  pid(): number;
  /** True when a server that a killed Florin had left was taken over. */
  readonly wasAdopted: boolean;
  /** `owner` may do everything (migrations); `app` is `florin_app`. Holds the password: never log it. */
  url(database?: string, role?: EmbeddedRole): string;
  ensureDatabase(name: string): Promise<void>;
  /** Lets `florin_app` sign in with its generated password. Call it after the migrations, which create the role. */
  setAppRolePassword(): Promise<void>;
  /** Fast shutdown. Close your own connections first: open ones are cut. */
  stop(): Promise<void>;
}

/** Florin itself must be gone within 10 s of SIGTERM, and its drain comes first. */
const STOP_LIMITS: StopLimits = { fastMs: 4_000, immediateMs: 2_000 };
/** A left server that is just starting or stopping is waited for; recovery after a crash can take a while. */
const SETTLE_LIMIT_MS = 60_000;
const POLL_MS = 50;
/** Five returns in five minutes: more is no accident. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 300_000;
const START_TRIES = 20;
const RETRY_MS = 250;
const MAX_RETRY_MS = 2_000;
/** Names of databases and roles go into SQL as text; these need no quoting. */
const PLAIN_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

interface Setup {
  readonly home: HomeFolder;
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly ports: Ports;
  readonly log: EmbeddedPostgresLog;
  readonly clusterFile: string;
  /** Tells our running server from strangers and from one with other settings. */
  readonly marker: string;
}

const ownerUrl = (cluster: Cluster, port: number, database: string): string =>
  `postgres://${OWNER_ROLE}:${cluster.ownerPassword}@127.0.0.1:${port}/${database}`;

async function withOwner<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Takes over a server that runs on our folder already; null when none does, or when it had to be stopped. */
async function takeOverServer(setup: Setup, cluster: Cluster, stopLimits: StopLimits): Promise<Postmaster | null> {
  const { home, ports, log } = setup;
  const giveUpAtMs = ports.clock.monotonicMs() + SETTLE_LIMIT_MS;
  let file = readPostmasterFile(home.data);
  while (file !== null && file.status !== "ready" && isServerOf(file.pid, home.data)) {
    if (ports.clock.monotonicMs() > giveUpAtMs) break;
    await sleep(POLL_MS);
    file = readPostmasterFile(home.data);
  }
  if (file === null || !isServerOf(file.pid, home.data)) return null;
  const server = adoptPostmaster(file, home.data);
  try {
    const name = await withOwner(ownerUrl(cluster, file.port, "postgres"), async (sql) => {
      const [row] = await sql<{ readonly name: string }[]>`SELECT current_setting('cluster_name') AS name`;
      return row?.name;
    });
    if (name === setup.marker) return server;
    log.info({ pid: file.pid }, "embedded PostgreSQL runs with settings of another version: restarting it");
  } catch (error) {
    log.warn({ pid: file.pid, err: error }, "embedded PostgreSQL runs but can't be used: restarting it");
  }
  await stopServer(server, stopLimits);
  return null;
}

interface BringUp {
  readonly port: number | null;
  /** While clients are connected the port must not change. */
  readonly mayChangePort: boolean;
}

/** Starts the server, through everything that a crash can have left in its way. */
async function bringUp(setup: Setup, { port, mayChangePort }: BringUp): Promise<Postmaster> {
  const { home, ports, log } = setup;
  await endOrphans(home.data, ports.clock);
  if (removeStalePostmasterFile(home.data))
    log.info({}, "removed a postmaster.pid whose process id belongs to a stranger");
  let chosen = port;
  for (let attempt = 1; ; attempt += 1) {
    if (chosen === null || (mayChangePort && !(await isPortFree(chosen)))) chosen = await findFreePort(ports.random);
    try {
      return await startServer({ ...setup, port: chosen, clock: ports.clock });
    } catch (error) {
      if (!(error instanceof ServerStartError) || attempt >= START_TRIES) throw error;
      const isPortTaken = /could not bind|address already in use/i.test(error.logTail);
      const isLeftOver = /pre-existing shared memory|lock file .* already exists/i.test(error.logTail);
      if (!isPortTaken && !isLeftOver) throw error;
      if (isPortTaken && mayChangePort) chosen = null;
      log.warn({ attempt, port: chosen }, "embedded PostgreSQL could not start yet: trying again");
      await sleep(RETRY_MS);
    }
  }
}

async function openCluster(setup: Setup, cluster: Cluster, stopLimits: StopLimits) {
  if (!hasCluster(setup.home)) {
    setup.log.info({ folder: setup.home.home }, "making the embedded PostgreSQL database");
    await initializeCluster({ ...setup, ownerPassword: cluster.ownerPassword });
  }
  const adopted = await takeOverServer(setup, cluster, stopLimits);
  const server = adopted ?? (await bringUp(setup, { port: cluster.port, mayChangePort: true }));
  if (server.port !== cluster.port) writeCluster(setup.clusterFile, { ...cluster, port: server.port });
  return { server, wasAdopted: adopted !== null };
}

/**
 * Resolves when the server takes connections and `database` exists. Throws `FolderInUseError` when another
 * Florin holds `dataDir`, and an `Error` that says what to do when the server can't run here.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = realpathSync(options.dataDir);
  const lock = await lockFolder(dataDir, options.ports.clock);
  try {
    return await startLocked(options, dataDir, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function readSetup(options: EmbeddedPostgresOptions, dataDir: string): { setup: Setup; cluster: Cluster } {
  const { ports, log } = options;
  const binaries = findBinaries();
  const launcher = chooseLauncher({
    probe: binaries.initdb,
    allowUserNamespaces: options.allowUserNamespaces ?? true,
  });
  const home = prepareHome(dataDir, binaries, launcher);
  const clusterFile = join(dataDir, "cluster.json");
  let cluster = readCluster(clusterFile);
  if (cluster === null) {
    if (hasCluster(home)) {
      throw new Error(
        `${clusterFile} is missing, and with it the passwords of the database in ${home.data}. ` +
          "Restore that file from a backup, or start with an empty DATA_DIR.",
      );
    }
    cluster = newCluster(ports.random);
    writeCluster(clusterFile, cluster);
  }
  const settings = { ...EMBEDDED_SETTINGS, ...options.settings };
  const print = createHash("sha256")
    .update(JSON.stringify([binaries.version, launcher.kind, toArguments(settings)]))
    .digest("hex");
  const marker = `florin-${cluster.clusterId}-${print.slice(0, 16)}`;
  const setup = { home, launcher, settings: { ...settings, cluster_name: marker }, ports, log, clusterFile, marker };
  return { setup, cluster };
}

async function startLocked(
  options: EmbeddedPostgresOptions,
  dataDir: string,
  lock: FolderLock,
): Promise<EmbeddedPostgres> {
  const { ports, log } = options;
  const stopLimits = options.stopLimits ?? STOP_LIMITS;
  const startedAtMs = ports.clock.monotonicMs();
  const { setup, cluster } = readSetup(options, dataDir);
  const opened = await openCluster(setup, cluster, stopLimits);
  const { port } = opened.server;
  let server = opened.server;
  let isStopping = false;

  // Also an exit without `stop` (an uncaught error) takes the server along: a fast shutdown needs no parent.
  const stopAtExit = (): void => server.signal("SIGINT");
  process.once("exit", stopAtExit);

  const restart = async (pastRestartsMs: readonly number[]): Promise<void> => {
    const nowMs = ports.clock.monotonicMs();
    const recentMs = pastRestartsMs.filter((atMs) => nowMs - atMs < RESTART_WINDOW_MS);
    if (recentMs.length >= MAX_RESTARTS) {
      throw new Error(
        `The embedded PostgreSQL died ${recentMs.length + 1} times in five minutes; see ${setup.home.log}`,
      );
    }
    await sleep(Math.min(recentMs.length * RETRY_MS, MAX_RETRY_MS));
    if (isStopping) return;
    const next = await bringUp(setup, { port, mayChangePort: false });
    server = next;
    if (isStopping) return await stopServer(next, stopLimits);
    log.info({ pid: next.pid, port }, "embedded PostgreSQL is back");
    return await supervise([...recentMs, nowMs]);
  };
  const supervise = async (pastRestartsMs: readonly number[]): Promise<void> => {
    const reason = await server.exited;
    if (isStopping) return;
    log.error({ reason }, "embedded PostgreSQL ended by itself: starting it again");
    options.onExit?.(reason);
    await restart(pastRestartsMs);
  };
  const supervision = supervise([]).catch((error: unknown) => {
    log.error({ err: error }, "embedded PostgreSQL is given up");
    options.onGaveUp?.(error instanceof Error ? error : new Error(String(error)));
  });

  const defaultDatabase = options.database ?? "florin";
  const url = (database = defaultDatabase, role: EmbeddedRole = "owner"): string =>
    role === "owner"
      ? ownerUrl(cluster, port, database)
      : `postgres://${APP_ROLE}:${cluster.appPassword}@127.0.0.1:${port}/${database}`;

  const embedded: EmbeddedPostgres = {
    port,
    pid: () => server.pid,
    wasAdopted: opened.wasAdopted,
    url,
    async ensureDatabase(name) {
      if (!PLAIN_NAME.test(name)) throw new Error(`not a plain database name: ${name}`);
      await withOwner(url("postgres"), async (sql) => {
        const [row] = await sql`SELECT 1 FROM pg_database WHERE datname = ${name}`;
        if (!row) await sql.unsafe(`CREATE DATABASE ${name}`);
      });
    },
    async setAppRolePassword() {
      const verifier = toScramVerifier(cluster.appPassword, ports.random.bytes(16));
      await withOwner(url("postgres"), (sql) => sql.unsafe(`ALTER ROLE ${APP_ROLE} LOGIN PASSWORD '${verifier}'`));
    },
    async stop() {
      if (isStopping) return await supervision;
      isStopping = true;
      process.removeListener("exit", stopAtExit);
      await stopServer(server, stopLimits);
      await supervision;
      lock.release();
      log.info({}, "embedded PostgreSQL stopped");
    },
  };
  try {
    await embedded.ensureDatabase(defaultDatabase);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
  const tookMs = Math.round(ports.clock.monotonicMs() - startedAtMs);
  log.info({ pid: server.pid, port, tookMs, adopted: opened.wasAdopted }, "embedded PostgreSQL is ready");
  return embedded;
}
