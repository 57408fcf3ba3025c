/**
 * The end of a node's work. Calls that are out get time to come back; then whoever waits here for news is told that none
 * will come, and answers with what is known: cut off together with its connection, a client would know nothing.
 */
import { type Ports, sleep } from "../core/ports.ts";

export interface Drain {
  hasBegun(): boolean;
  /** Waits until nothing is under way any more, or `graceMs` have passed. */
  run(graceMs: number): Promise<void>;
  /** Calls back when the node has drained, at once when it has. Returns the way to stop. */
  onDrained(listener: () => void): () => void;
}

const POLL_MS = 20;

export function createDrain(ports: Ports, isUnderWay: () => boolean): Drain {
  const listeners = new Set<() => void>();
  let hasBegun = false;
  let hasDrained = false;
  return {
    hasBegun: () => hasBegun,
    async run(graceMs) {
      hasBegun = true;
      const until = ports.clock.monotonicMs() + graceMs;
      while (isUnderWay() && ports.clock.monotonicMs() < until) await sleep(ports, POLL_MS);
      hasDrained = true;
      for (const listener of [...listeners]) listener();
    },
    onDrained(listener) {
      if (hasDrained) {
        listener();
        return () => {};
      }
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
