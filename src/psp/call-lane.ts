/** A bounded line before a bounded number of places. Who finds the line full is told at once. */
export interface CallLane {
  /** Resolves true with a place taken (give it back with `leave`), false when the line is full. */
  enter(): Promise<boolean>;
  leave(): void;
  inFlight(): number;
  queued(): number;
}

export function createCallLane(limits: { readonly maxConcurrent: number; readonly maxQueued: number }): CallLane {
  // A Set keeps arrival order and gives its first in constant time; an array's `shift` of thousands does not.
  const waiting = new Set<(entered: boolean) => void>();
  let inFlight = 0;
  return {
    enter() {
      if (inFlight < limits.maxConcurrent) {
        inFlight += 1;
        return Promise.resolve(true);
      }
      if (waiting.size >= limits.maxQueued) return Promise.resolve(false);
      return new Promise((resolve) => waiting.add(resolve));
    },
    leave() {
      for (const next of waiting) {
        waiting.delete(next);
        next(true);
        return;
      }
      inFlight -= 1;
    },
    inFlight: () => inFlight,
    queued: () => waiting.size,
  };
}
