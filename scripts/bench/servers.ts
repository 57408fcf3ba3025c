/** The benchmark's own servers: an embedded PostgreSQL as Florin starts it, and a Redis when one is installed. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Logger } from "pino";
import connect from "postgres";
import { systemPorts } from "../../src/core/ports.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded/embedded-postgres.ts";
import { runMigrations } from "../../src/db/migrate.ts";

export interface BenchServers {
  readonly folder: string;
  /** A database with the schema, as `florin_app`; a new one for each call, so that runs don't feed on each other. */
  newDatabase(name: string): Promise<string>;
  /** Null when no Redis is at hand: then leases are in process memory, and the result says so. */
  readonly redisUrl: string | null;
  /** Writes out what loads before have left in memory. */
  settle(): Promise<void>;
  /** Removes a database and writes out what is left of it: vacuuming one must not slow what comes next. */
  dropDatabase(name: string): Promise<void>;
  stop(): Promise<void>;
}

const REDIS_START_TRIES = 50;

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function startRedis(folder: string): Promise<{ url: string; stop: () => void } | null> {
  const configured = process.env.REDIS_URL;
  if (configured !== undefined && configured !== "") return { url: configured, stop: () => {} };
  if (spawnSync("redis-server", ["--version"]).status !== 0) return null;
  const port = await findFreePort();
  const child = spawn("redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--dir", folder], {
    stdio: "ignore",
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const url = `redis://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < REDIS_START_TRIES; attempt += 1) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => {});
    const isUp = await redis.connect().then(
      () => true,
      () => false,
    );
    redis.disconnect();
    if (isUp) return { url, stop: () => child.kill("SIGTERM") };
    await sleep(50);
  }
  child.kill("SIGKILL");
  return null;
}

export async function startBenchServers(log: Logger): Promise<BenchServers> {
  const folder = mkdtempSync(join(tmpdir(), "florin-bench-"));
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), ports: systemPorts, log });
  const redis = await startRedis(folder);
  const sql = connect(postgres.url(), { max: 1, onnotice: () => {} });
  return {
    folder,
    redisUrl: redis?.url ?? null,
    async newDatabase(name) {
      await postgres.ensureDatabase(name);
      await runMigrations(postgres.url(name));
      await postgres.setAppRolePassword();
      return postgres.url(name, "app");
    },
    async settle() {
      await sql.unsafe("CHECKPOINT");
    },
    async dropDatabase(name) {
      await sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await sql.unsafe("CHECKPOINT");
    },
    async stop() {
      redis?.stop();
      await sql.end({ timeout: 5 });
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
