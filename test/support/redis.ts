/** A Redis of its own for each test file: a database number where the server is ours, a key prefix everywhere. */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { inject } from "vitest";

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Also for channels: publish and subscribe know no database numbers. */
  readonly keyPrefix: string;
  /** Removes what the test left. */
  drop(): Promise<void>;
}

/** Numbers 1 to 1,023 (`redis-server.ts` makes 1,024); 0 holds the counter. */
const USABLE_DATABASES = 1_023;

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 3 });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function deleteKeys(redis: Redis, pattern: string): Promise<void> {
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", pattern, "COUNT", 1_000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== "0");
}

export async function createTestRedis(): Promise<TestRedis> {
  const { redisUrl, ownsRedis } = inject("servers");
  const keyPrefix = `test-${randomBytes(6).toString("hex")}:`;
  let url = redisUrl;
  if (ownsRedis) {
    const taken = await withRedis(redisUrl, (redis) => redis.incr("taken-databases"));
    url = `${redisUrl}/${1 + (taken % USABLE_DATABASES)}`;
  }
  const drop = (): Promise<void> =>
    withRedis(url, async (redis) => {
      // Somebody else's Redis is never flushed.
      if (ownsRedis) await redis.flushdb();
      else await deleteKeys(redis, `${keyPrefix}*`);
    });
  return { url, keyPrefix, drop, [Symbol.asyncDispose]: drop };
}
