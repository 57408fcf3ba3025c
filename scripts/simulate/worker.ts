/** Runs seeds in a process of its own, as told by its parent: one message in, one summary out for each seed. */
import { runSeed, type RunOptions } from "./run-seed.ts";
import type { Violation } from "./world.ts";

export interface SeedSummary {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly probes: readonly (readonly [string, number])[];
  readonly traceHash: number;
  readonly orders: number;
  readonly commits: number;
  readonly effects: number;
  readonly calls: number;
  readonly acknowledged: number;
  readonly durationMs: number;
  /** Seams that were passed, in the exhaustive mode. */
  readonly seams: number;
}

async function summarizeSeed(options: RunOptions): Promise<SeedSummary> {
  const { probes, seams, plan: _, entries: __, ...summary } = await runSeed(options);
  return { ...summary, probes: [...probes], seams: seams.length };
}

// Only as a child: the crew imports its types.
if (process.send !== undefined && process.argv[1]?.endsWith("simulate/worker.ts") === true) {
  process.on("message", (options: RunOptions) => {
    summarizeSeed(options).then(
      (summary) => process.send?.(summary),
      (error: unknown) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        const violation = { invariant: "no surprise", detail: `the run broke: ${detail}`, orderId: null, atMs: 0 };
        process.send?.({
          seed: options.seed,
          violations: [violation],
          probes: [],
          traceHash: 0,
          orders: 0,
          commits: 0,
          effects: 0,
          calls: 0,
          acknowledged: 0,
          durationMs: 0,
          seams: 0,
        } satisfies SeedSummary);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
}
