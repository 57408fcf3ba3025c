/** All open streams of this process: how many a key may have, and the end of them at a stop. */
import { Refusal } from "../core/errors.ts";
import { fromPublicId } from "../core/ids.ts";
import type { EventStatements } from "../db/event-access.ts";
import { type EventStream, type EventStreamDeps, openEventStream } from "./event-stream.ts";

export interface StreamRequest {
  readonly merchantId: number;
  readonly apiKeyId: string;
  /** As the header came; null begins with what is new. */
  readonly lastEventId: string | null;
  readonly mayGoOn: () => Promise<boolean>;
}

export interface EventStreams {
  /** Throws `rate-limited`, `invalid-cursor`, `temporarily-unavailable`. */
  open(request: StreamRequest): Promise<ReadableStream<Uint8Array>>;
  /** Ends the streams of a key that was revoked. */
  endOf(apiKeyId: string): void;
  count(): number;
  stop(): void;
}

export const MAX_STREAMS_PER_KEY = 20;
const RETRY_AFTER_SECONDS = 5;

export interface EventStreamsDeps extends EventStreamDeps {
  readonly statements: Pick<EventStatements, "readNextEvents" | "readLastPosition" | "findPosition">;
}

export function createEventStreams(deps: EventStreamsDeps): EventStreams {
  const ofKey = new Map<string, Set<EventStream>>();
  let isStopped = false;

  async function findStart(merchantId: number, lastEventId: string | null): Promise<number> {
    if (lastEventId === null) return deps.statements.readLastPosition();
    const id = fromPublicId("evt", lastEventId);
    const position = id === null ? null : await deps.statements.findPosition(merchantId, id);
    if (position === null) {
      throw new Refusal(
        "invalid-cursor",
        "Last-Event-ID names no event of this merchant. Send the id of the last event that you got, or none to begin now.",
      );
    }
    return position;
  }

  return {
    async open({ merchantId, apiKeyId, lastEventId, mayGoOn }) {
      if (isStopped) {
        throw new Refusal("temporarily-unavailable", "This node is stopping. Connect again with Last-Event-ID.");
      }
      const after = await findStart(merchantId, lastEventId);
      const streams = ofKey.get(apiKeyId) ?? new Set<EventStream>();
      if (streams.size >= MAX_STREAMS_PER_KEY) {
        throw new Refusal(
          "rate-limited",
          `A key may have ${MAX_STREAMS_PER_KEY} streams open at a time. Close one, or share one among your readers.`,
          { retryAfterSeconds: RETRY_AFTER_SECONDS },
        );
      }
      ofKey.set(apiKeyId, streams);
      const forget = (stream: EventStream): void => {
        streams.delete(stream);
        if (streams.size === 0 && ofKey.get(apiKeyId) === streams) ofKey.delete(apiKeyId);
      };
      const stream: EventStream = openEventStream(deps, { merchantId, after, mayGoOn, onEnd: () => forget(stream) });
      streams.add(stream);
      return stream.body;
    },
    endOf(apiKeyId) {
      for (const stream of [...(ofKey.get(apiKeyId) ?? [])]) stream.end();
    },
    count: () => [...ofKey.values()].reduce((sum, streams) => sum + streams.size, 0),
    stop() {
      isStopped = true;
      for (const streams of [...ofKey.values()]) for (const stream of [...streams]) stream.end();
    },
  };
}
