/**
 * One listener's stream of Server-Sent Events: what it missed, read page by page as fast as it takes it, then what is
 * new. `id` is the event's own id, so a listener that comes back with `Last-Event-ID` goes on exactly there. A slow one
 * holds a small buffer and no more: when that is full it leaves the live tail and reads again once it has caught up.
 */
import type { CancelTimer, Ports } from "../core/ports.ts";
import type { EventStatements } from "../db/event-access.ts";
import type { PositionedEvent } from "../db/statements/events.ts";
import { eventIdOf, toEventText } from "./event-text.ts";
import type { LiveTail } from "./live-tail.ts";

export interface EventStreamOptions {
  readonly merchantId: number;
  /** Position after which it begins. */
  readonly after: number;
  /** Asked now and then; the stream ends when its key may no longer read. */
  readonly mayGoOn: () => Promise<boolean>;
  readonly onEnd: () => void;
}

export interface EventStreamDeps {
  readonly tail: LiveTail;
  readonly statements: Pick<EventStatements, "readNextEvents">;
  readonly ports: Ports;
}

export interface EventStream {
  readonly body: ReadableStream<Uint8Array>;
  end(): void;
}

/** Proxies close connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** A listener that took nothing for so many heartbeats is gone. */
const MAX_STUCK_HEARTBEATS = 4;
const MAX_BUFFERED_BYTES = 65_536;
const PAGE = 100;
/** What a browser waits before it comes back. */
const RECONNECT_MS = 1_000;

const encoder = new TextEncoder();
const toFrame = (event: PositionedEvent): Uint8Array =>
  encoder.encode(`id: ${eventIdOf(event)}\ndata: ${toEventText(event)}\n\n`);

export function openEventStream(
  { tail, statements, ports }: EventStreamDeps,
  options: EventStreamOptions,
): EventStream {
  const { merchantId } = options;
  let cursor = options.after;
  let leave: (() => void) | null = null;
  let stopHeart: CancelTimer = () => {};
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let stuckHeartbeats = 0;
  let isEnded = false;

  function end(): void {
    if (isEnded) return;
    isEnded = true;
    stopHeart();
    leave?.();
    options.onEnd();
    controller?.close();
  }

  const hasRoom = (): boolean => (controller?.desiredSize ?? 0) > 0;

  function push(event: PositionedEvent): void {
    if (isEnded || leave === null) return;
    if (!hasRoom()) {
      // It reads on from its place when it has taken what it has.
      leave();
      leave = null;
      return;
    }
    cursor = event.position;
    controller?.enqueue(toFrame(event));
  }

  function beat(): void {
    stuckHeartbeats = hasRoom() ? 0 : stuckHeartbeats + 1;
    if (hasRoom()) controller?.enqueue(encoder.encode(": still here\n\n"));
    if (stuckHeartbeats >= MAX_STUCK_HEARTBEATS) {
      end();
      return;
    }
    void options.mayGoOn().then(
      (isAllowed) => {
        if (!isAllowed) end();
      },
      // The database is away: whether the key is still good is asked again.
      () => {},
    );
  }

  /** Reads until there is something to give, or joins the tail when there is nothing left. */
  async function pull(): Promise<void> {
    while (leave === null && !isEnded) {
      const events = await statements.readNextEvents([{ merchantId, after: cursor }], PAGE);
      if (isEnded) return;
      for (const event of events) {
        cursor = event.position;
        controller?.enqueue(toFrame(event));
      }
      if (events.length > 0) return;
      leave = tail.join(merchantId, cursor, push);
    }
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
        stopHeart = ports.timers.every(HEARTBEAT_MS, beat);
        given.enqueue(encoder.encode(`retry: ${RECONNECT_MS}\n\n`));
      },
      async pull() {
        try {
          await pull();
        } catch {
          // The database is away: the listener comes back with the id of the last event that it got.
          end();
        }
      },
      cancel() {
        controller = null;
        end();
      },
    },
    { highWaterMark: MAX_BUFFERED_BYTES, size: (frame) => frame.byteLength },
  );
  return { body, end };
}
