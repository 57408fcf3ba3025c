/**
 * Connections that fail at once instead of waiting: a command that can't go out now is an error now, and a
 * command whose connection broke is never sent again by the client, because by then the lease may be another's.
 */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { parseRedisUrl } from "./redis-address.ts";

export type RedisConnection = Redis | Cluster;

/** A healthy Redis answers within a millisecond; a payment must not wait longer than this for one that is not. */
export const COMMAND_TIMEOUT_MS = 250;
const CONNECT_TIMEOUT_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
/** Pauses between attempts to connect: short, because a restart of Redis takes about a second. */
const RECONNECT_BASE_MS = 50;
const RECONNECT_CAP_MS = 1_000;

const pauseBefore = (attempt: number): number =>
  Math.min(RECONNECT_CAP_MS, RECONNECT_BASE_MS * 2 ** Math.min(attempt - 1, 10));

export function connectRedis(url: string): RedisConnection {
  const address = parseRedisUrl(url);
  const options = {
    ...address.credentials,
    ...(address.isTls ? { tls: {} } : {}),
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
  } satisfies RedisOptions;
  const single = { ...options, enableOfflineQueue: false, retryStrategy: pauseBefore } satisfies RedisOptions;
  switch (address.kind) {
    case "single":
      return new Redis({ ...single, ...address.nodes[0], db: address.db });
    case "sentinel":
      return new Redis({
        ...single,
        sentinels: [...address.nodes],
        name: address.master,
        db: address.db,
        sentinelRetryStrategy: pauseBefore,
        ...(address.sentinelPassword === null ? {} : { sentinelPassword: address.sentinelPassword }),
        ...(address.isTls ? { enableTLSForSentinelMode: true } : {}),
      });
    case "cluster":
      return new Cluster([...address.nodes], {
        enableOfflineQueue: false,
        clusterRetryStrategy: pauseBefore,
        redisOptions: options,
      });
  }
}
