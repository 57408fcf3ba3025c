/**
 * The overview as it changes: one reading a second for each merchant and role that somebody watches, shared by all of
 * them, and none when nobody does. A viewer that is slow misses readings; it has the newest when it is back.
 */
import { Refusal } from "../../core/errors.ts";
import type { CancelTimer, Ports } from "../../core/ports.ts";
import type { Overview, Role } from "../contract.ts";
import type { Overviews } from "./overview.ts";

export interface Viewer {
  readonly merchantId: number;
  readonly role: Role;
  /** Which session it is of; no secret. */
  readonly session: string;
  /** Whether its session still lasts; asked now and then. */
  readonly mayGoOn: () => Promise<boolean>;
}

export interface Live {
  /** Throws `rate-limited`, `temporarily-unavailable`. */
  open(viewer: Viewer): ReadableStream<Uint8Array>;
  viewers(): number;
  /** Ends every stream, and opens no more. */
  close(): void;
}

export interface LiveDeps {
  readonly overviews: Overviews;
  readonly ports: Ports;
}

const EVERY_MS = 1_000;
/** Proxies close connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
const MAX_STUCK_HEARTBEATS = 4;
const MAX_VIEWERS = 500;
/** As many as a key may have of events. A browser opens one for each page that is seen; who wants more keeps others out. */
const MAX_VIEWERS_PER_SESSION = 20;
const RETRY_AFTER_SECONDS = 5;
/** Sent again after this though nothing changed: a page that hears nothing for longer says so. */
const REPEAT_MS = 5_000;
const RECONNECT_MS = 2_000;

interface Room {
  readonly merchantId: number;
  readonly role: Role;
  readonly members: Set<(frame: Uint8Array) => void>;
  stop: CancelTimer;
  isReading: boolean;
  seen: string;
  sentAtMs: number;
  /** For whoever comes in: the present at once, not in a second. */
  newest: Uint8Array | null;
}

const encoder = new TextEncoder();

/** What a change is: not that time goes by. */
function essenceOf({ at: _, queues, nodes, samples, ...rest }: Overview): string {
  return JSON.stringify({
    ...rest,
    queues: queues.map(({ oldest_age_seconds: _age, ...queue }) => queue),
    nodes: nodes?.map(({ heartbeat_at: _beat, ...node }) => node),
    samples: samples?.at(-1)?.at,
  });
}

export function createLive({ overviews, ports }: LiveDeps): Live {
  const rooms = new Map<string, Room>();
  const ends = new Set<() => void>();
  const ofSession = new Map<string, number>();
  let isClosed = false;

  async function read(room: Room): Promise<void> {
    if (room.isReading) return;
    room.isReading = true;
    try {
      const overview = await overviews.read(room.merchantId, room.role);
      const essence = essenceOf(overview);
      const nowMs = ports.clock.monotonicMs();
      if (essence === room.seen && nowMs - room.sentAtMs < REPEAT_MS) return;
      room.seen = essence;
      room.sentAtMs = nowMs;
      room.newest = encoder.encode(`event: overview\ndata: ${JSON.stringify(overview)}\n\n`);
      for (const show of room.members) show(room.newest);
    } catch {
      // The database is away: the pages show how old their figures are, and the next reading comes in a second.
    } finally {
      room.isReading = false;
    }
  }

  function enter({ merchantId, role }: Viewer, show: (frame: Uint8Array) => void): () => void {
    const name = `${merchantId}/${role}`;
    const room: Room = rooms.get(name) ?? {
      merchantId,
      role,
      members: new Set(),
      stop: () => {},
      isReading: false,
      seen: "",
      sentAtMs: Number.NEGATIVE_INFINITY,
      newest: null,
    };
    if (!rooms.has(name)) {
      rooms.set(name, room);
      room.stop = ports.timers.every(EVERY_MS, () => void read(room));
    }
    room.members.add(show);
    if (room.newest !== null) show(room.newest);
    void read(room);
    return () => {
      room.members.delete(show);
      if (room.members.size > 0) return;
      room.stop();
      rooms.delete(name);
    };
  }

  function refuseTooMany({ session }: Viewer): void {
    if (isClosed || ends.size >= MAX_VIEWERS) {
      throw new Refusal("temporarily-unavailable", "This node stops, or too many watch it. Try again in a moment.", {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    if (countOf(session) >= MAX_VIEWERS_PER_SESSION) {
      throw new Refusal(
        "rate-limited",
        `A session may watch ${MAX_VIEWERS_PER_SESSION} times at once. Close a page of the console that shows it.`,
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    }
  }

  const countOf = (session: string): number => ofSession.get(session) ?? 0;

  /** By one more, or one less. */
  function change(session: string, by: 1 | -1): void {
    const count = countOf(session) + by;
    if (count === 0) ofSession.delete(session);
    else ofSession.set(session, count);
  }

  function openStream(viewer: Viewer): ReadableStream<Uint8Array> {
    let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
    let leave = (): void => {};
    let stopHeart: CancelTimer = () => {};
    let stuck = 0;
    /** What did not fit; only the newest matters. */
    let missed: Uint8Array | null = null;
    const hasRoom = (): boolean => (controller?.desiredSize ?? 0) > 0;
    const end = (): void => {
      if (!ends.delete(end)) return;
      change(viewer.session, -1);
      leave();
      stopHeart();
      controller?.close();
      controller = null;
    };
    const beat = (): void => {
      stuck = hasRoom() ? 0 : stuck + 1;
      if (hasRoom()) controller?.enqueue(encoder.encode(": still here\n\n"));
      if (stuck >= MAX_STUCK_HEARTBEATS) end();
      else
        void viewer.mayGoOn().then(
          (mayGoOn) => (mayGoOn ? undefined : end()),
          () => {},
        );
    };
    ends.add(end);
    change(viewer.session, 1);
    return new ReadableStream<Uint8Array>(
      {
        start(given) {
          controller = given;
          given.enqueue(encoder.encode(`retry: ${RECONNECT_MS}\n\n`));
          stopHeart = ports.timers.every(HEARTBEAT_MS, beat);
          leave = enter(viewer, (frame) => {
            missed = hasRoom() ? null : frame;
            if (missed === null) controller?.enqueue(frame);
          });
        },
        pull(given) {
          if (missed !== null) given.enqueue(missed);
          missed = null;
        },
        cancel() {
          controller = null;
          end();
        },
      },
      { highWaterMark: 4 },
    );
  }

  return {
    open(viewer) {
      refuseTooMany(viewer);
      return openStream(viewer);
    },
    viewers: () => ends.size,
    close() {
      isClosed = true;
      for (const end of [...ends]) end();
    },
  };
}
