/**
 * Copies events into a Redis Stream, for consumers inside the house that read in groups. An entry's id is the event's
 * position, and Redis refuses an id that is not above its last one: so writing twice is harmless, and nothing overtakes.
 *
 * Where to go on is read from the stream itself: a Redis that forgot (flushed, or a failover to a replica that lagged)
 * gets again what it lacks, as far back as the stream's length. It may forget at any moment: what was read goes along
 * with what is added, and nothing is added behind a gap. One node at a time does it; no network call happens inside a
 * database transaction; without Redis nothing else waits.
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
  readonly log: Pick<Logger, "error" | "warn" | "info">;
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
/** The id of the newest entry that the stream ever had, whatever was deleted since; empty when there is no stream. */
const READ_NEWEST = `
  local newest = ''
  if redis.call('EXISTS', KEYS[1]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    for at = 1, #info, 2 do if info[at] == 'last-generated-id' then newest = info[at + 1] end end
  end`;
const NEWEST_SCRIPT = `${READ_NEWEST}
  return newest`;
/**
 * Adds entries one after the other while the newest is the one that they follow, and ends at the first that Redis can't
 * take (out of memory): a later one must not get in before it.
 */
const APPEND_SCRIPT = `${READ_NEWEST}
  if newest ~= ARGV[1] then return 'MOVED' end
  for at = 3, #ARGV, 5 do
    local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[at],
      'id', ARGV[at + 1], 'type', ARGV[at + 2], 'merchant_id', ARGV[at + 3], 'event', ARGV[at + 4])
    if type(added) == 'table' and added.err then return added end
  end
  return 'OK'`;
const DELETE_SCRIPT = `${READ_NEWEST}
  if newest == ARGV[1] then redis.call('DEL', KEYS[1]) end
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

  const readNewest = async (): Promise<string> => String(await redis.eval(NEWEST_SCRIPT, 1, key));

  /** Where to go on behind the newest entry, or to begin when there is none. */
  async function findPlace(newest: string): Promise<number> {
    const position = toPosition(newest);
    return position > 0 ? position : Math.max(0, (await statements.readLastPosition()) - maxLength);
  }

  /** False when `newest` is the newest no more, and nothing was added. */
  async function append(newest: string, events: readonly PositionedEvent[]): Promise<boolean> {
    const entries = events.flatMap((event) => [
      `${event.position}-0`,
      eventIdOf(event),
      event.type,
      String(event.merchantId),
      toEventText(event),
    ]);
    return (await redis.eval(APPEND_SCRIPT, 1, key, newest, maxLength, ...entries)) !== "MOVED";
  }

  /** Whether this node may fill the stream now. Two that do so change nothing; it only saves work. */
  async function hold(): Promise<boolean> {
    const nowMs = ports.clock.monotonicMs();
    if (heldUntilMs - nowMs > RENEW_MS) return true;
    // Read before the database is: what another node adds meanwhile must not look as if it came from nowhere.
    const newest = await readNewest();
    const last = await statements.holdStream(STREAM_NAME, node, HOLD_MS);
    heldUntilMs = last === null ? Number.NEGATIVE_INFINITY : nowMs + HOLD_MS;
    if (last !== null && toPosition(newest) > last) await beginAnew(newest, last);
    return last !== null;
  }

  /**
   * For a database that was restored from a backup: it gives positions again that the stream has for other events, and
   * Redis would refuse every new event until they are used up.
   */
  async function beginAnew(newest: string, last: number): Promise<void> {
    log.error(
      { key, newest, last },
      "the stream in Redis is ahead of the database, which was restored; the stream is deleted and filled anew: create its consumer groups again",
    );
    await redis.eval(DELETE_SCRIPT, 1, key, newest);
  }

  /** Copies until there is nothing left, or another node holds the stream. */
  async function copy(): Promise<void> {
    while (!isStopped) {
      if (!(await hold())) return;
      const newest = await readNewest();
      const events = await statements.readAllEvents(await findPlace(newest), MAX_EVENTS);
      const last = events.at(-1);
      if (last === undefined) return;
      // Else it changed meanwhile, and what it lacks begins elsewhere.
      if (await append(newest, events)) await statements.noteStreamed(STREAM_NAME, node, last.position);
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

/** Of an entry's id, `17-0`; 0 for none. */
const toPosition = (id: string): number => (id === "" ? 0 : Number.parseInt(id, 10));
