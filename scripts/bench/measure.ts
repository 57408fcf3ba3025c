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

/** Open loop: payments come by chance, so many a second on average, whether or not those before are done; as in `pgbench -R`. */
export async function runOpenLoop(
  load: { readonly payments: number; readonly perSecond: number },
  pay: (index: number) => Promise<void>,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const running: Promise<void>[] = [];
  const gapMs = (): number => (-Math.log(1 - Math.random()) / load.perSecond) * 1_000;
  let nextMs = startedMs + gapMs();
  for (let index = 0; index < load.payments; ) {
    for (; index < load.payments && nextMs <= performance.now(); index += 1) {
      // Counted from when it was due, so that a late start is not hidden.
      const dueMs = nextMs;
      running.push(
        pay(index).then(() => {
          latenciesMs.push(performance.now() - dueMs);
        }),
      );
      nextMs += gapMs();
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  return summarize(latenciesMs, (performance.now() - startedMs) / 1_000);
}
