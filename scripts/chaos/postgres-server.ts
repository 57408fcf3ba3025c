/** One PostgreSQL server of the pair: made from nothing or as the copy of a running one, started, crashed. */
import { readdirSync } from "node:fs";
import { appendFile, copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { systemPorts } from "../../src/core/ports.ts";
import { findBinaries } from "../../src/db/embedded/binaries.ts";
import { findFreePort } from "../../src/db/embedded/free-port.ts";
import { prepareHome } from "../../src/db/embedded/home-folder.ts";
import { initializeCluster, OWNER_ROLE } from "../../src/db/embedded/initialize-cluster.ts";
import { chooseLauncher } from "../../src/db/embedded/launcher.ts";
import { endOrphans, type Postmaster, ServerStartError, startServer } from "../../src/db/embedded/postmaster.ts";
import { EMBEDDED_SETTINGS, type Settings } from "../../src/db/embedded/settings.ts";
import { killWorkersIn } from "../support/florin-process.ts";

export interface PostgresServer {
  /** Known once it has started. */
  readonly port: number;
  /** Of the owner, straight to this server. Holds the password. */
  ownerUrl(database: string): string;
  initialize(): Promise<void>;
  /** Makes this folder a standby of the other server, which runs. */
  copyFrom(primary: PostgresServer): Promise<void>;
  readonly dataFolder: string;
  start(): Promise<void>;
  /** `immediate`: what `pg_ctl stop -m immediate` does. `kill`: -9 to all its processes at once. */
  crash(how: CrashKind): Promise<void>;
}

export type CrashKind = "immediate" | "kill";

const SETTINGS: Settings = {
  ...EMBEDDED_SETTINGS,
  shared_buffers: "64MB",
  // Backends of killed nodes linger for a moment beside those of their successors.
  max_connections: "200",
  // Enough for a standby to find its way back after any of our crashes without a slot.
  wal_keep_size: "512MB",
  wal_retrieve_retry_interval: "100ms",
  hot_standby: "on",
};

const START_TRIES = 50;
const RETRY_MS = 100;
const COPIES_AT_ONCE = 8;
/** What a base backup leaves out (documentation, chapter "Making a Base Backup Using the Low Level API"). */
const NOT_COPIED =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/|^postmaster\.|pgsql_tmp|^backup_label|^standby\.signal/;

export function createPostgresServer(options: { readonly folder: string; readonly password: string }): PostgresServer {
  const { folder, password } = options;
  const binaries = findBinaries();
  const launcher = chooseLauncher({ probe: binaries.initdb, allowUserNamespaces: true });
  let home = prepareHome(folder, binaries, launcher);
  let running: Postmaster | null = null;
  /** 0 until it has been ours: then it stays, for others have been told. */
  let port = 0;

  const ownerUrl = (database: string): string => `postgres://${OWNER_ROLE}:${password}@127.0.0.1:${port}/${database}`;

  return {
    get port() {
      return port;
    },
    ownerUrl,
    dataFolder: home.data,
    initialize: () => initializeCluster({ home, launcher, ownerPassword: password }),

    async copyFrom(primary) {
      await rm(home.data, { recursive: true, force: true });
      const session = postgres(primary.ownerUrl("postgres"), { max: 1, fetch_types: false, onnotice: () => {} });
      try {
        await session`SELECT pg_backup_start('standby', true)`;
        await copyTree(primary.dataFolder, home.data);
        const [stopped] = await session<{ label: string }[]>`SELECT labelfile AS label FROM pg_backup_stop(false)`;
        await writeFile(join(home.data, "backup_label"), stopped?.label ?? "", { mode: 0o600 });
      } finally {
        await session.end({ timeout: 5 });
      }
      await writeFile(join(home.data, "standby.signal"), "", { mode: 0o600 });
      const reach = `host=127.0.0.1 port=${primary.port} user=${OWNER_ROLE} password=${password}`;
      await appendFile(join(home.data, "postgresql.auto.conf"), `primary_conninfo = '${reach}'\n`);
      // Once more, so that the copy belongs to the account that runs the server.
      home = prepareHome(folder, binaries, launcher);
    },

    async start() {
      for (let attempt = 1; ; attempt += 1) {
        await endOrphans(home.data, systemPorts.clock);
        try {
          const chosen = port === 0 ? await findFreePort(systemPorts.random) : port;
          running = await startServer({ home, launcher, settings: SETTINGS, port: chosen, clock: systemPorts.clock });
          port = chosen;
          return;
        } catch (error) {
          // The crashed server's shared memory or port may take a moment to be free.
          if (!(error instanceof ServerStartError) || attempt >= START_TRIES) throw error;
          await sleep(RETRY_MS);
        }
      }
    },

    async crash(how) {
      const victim = running;
      running = null;
      if (victim === null) return;
      if (how === "immediate") victim.signal("SIGQUIT");
      else killWorkersIn(home.data);
      await victim.exited;
    },
  };
}

/** Copies the files of a running server. Files that vanish meanwhile are none that the copy needs. */
async function copyTree(from: string, to: string): Promise<void> {
  const entries = readdirSync(from, { withFileTypes: true, recursive: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name).slice(from.length + 1),
    isFolder: entry.isDirectory(),
  }));
  await mkdir(to, { mode: 0o700 });
  for (const { path } of entries.filter(({ isFolder }) => isFolder)) {
    await mkdir(join(to, path), { recursive: true, mode: 0o700 });
  }
  const files = entries.filter(({ path, isFolder }) => !isFolder && !NOT_COPIED.test(path)).values();
  const copyNext = async (): Promise<void> => {
    for (const { path } of files) {
      await copyFile(join(from, path), join(to, path)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: COPIES_AT_ONCE }, copyNext));
}
