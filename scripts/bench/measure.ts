/** Running a bounded number of payments with a bounded number in flight, and what came of it. */

export interface LoadResult {
  readonly payments: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function summarize(latenciesMs: readonly number[], seconds: number): LoadResult {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  return {
    payments: sorted.length,
    seconds,
    perSecond: sorted.length / seconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

/** Closed loop: `inFlight` loops, each starts its next payment when its last is done. */
export async function runClosedLoop(
  load: { readonly payments: number; readonly inFlight: number; readonly onProgress?: (done: number) => void },
  pay: (index: number) => Promise<void>,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let next = 0;
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: load.inFlight }, async () => {
      while (next < load.payments) {
        const index = next;
        next += 1;
        const beganMs = performance.now();
        await pay(index);
        latenciesMs.push(performance.now() - beganMs);
        load.onProgress?.(latenciesMs.length);
      }
    }),
  );
  return summarize(latenciesMs, (performance.now() - startedMs) / 1_000);
}

/** Open loop: one payment every `1 / perSecond`, whether or not the ones before are done. */
export async function runOpenLoop(
  load: { readonly payments: number; readonly perSecond: number },
  pay: (index: number) => Promise<void>,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const running: Promise<void>[] = [];
  for (let index = 0; index < load.payments; ) {
    const dueCount = Math.min(
      load.payments,
      Math.floor(((performance.now() - startedMs) / 1_000) * load.perSecond) + 1,
    );
    for (; index < dueCount; index += 1) {
      // Counted from when it was due, so that a late start is not hidden.
      const dueMs = startedMs + (index / load.perSecond) * 1_000;
      running.push(
        pay(index).then(() => {
          latenciesMs.push(performance.now() - dueMs);
        }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  return summarize(latenciesMs, (performance.now() - startedMs) / 1_000);
}
