/**
 * Leases in Redis. Operations of one turn of the event loop go out together, one script call for each bucket:
 * a lease taken and returned by single commands cost a third of the whole throughput. Buckets are hash tags,
 * so a group stays on one node of a Redis Cluster.
 *
 * Whatever Redis does, nobody waits: when it is down, slow or wrong, `take` says `unavailable` within
 * `COMMAND_TIMEOUT_MS`, and PostgreSQL still decides.
 */
import { LEASE_SCRIPT, LEASE_SCRIPT_SHA1, type LeaseOperation } from "./lease-script.ts";
import type { LeaseOptions, Leases, LeaseVerdict } from "./leases.ts";
import { connectRedis, type RedisConnection } from "./redis-connection.ts";

export interface RedisLeaseOptions extends LeaseOptions {
  readonly url: string;
  /** Put before every key and channel, where several Florins share one Redis. */
  readonly keyPrefix?: string;
}

/** Enough to spread over a small cluster, few enough that the operations of one turn still share a call. */
const BUCKETS = 8;
/** Redis runs a script to its end: a longer group would delay everybody else. */
const MAX_GROUP = 250;
const TOKEN_BYTES = 9;
/** How often an unanswering Redis is tried while commands are held back. */
const PROBE_MS = 250;
/** After so many silent probes the connection itself is taken for dead and made anew. */
const PROBES_BEFORE_RECONNECT = 8;

const UNAVAILABLE: LeaseVerdict = { kind: "unavailable" };
const TAKEN: LeaseVerdict = { kind: "taken" };

interface Operation {
  readonly operation: LeaseOperation;
  readonly name: string;
  readonly value: string;
  /** The value that stands in Redis afterwards; null when Redis did not answer. */
  readonly settle: (standing: string | null) => void;
}

interface OwnLease {
  readonly value: string;
  readonly takenAtMs: number;
}

export function createRedisLeases(options: RedisLeaseOptions): Leases {
  const { node, ttlMs, ports, keyPrefix = "" } = options;
  const own = new Map<string, OwnLease>();
  const listeners = new Set<(name: string) => void>();
  let groups = emptyGroups();
  let wakeUps = new Map<string, Set<string>>();
  let isFlushPlanned = false;
  let isClosed = false;
  // Optimistic until the first sign of trouble; `status` still refuses what can't be sent.
  let isResponsive = true;
  let silentProbes = 0;
  let lastReported: boolean | null = null;

  const commands = connectRedis(options.url);
  const subscriber = connectRedis(options.url);
  const channel = `${keyPrefix}wake:${node}`;

  const isAvailable = (): boolean => isResponsive && commands.status === "ready";

  const report = (reason: string): void => {
    const now = isAvailable();
    if (isClosed || now === lastReported) return;
    lastReported = now;
    options.onAvailability?.(now, reason);
  };

  // Without these, ioredis writes every failed attempt to connect to the console.
  commands.on("error", (error: Error) => report(error.message));
  subscriber.on("error", () => {});
  commands.on("close", () => report("the connection closed"));
  commands.on("ready", () => {
    isResponsive = true;
    report("the connection is ready");
  });
  subscriber.on("ready", () => void subscriber.subscribe(channel).catch(() => {}));
  subscriber.on("message", (_channel: string, message: string) => {
    for (const name of message.split("\n")) notify(name);
  });

  const notify = (name: string): void => {
    for (const listener of listeners) listener(name);
  };

  const doubt = (error: unknown): void => {
    // An error that Redis itself sent (loading, read-only, out of memory) is an answer: it is not silent.
    if (commands.status !== "ready" || !(error instanceof Error) || error.name === "ReplyError") return;
    isResponsive = false;
    report(error.message);
  };

  const planFlush = (): void => {
    if (isFlushPlanned) return;
    isFlushPlanned = true;
    ports.timers.soon(flush);
  };

  const flush = (): void => {
    isFlushPlanned = false;
    const [dueGroups, dueWakeUps] = [groups, wakeUps];
    groups = emptyGroups();
    if (dueWakeUps.size > 0) wakeUps = new Map();
    for (const [bucket, operations] of dueGroups.entries()) {
      for (let start = 0; start < operations.length; start += MAX_GROUP) {
        void runGroup(bucket, operations.slice(start, start + MAX_GROUP));
      }
    }
    for (const [target, names] of dueWakeUps) {
      if (isAvailable()) commands.publish(`${keyPrefix}wake:${target}`, [...names].join("\n")).catch(doubt);
    }
  };

  const runGroup = async (bucket: number, operations: readonly Operation[]): Promise<void> => {
    let standing: readonly unknown[] = [];
    if (isAvailable()) {
      const keys = operations.map(({ name }) => `${keyPrefix}lease:{${bucket}}:${name}`);
      const values = operations.flatMap(({ operation, value }) => [operation, value]);
      try {
        standing = await runScript(commands, keys, [String(ttlMs), ...values]);
      } catch (error) {
        doubt(error);
      }
    }
    for (const [index, { settle }] of operations.entries()) {
      const value = standing[index];
      settle(typeof value === "string" ? value : null);
    }
  };

  const enqueue = (operation: Operation): void => {
    groups[bucketOf(operation.name)]?.push(operation);
    planFlush();
  };

  const renewAll = (): void => {
    if (!isAvailable()) return;
    const nowMs = ports.clock.monotonicMs();
    for (const [name, lease] of own) {
      // Younger ones live until the next round anyway; most are returned long before.
      if (nowMs - lease.takenAtMs < ttlMs / 3) continue;
      const settle = (standing: string | null): void => {
        if (standing !== null && standing !== lease.value && own.get(name) === lease) own.delete(name);
      };
      enqueue({ operation: "renew", name, value: lease.value, settle });
    }
  };

  const probe = async (): Promise<void> => {
    if (isResponsive || commands.status !== "ready") return;
    try {
      await commands.ping();
      isResponsive = true;
      silentProbes = 0;
      report("it answers again");
    } catch {
      silentProbes += 1;
      if (silentProbes < PROBES_BEFORE_RECONNECT || !("stream" in commands)) return;
      silentProbes = 0;
      commands.disconnect(true);
    }
  };

  const stopRenewing = ports.timers.every(Math.ceil(ttlMs / 3), renewAll);
  const stopProbing = ports.timers.every(PROBE_MS, () => void probe());

  return {
    take(name) {
      if (isClosed) return Promise.resolve(UNAVAILABLE);
      const token = Buffer.from(ports.random.bytes(TOKEN_BYTES)).toString("base64url");
      const lease = { value: `${node}:${token}`, takenAtMs: ports.clock.monotonicMs() };
      // Kept even when Redis does not answer: it may have taken the lease, and a renewal tries again.
      own.set(name, lease);
      return new Promise((resolve) => {
        const settle = (standing: string | null): void => {
          const isHeld = standing !== null && standing !== lease.value;
          if (isHeld && own.get(name) === lease) own.delete(name);
          resolve(isHeld ? { kind: "held", holder: nodeOf(standing) } : standing === null ? UNAVAILABLE : TAKEN);
        };
        enqueue({ operation: "take", name, value: lease.value, settle });
      });
    },
    giveBack(name) {
      const lease = own.get(name);
      if (lease === undefined) return;
      own.delete(name);
      if (isAvailable()) enqueue({ operation: "return", name, value: lease.value, settle: () => {} });
    },
    wake(target, name) {
      if (isClosed) return;
      if (target === node) {
        ports.timers.soon(() => notify(name));
        return;
      }
      const names = wakeUps.get(target);
      if (names === undefined) wakeUps.set(target, new Set([name]));
      else names.add(name);
      planFlush();
    },
    onWake(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    isAvailable,
    async close() {
      if (isClosed) return;
      isClosed = true;
      stopRenewing();
      stopProbing();
      listeners.clear();
      const returned = [...own].map(
        ([name, { value }]) =>
          new Promise<void>((resolve) => enqueue({ operation: "return", name, value, settle: () => resolve() })),
      );
      own.clear();
      await Promise.all(returned);
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}

const nodeOf = (value: string): string => value.slice(0, value.lastIndexOf(":"));

const emptyGroups = (): Operation[][] => Array.from({ length: BUCKETS }, () => []);

/** FNV-1a: spreads ids that differ in few characters. The same on every node, or leases would not meet. */
function bucketOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % BUCKETS;
}

async function runScript(
  redis: RedisConnection,
  keys: readonly string[],
  values: readonly string[],
): Promise<unknown[]> {
  const reply = await redis.evalsha(LEASE_SCRIPT_SHA1, keys.length, ...keys, ...values).catch((error: unknown) => {
    // A restarted or flushed Redis has forgotten the script.
    if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
      return redis.eval(LEASE_SCRIPT, keys.length, ...keys, ...values);
    }
    throw error;
  });
  return Array.isArray(reply) ? reply : [];
}
