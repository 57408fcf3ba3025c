/** A Redis master, its replica, and a Sentinel that decides alone (quorum 1). Florin asks the Sentinel for the master. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { systemPorts } from "../../src/core/ports.ts";
import { findFreePort } from "../../src/db/embedded/free-port.ts";
import { ensureRedis, launchRedis, type RedisProcess } from "../support/redis-server.ts";

export interface RedisTrio {
  readonly url: string;
  /** Kills the master and starts it again, empty, before the Sentinel takes it for dead. */
  killMaster(): Promise<void>;
  flush(): Promise<void>;
  /** Kills the master for good; resolves when the replica is the master and has a new replica. */
  failOver(): Promise<void>;
}

const NAME = "florin";
/** Longer than a restart takes, so that a killed master comes back as the master. */
const DOWN_AFTER_MS = 2_000;
const FAILOVER_LIMIT_MS = 5_000;
const PATIENCE_MS = 60_000;
const POLL_MS = 100;

export async function startRedisTrio(newFolder: (name: string) => string): Promise<RedisTrio> {
  ensureRedis();
  const data = newFolder("redis");
  const start = async (port: number, masterPort: number | null): Promise<RedisProcess> => {
    const replicaof = masterPort === null ? {} : { replicaof: `127.0.0.1 ${masterPort}` };
    const settings = { save: "", appendonly: "no", "repl-diskless-sync-delay": 0, ...replicaof };
    const redis = await launchRedis({ folder: data, port, settings });
    if (redis === null) throw new Error(`redis-server does not start on port ${port}`);
    return redis;
  };
  let master = await start(await findFreePort(systemPorts.random), null);
  let replica = await start(await findFreePort(systemPorts.random), master.port);
  const sentinelPort = await startSentinel(newFolder("sentinel"), master.port);
  const watch = new Redis({ port: sentinelPort, maxRetriesPerRequest: null });
  watch.on("error", () => {});

  /** Waits until one is the master and the other its replica. Where a restart took long, the Sentinel has changed them. */
  async function settle(): Promise<void> {
    await until("the Sentinel knows a master and its replica", async () => {
      if ((await masterPort(watch)) === replica.port) [master, replica] = [replica, master];
      return knowsReplica(watch, replica.port);
    });
  }
  await settle();

  return {
    url: `redis+sentinel://127.0.0.1:${sentinelPort}/${NAME}`,
    async killMaster() {
      await master.kill();
      master = await start(master.port, null);
      await settle();
    },
    async flush() {
      const redis = new Redis({ port: master.port, maxRetriesPerRequest: 3 });
      redis.on("error", () => {});
      await redis.flushall().finally(() => redis.disconnect());
    },
    async failOver() {
      await master.kill();
      await until("the Sentinel promotes the replica", async () => (await masterPort(watch)) === replica.port);
      master = await start(master.port, replica.port);
      await settle();
    },
  };
}

async function startSentinel(folder: string, masterPort: number): Promise<number> {
  const port = await findFreePort(systemPorts.random);
  const file = join(folder, "sentinel.conf");
  const lines = [
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 1`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_LIMIT_MS}`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const sentinel = await launchRedis({ folder, port, leading: [file, "--sentinel"] });
  if (sentinel === null) throw new Error(`the Sentinel does not start on port ${port}`);
  return sentinel.port;
}

async function masterPort(sentinel: Redis): Promise<number | null> {
  const address = await sentinel.call("SENTINEL", "get-master-addr-by-name", NAME);
  return Array.isArray(address) ? Number(address[1]) : null;
}

/** Without a replica that it knows to be fit, the Sentinel could promote nobody. */
async function knowsReplica(sentinel: Redis, port: number): Promise<boolean> {
  const replicas = await sentinel.call("SENTINEL", "replicas", NAME);
  return Array.isArray(replicas) && replicas.some((fields) => isFit(toRecord(fields), port));
}

const isFit = (replica: Readonly<Record<string, string>>, port: number): boolean =>
  replica.port === String(port) && replica.flags === "slave" && replica["master-link-status"] === "ok";

/** A map in either protocol: RESP3 has maps, RESP2 lists of names and values in turn. */
function toRecord(fields: unknown): Record<string, string> {
  if (!Array.isArray(fields)) return Object.fromEntries(Object.entries(fields ?? {}).map(([k, v]) => [k, String(v)]));
  const record: Record<string, string> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) record[String(fields[index])] = String(fields[index + 1]);
  return record;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > giveUpMs) throw new Error(`not within ${PATIENCE_MS / 1_000} s: ${what}`);
    await sleep(POLL_MS);
  }
}
