/**
 * The only doors to time and chance. Everything else takes a `Ports` value, so that a simulation can own
 * both and the same seed gives the same run.
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

export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
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
};
