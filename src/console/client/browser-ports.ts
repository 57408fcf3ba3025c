/** Time, timers and chance as a browser has them: the pages' only doors to them, as `src/core/ports.ts` is the server's. */
import type { CancelTimer } from "../../core/ports.ts";

export const nowMs = (): number => Date.now();

/** Uniform in [0, 1). For jitter. */
export const chance = (): number => Math.random();

export function after(ms: number, callback: () => void): CancelTimer {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

export function every(ms: number, callback: () => void): CancelTimer {
  const timer = setInterval(callback, ms);
  return () => clearInterval(timer);
}

const KEY_BYTES = 16;

/** For `Idempotency-Key`. `crypto.randomUUID` is missing where the console is served without TLS; this is not. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
