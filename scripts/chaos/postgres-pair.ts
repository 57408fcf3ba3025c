/**
 * A primary with one synchronous standby, reached through a door that always leads to the primary. A commit is
 * acknowledged when both have it, so a failover may lose nothing that was acknowledged. While there is no standby
 * (the old primary is dead, the new standby is being copied) commits wait for nobody, and nothing fails over.
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { systemPorts } from "../../src/core/ports.ts";
import { APP_ROLE } from "../../src/db/client.ts";
import { toScramVerifier } from "../../src/db/embedded/scram.ts";
import { runMigrations } from "../../src/db/migrate.ts";
import { createTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { createPostgresServer, type CrashKind, type PostgresServer } from "./postgres-server.ts";

export interface PostgresPair {
  readonly door: TcpProxy;
  /** Through the door. They hold passwords. */
  readonly ownerUrl: string;
  readonly appUrl: string;
  /** Ends the primary and starts it again; resolves when commits reach both servers. */
  crash(how: CrashKind): Promise<void>;
  /** Kills the primary, promotes the standby, makes a new standby of the old primary's folder. */
  failOver(): Promise<void>;
  /**
   * The same, after the primary has crashed and come back without its standby. By then it shows commits that it never
   * acknowledged and that its standby does not have.
   */
  failOverLate(): Promise<void>;
  health(): Health;
}

/** Faults of nodes are timed by the database's good time: nobody can adopt anything while it is away. */
export interface Health {
  readonly healthyMs: number;
  /** How often the database has been away. */
  readonly disturbances: number;
}

const DATABASE = "florin";
/** So long the primary goes on without its standby before it crashes and after it is back: commits wait, and are found. */
const ALONE_MS = 500;
const BACK_MS = 1_500;
const POLL_MS = 50;
const SYNC_LIMIT_MS = 120_000;

export async function startPostgresPair(options: {
  readonly folders: readonly [string, string];
}): Promise<PostgresPair> {
  const password = newPassword();
  const appPassword = newPassword();
  const [first, second] = options.folders;
  let primary = createPostgresServer({ folder: first, password });
  let standby = createPostgresServer({ folder: second, password });
  await primary.initialize();
  await primary.start();
  await createDatabase(primary, appPassword);
  await attachStandby(primary, standby);

  const door = await createTcpProxy({ host: "127.0.0.1", port: primary.port });
  const watch = watchHealth();

  /** The primary is dead: its standby takes its place, and its folder becomes the new standby. */
  async function promoteStandby(): Promise<void> {
    await withOwner(standby, (sql) => sql`SELECT pg_promote(true, 60)`);
    [primary, standby] = [standby, primary];
    door.retarget({ host: "127.0.0.1", port: primary.port });
    watch.healed();
    await attachStandby(primary, standby);
  }

  return {
    door,
    ownerUrl: door.through(primary.ownerUrl(DATABASE)),
    appUrl: `postgres://${APP_ROLE}:${appPassword}@127.0.0.1:${door.port}/${DATABASE}`,
    health: watch.read,
    async crash(how) {
      watch.disturbed();
      await primary.crash(how);
      await primary.start();
      await awaitSynchronous(primary);
      watch.healed();
    },
    async failOver() {
      watch.disturbed();
      await primary.crash("kill");
      await promoteStandby();
    },
    async failOverLate() {
      watch.disturbed();
      await standby.crash("kill");
      await sleep(ALONE_MS);
      await primary.crash("kill");
      await primary.start();
      await sleep(BACK_MS);
      await primary.crash("kill");
      await standby.start();
      await promoteStandby();
    },
  };
}

const newPassword = (): string => Buffer.from(systemPorts.random.bytes(24)).toString("base64url");

async function withOwner<T>(
  server: PostgresServer,
  work: (sql: postgres.Sql) => Promise<T>,
  database = "postgres",
): Promise<T> {
  const sql = postgres(server.ownerUrl(database), {
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => {},
  });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function createDatabase(server: PostgresServer, appPassword: string): Promise<void> {
  await withOwner(server, (sql) => sql.unsafe(`CREATE DATABASE ${DATABASE}`));
  await runMigrations(server.ownerUrl(DATABASE));
  const verifier = toScramVerifier(appPassword, systemPorts.random.bytes(16));
  await withOwner(server, (sql) => sql.unsafe(`ALTER ROLE ${APP_ROLE} LOGIN PASSWORD '${verifier}'`));
}

/** From here on a commit waits for the standby. Its copy is made before that: a promoted one must not wait for nobody. */
async function attachStandby(primary: PostgresServer, standby: PostgresServer): Promise<void> {
  await standby.copyFrom(primary);
  await standby.start();
  await withOwner(primary, async (sql) => {
    await sql.unsafe("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await sql`SELECT pg_reload_conf()`;
  });
  await awaitSynchronous(primary);
}

async function awaitSynchronous(primary: PostgresServer): Promise<void> {
  const giveUpMs = performance.now() + SYNC_LIMIT_MS;
  await withOwner(primary, async (sql) => {
    for (;;) {
      const rows = await sql`
        SELECT FROM pg_stat_replication
        WHERE state = 'streaming' AND sync_state = 'sync' AND flush_lsn >= pg_current_wal_flush_lsn()`;
      if (rows.length > 0) return;
      if (performance.now() > giveUpMs) throw new Error("the standby does not follow its primary");
      await sleep(POLL_MS);
    }
  });
}

function watchHealth() {
  let [healthyMs, disturbances] = [0, 0];
  let healthySinceMs: number | null = performance.now();
  const lasting = (): number => (healthySinceMs === null ? 0 : performance.now() - healthySinceMs);
  return {
    disturbed(): void {
      healthyMs += lasting();
      healthySinceMs = null;
      disturbances += 1;
    },
    healed(): void {
      healthySinceMs = performance.now();
    },
    read: (): Health => ({ healthyMs: healthyMs + lasting(), disturbances }),
  };
}
