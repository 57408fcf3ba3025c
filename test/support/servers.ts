/**
 * A process of its own that runs PostgreSQL and Redis for one test run. It lives as long as its standard
 * input stays open: the kernel closes that with the test run, however it ends (Ctrl-C, kill -9), and then
 * the servers stop and their folder is removed.
 */
import postgres from "postgres";
import { systemPorts } from "../../src/core/ports.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded/embedded-postgres.ts";
import { runMigrations } from "../../src/db/migrate.ts";
import { type RedisServer, startRedisServer } from "../../scripts/support/redis-server.ts";
import { type ServerAddresses, TEMPLATE_DATABASE } from "./server-addresses.ts";
import { createTempFolder } from "./temp-folder.ts";

const folder = createTempFolder("run");
const stops: (() => Promise<void>)[] = [];

async function stopAll(exitCode: number): Promise<never> {
  for (const stop of stops.splice(0)) await stop().catch((error: unknown) => console.error(error));
  folder.remove();
  process.exit(exitCode);
}

const log = {
  info: () => {},
  warn: (fields: object, message: string) => console.error(`florin tests: ${message}`, fields),
  error: (fields: object, message: string) => console.error(`florin tests: ${message}`, fields),
};

async function startPostgres() {
  const server = await startEmbeddedPostgres({
    dataDir: folder.path,
    ports: systemPorts,
    log,
    database: TEMPLATE_DATABASE,
    // Two workers with many small pools each.
    settings: { max_connections: "300", shared_buffers: "128MB" },
  });
  stops.push(() => server.stop());
  await runMigrations(server.url());
  await server.setAppRolePassword();
  const sql = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
  // Nobody may connect: a template in use can't be copied.
  await sql.unsafe(`ALTER DATABASE ${TEMPLATE_DATABASE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  await sql.end();
  return server;
}

async function startRedis(): Promise<RedisServer> {
  const given = process.env.REDIS_URL;
  if (given) return { url: given, stop: async () => {} };
  const server = await startRedisServer(folder.path);
  stops.push(() => server.stop());
  return server;
}

process.stdin.resume();
process.stdin.once("close", () => void stopAll(0));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => void stopAll(0));

try {
  const [server, redis] = await Promise.all([startPostgres(), startRedis()]);
  const addresses: ServerAddresses = {
    postgresOwnerUrl: server.url("postgres", "owner"),
    postgresAppUrl: server.url("postgres", "app"),
    redisUrl: redis.url,
    ownsRedis: !process.env.REDIS_URL,
  };
  process.stdout.write(`${JSON.stringify(addresses)}\n`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stopAll(1);
}
