/**
 * A stream of the server's, open only while somebody sees the page: a browser has six connections for a server that speaks
 * HTTP/1.1, and as many forgotten tabs would leave none for anything else.
 */
import type { CancelTimer } from "../../../core/ports.ts";
import { after, chance } from "../browser-ports.ts";

interface StreamHandlers {
  /** The name of the events that are wanted; `message` for those without one. */
  readonly event: string;
  readonly onEvent: (data: string) => void;
  readonly onConnected: () => void;
  /** It is opened again by itself, as often as it takes. */
  readonly onLost: () => void;
}

/** As the server tells browsers to wait when a connection breaks. */
const FIRST_RETRY_MS = 2_000;
/** A server that is back is noticed within this time by whoever looks. */
const MAX_RETRY_MS = 30_000;

/** Half of the wait is drawn: the pages that a stopping node sent away must not all come back at once. */
function toRetryMs(refusals: number): number {
  const longestMs = Math.min(FIRST_RETRY_MS * 2 ** refusals, MAX_RETRY_MS);
  return (longestMs * (1 + chance())) / 2;
}

/** Returns what ends it. */
export function openEventStream(url: string, { event, onEvent, onConnected, onLost }: StreamHandlers): () => void {
  let source: EventSource | null = null;
  let refusals = 0;
  let cancelRetry: CancelTimer = () => {};
  const close = (): void => {
    cancelRetry();
    source?.close();
    source = null;
  };
  const open = (): void => {
    const opened = new EventSource(url);
    source = opened;
    opened.addEventListener("open", () => {
      refusals = 0;
      onConnected();
    });
    opened.addEventListener("error", () => {
      // The browser comes back from a broken connection, but takes every answer other than 200 for the last word.
      if (opened.readyState === EventSource.CLOSED) {
        cancelRetry = after(toRetryMs(refusals), open);
        refusals += 1;
      }
      onLost();
    });
    opened.addEventListener(event, ({ data }: MessageEvent<string>) => onEvent(data));
  };
  const look = (): void => {
    if (document.visibilityState === "hidden") close();
    else if (source === null) open();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
