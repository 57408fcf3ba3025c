/**
 * Copies events into a Redis Stream, for consumers inside the house that read in groups. An entry's id is the event's
 * position, and Redis refuses an id that is not above its last one: so writing twice is harmless, and nothing overtakes.
 *
 * Where to go on is read from the stream itself: a Redis that forgot (flushed, or a failover to a replica that lagged)
 * gets again what it lacks, as far back as the stream's length. One node at a time does it; no network call happens
 * inside a database transaction; without Redis nothing else waits.
 */
import type { Logger } from "pino";
import { type CancelTimer, type Ports, sleep } from "../core/ports.ts";
import type { EventStatements } from "../db/event-access.ts";
import type { PositionedEvent } from "../db/statements/events.ts";
import { connectRedis } from "../engine/leases/redis-connection.ts";
import { eventIdOf, toEventText } from "./event-text.ts";

export interface RedisStreamOptions {
  readonly url: string;
  /** Put before the key, where several Florins share one Redis. */
  readonly keyPrefix?: string;
  /** About so many entries are kept. */
  readonly maxLength: number;
  readonly statements: Pick<
    EventStatements,
    "readAllEvents" | "readLastPosition" | "holdStream" | "noteStreamed" | "letGoOfStream"
  >;
  readonly node: string;
  readonly ports: Ports;
  readonly log: Pick<Logger, "warn" | "info">;
}

export interface RedisStream {
  start(): void;
  wake(): void;
  stop(): Promise<void>;
}

export const STREAM_KEY = "florin:events";
const STREAM_NAME = "redis";
const HOLD_MS = 10_000;
/** Renewed when no more than this is left of it. */
const RENEW_MS = 5_000;
const POLL_MS = 500;
const MAX_EVENTS = 200;
const RETRY_MS = 1_000;
/**
 * Adds entries one after the other and ends at the first that Redis can't take (out of memory): a later one must not
 * get in before it. An entry that is there already is passed over.
 */
const APPEND_SCRIPT = `
  for at = 2, #ARGV, 5 do
    local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], ARGV[at],
      'id', ARGV[at + 1], 'type', ARGV[at + 2], 'merchant_id', ARGV[at + 3], 'event', ARGV[at + 4])
    if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller') then return added end
  end
  return 'OK'`;

export function createRedisStream(options: RedisStreamOptions): RedisStream {
  const { statements, node, ports, log, maxLength } = options;
  const key = `${options.keyPrefix ?? ""}${STREAM_KEY}`;
  const redis = connectRedis(options.url);
  let isStopped = false;
  let isWanted = false;
  let isFailing = false;
  let heldUntilMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;
  let stopPolling: CancelTimer = () => {};

  // Without it, ioredis writes every failed attempt to connect to the console.
  redis.on("error", () => {});

  /** The position of the newest entry; where to begin when there is none. */
  async function findPlace(): Promise<number> {
    const [newest] = await redis.xrevrange(key, "+", "-", "COUNT", 1);
    if (newest !== undefined) return Number.parseInt(newest[0], 10);
    return Math.max(0, (await statements.readLastPosition()) - maxLength);
  }

  async function append(events: readonly PositionedEvent[]): Promise<void> {
    const entries = events.flatMap((event) => [
      `${event.position}-0`,
      eventIdOf(event),
      event.type,
      String(event.merchantId),
      toEventText(event),
    ]);
    await redis.eval(APPEND_SCRIPT, 1, key, maxLength, ...entries);
  }

  /** Whether this node may fill the stream now. Two that do so change nothing; it only saves work. */
  async function hold(): Promise<boolean> {
    const nowMs = ports.clock.monotonicMs();
    if (heldUntilMs - nowMs > RENEW_MS) return true;
    const isHeld = (await statements.holdStream(STREAM_NAME, node, HOLD_MS)) !== null;
    heldUntilMs = isHeld ? nowMs + HOLD_MS : Number.NEGATIVE_INFINITY;
    return isHeld;
  }

  /** Copies until there is nothing left, or another node holds the stream. */
  async function copy(): Promise<void> {
    while (!isStopped) {
      if (!(await hold())) return;
      const events = await statements.readAllEvents(await findPlace(), MAX_EVENTS);
      const last = events.at(-1);
      if (last === undefined) return;
      await append(events);
      await statements.noteStreamed(STREAM_NAME, node, last.position);
    }
  }

  async function run(): Promise<void> {
    while (isWanted && !isStopped) {
      isWanted = false;
      try {
        await copy();
        if (isFailing) log.info("events are copied to Redis again");
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, "events could not be copied to Redis; trying until they are");
        isFailing = true;
        await sleep(ports, RETRY_MS);
      }
    }
    running = null;
  }

  function wake(): void {
    isWanted = true;
    if (!isStopped) running ??= run();
  }

  return {
    start() {
      redis.on("ready", wake);
      stopPolling = ports.timers.every(POLL_MS, wake);
    },
    wake,
    async stop() {
      isStopped = true;
      stopPolling();
      await running;
      await statements.letGoOfStream(STREAM_NAME, node).catch(() => {});
      redis.disconnect();
    },
  };
}
