/**
 * The only doors to time and chance. Everything else takes a `Ports` value, so that a simulation can own
 * both, the same seed gives the same run, and a process that dies takes all its timers with it.
 */
import { randomFillSync } from "node:crypto";

export interface Clock {
  /** Wall clock, milliseconds since the epoch. For stamps and for people; it can jump. */
  nowMs(): number;
  /** Never goes back. For deadlines within one process. */
  monotonicMs(): number;
}

export interface Random {
  /** Uniform in [0, 1). For jitter. */
  unit(): number;
  /** Unpredictable bytes. For ids, tokens and keys. */
  bytes(length: number): Uint8Array;
}

/** Ends what a timer would have done. Safe to call again, and after it was done. */
export type CancelTimer = () => void;

export interface Timers {
  /** Calls back once, `ms` from now. */
  after(ms: number, callback: () => void): CancelTimer;
  /** Calls back again and again. A rhythm alone keeps no process alive. */
  every(ms: number, callback: () => void): CancelTimer;
  /** Calls back when everything that is ready to run has run: what arrives until then can go along. */
  soon(callback: () => void): void;
}

export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
}

export function sleep({ timers }: Pick<Ports, "timers">, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}

/** What the promise settles to, or `late()`'s value or error when it takes longer than `ms`. */
export async function withinTime<T>(
  { timers }: Pick<Ports, "timers">,
  ms: number,
  promise: Promise<T>,
  late: () => T,
): Promise<T> {
  let cancel: CancelTimer = () => {};
  const limit = new Promise<void>((resolve) => {
    cancel = timers.after(ms, resolve);
  });
  try {
    return await Promise.race([promise, limit.then(late)]);
  } finally {
    cancel();
  }
}

/** One `crypto` call for many ids: a call costs about a microsecond whatever its size. */
const POOL_BYTES = 8_192;

function createSystemRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    unit: () => Math.random(),
    bytes(length) {
      if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length));
      if (used + length > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      used += length;
      return pool.slice(used - length, used);
    },
  };
}

export const systemPorts: Ports = {
  clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
  random: createSystemRandom(),
  timers: {
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    every(ms, callback) {
      const timer = setInterval(callback, ms).unref();
      return () => clearInterval(timer);
    },
    soon: (callback) => void setImmediate(callback),
  },
};
