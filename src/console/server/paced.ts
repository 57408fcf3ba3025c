/** A reading that many share: made again when it is old, and the longer it takes, the seldomer. */
import type { Clock } from "../../core/ports.ts";

export interface PacedOptions {
  readonly clock: Clock;
  /** As old as it may get when it costs nothing. */
  readonly everyMs: number;
}

/** At most this part of the time goes into one reading. */
const SHARE = 0.05;
/** However long one reading took: one that a frozen database held up for a minute must not stand for twenty. */
const MAX_REST_MS = 10_000;

/** The value of `read`, at most so old as it may be. Readers at the same moment share one reading; its error reaches them. */
export function createPaced<T>(read: () => Promise<T>, { clock, everyMs }: PacedOptions): () => Promise<T> {
  let last: { readonly value: T; readonly untilMs: number } | null = null;
  let underWay: Promise<T> | null = null;

  async function readAgain(): Promise<T> {
    const startedMs = clock.monotonicMs();
    try {
      const value = await read();
      const endedMs = clock.monotonicMs();
      last = { value, untilMs: endedMs + Math.max(everyMs, Math.min(MAX_REST_MS, (endedMs - startedMs) / SHARE)) };
      return value;
    } finally {
      underWay = null;
    }
  }

  return () => {
    if (last !== null && last.untilMs > clock.monotonicMs()) return Promise.resolve(last.value);
    underWay ??= readAgain();
    return underWay;
  };
}
