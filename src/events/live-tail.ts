/**
 * The newest events for everybody in this process who listens: one question to the database for all listeners, not one
 * for each. A listener joins where the tail stands, or catches up by reading first.
 */
import type { Logger } from "pino";
import type { CancelTimer, Ports } from "../core/ports.ts";
import type { EventStatements } from "../db/event-access.ts";
import type { PositionedEvent } from "../db/statements/events.ts";

export type EventListener = (event: PositionedEvent) => void;

export interface LiveTail {
  /**
   * Calls the listener with every event of the merchant from then on, in their order. Null when the tail is past
   * `after`: read on from there and try again. The result ends it.
   */
  join(merchantId: number, after: number, listener: EventListener): (() => void) | null;
  /** There may be new events. Costs nothing. */
  wake(): void;
  stop(): void;
}

export interface LiveTailOptions {
  readonly statements: Pick<EventStatements, "readNextEvents">;
  readonly ports: Ports;
  readonly log: Pick<Logger, "warn">;
}

/** For events that another node relayed. */
const POLL_MS = 250;
/** Of each merchant, in one question. */
const MAX_EVENTS = 200;

interface Channel {
  after: number;
  readonly listeners: Set<EventListener>;
}

export function createLiveTail({ statements, ports, log }: LiveTailOptions): LiveTail {
  const channels = new Map<number, Channel>();
  let isReading = false;
  let isWanted = false;
  let isFailing = false;
  let stopPolling: CancelTimer | null = null;

  async function read(): Promise<void> {
    isWanted = true;
    if (isReading) return;
    isReading = true;
    while (isWanted && channels.size > 0) {
      isWanted = false;
      try {
        const asked = new Map(channels);
        const places = [...asked].map(([merchantId, { after }]) => ({ merchantId, after }));
        const found = await statements.readNextEvents(places, MAX_EVENTS);
        isFailing = false;
        for (const event of found) publish(event, asked.get(event.merchantId));
        if (found.length >= MAX_EVENTS) isWanted = true;
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, "new events could not be read; trying until they are");
        isFailing = true;
      }
    }
    isReading = false;
  }

  function publish(event: PositionedEvent, channel: Channel | undefined): void {
    // One that was opened in its place meanwhile may stand before what this read began with: it gets its own.
    if (channel === undefined || channels.get(event.merchantId) !== channel) return;
    channel.after = event.position;
    for (const listener of channel.listeners) listener(event);
  }

  return {
    join(merchantId, after, listener) {
      const channel = channels.get(merchantId) ?? { after, listeners: new Set<EventListener>() };
      if (channel.after > after) return null;
      const own: EventListener = (event) => {
        if (event.position > after) listener(event);
      };
      channels.set(merchantId, channel);
      channel.listeners.add(own);
      stopPolling ??= ports.timers.every(POLL_MS, () => void read());
      void read();
      return () => {
        channel.listeners.delete(own);
        if (channel.listeners.size === 0 && channels.get(merchantId) === channel) channels.delete(merchantId);
        if (channels.size > 0) return;
        stopPolling?.();
        stopPolling = null;
      };
    },
    wake: () => void read(),
    stop() {
      stopPolling?.();
      stopPolling = null;
      channels.clear();
    },
  };
}
