/** Which leases a node uses: Redis where one is configured, else this process's memory. */
import type { OpenLeases } from "./leases.ts";
import { createLeaseStore, createMemoryLeases } from "./memory-leases.ts";
import { createRedisLeases } from "./redis-leases.ts";

export interface LeaseChoice {
  /** Null: leases in process memory. */
  readonly redisUrl: string | null;
  /** Put before every key and channel, where several Florins share one Redis. */
  readonly keyPrefix?: string;
}

export function chooseLeases({ redisUrl, ...choice }: LeaseChoice): OpenLeases {
  if (redisUrl !== null) return (options) => createRedisLeases({ ...options, ...choice, url: redisUrl });
  const store = createLeaseStore();
  return (options) => createMemoryLeases({ ...options, store });
}
