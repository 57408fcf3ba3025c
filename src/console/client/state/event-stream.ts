/**
 * A stream of the server's, open only while somebody sees the page: a browser has six connections for a server that speaks
 * HTTP/1.1, and as many forgotten tabs would leave none for anything else.
 */

interface StreamHandlers {
  /** The name of the events that are wanted; `message` for those without one. */
  readonly event: string;
  readonly onEvent: (data: string) => void;
  readonly onConnected: () => void;
  /** The browser connects again by itself, if the server lets it. */
  readonly onLost: () => void;
}

/** Returns what ends it. */
export function openEventStream(url: string, { event, onEvent, onConnected, onLost }: StreamHandlers): () => void {
  let source: EventSource | null = null;
  const close = (): void => {
    source?.close();
    source = null;
  };
  const open = (): void => {
    source = new EventSource(url);
    source.addEventListener("open", onConnected);
    source.addEventListener("error", onLost);
    source.addEventListener(event, ({ data }: MessageEvent<string>) => onEvent(data));
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
