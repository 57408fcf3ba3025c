/**
 * Stops sending to a PSP whose transport is dead, and lets one call at a time find out whether it is back.
 * Without it each of thousands of orders would wait out its own timeout. The published libraries (cockatiel,
 * opossum) read the clock themselves and know no lanes, so this is our own.
 */
import type { Clock } from "../core/ports.ts";

export interface BreakerOptions {
  readonly clock: Clock;
  /** So many transport failures in a row, with no answer between, open it. */
  readonly failuresToOpen: number;
  /** How long it stays open at first; doubled after each failed probe. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export type BreakerState = "closed" | "open" | "half_open";

export type BreakerEntry =
  | { readonly kind: "allowed"; readonly probe: boolean }
  | { readonly kind: "refused"; readonly retryAfterMs: number };

export interface CircuitBreaker {
  /** Asks to call. Every `allowed` must be followed by one `report`. */
  enter(): BreakerEntry;
  /** How long a call would be refused now, without asking for the probe; 0 when it may try. */
  refusedForMs(): number;
  report(call: { readonly probe: boolean; readonly reached: boolean }): void;
  state(): BreakerState;
}

/** While the probe is out there is no telling how long; come back soon. */
const PROBE_WAIT_MS = 250;

export function createCircuitBreaker(options: BreakerOptions): CircuitBreaker {
  const { clock } = options;
  let failures = 0;
  let openMs = options.openMs;
  /** Null while closed. */
  let openUntilMs: number | null = null;
  let probing = false;

  const open = (): void => {
    openUntilMs = clock.monotonicMs() + openMs;
    openMs = Math.min(openMs * 2, options.maxOpenMs);
  };
  const refusedForMs = (): number => {
    if (openUntilMs === null) return 0;
    const leftMs = Math.ceil(openUntilMs - clock.monotonicMs());
    if (leftMs > 0) return leftMs;
    return probing ? PROBE_WAIT_MS : 0;
  };

  return {
    refusedForMs,
    enter() {
      const retryAfterMs = refusedForMs();
      if (retryAfterMs > 0) return { kind: "refused", retryAfterMs };
      if (openUntilMs === null) return { kind: "allowed", probe: false };
      probing = true;
      return { kind: "allowed", probe: true };
    },
    report({ probe, reached }) {
      if (probe) probing = false;
      if (reached) {
        failures = 0;
        openUntilMs = null;
        openMs = options.openMs;
        return;
      }
      failures += 1;
      // Calls that left before it opened come back late; only a probe says something new while it is open.
      if (probe || (openUntilMs === null && failures >= options.failuresToOpen)) open();
    },
    state: () => (openUntilMs === null ? "closed" : probing || refusedForMs() === 0 ? "half_open" : "open"),
  };
}
