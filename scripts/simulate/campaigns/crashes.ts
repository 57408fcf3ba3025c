/** A death at every seam of every canonical flow, and a second one at every seam that comes after. */
import { createProgress } from "../../support/terminal.ts";
import { countSeams, FLOWS, type Flow, optionsOf } from "../crash-points.ts";
import { runCrew } from "../crew.ts";
import type { RunOptions } from "../run-seed.ts";

export interface CrashReport {
  readonly flows: readonly {
    readonly name: string;
    readonly seams: number;
    readonly deaths: number;
    readonly pairs: number;
    readonly violations: number;
  }[];
  readonly runs: number;
  readonly violations: number;
  /** The first few, with what it takes to run them again. */
  readonly failures: readonly string[];
}

const MAX_FAILURES = 20;

export async function simulateCrashes(options: {
  readonly withPairs: boolean;
  readonly flows?: readonly Flow[];
}): Promise<CrashReport> {
  const progress = createProgress("Crashing");
  const flows = options.flows ?? FLOWS;
  const failures: string[] = [];
  const rows: CrashReport["flows"][number][] = [];
  for (const flow of flows) {
    const seams = await countSeams(flow);
    let [deaths, pairs, violations] = [0, 0, 0];
    const run = async (runs: Iterable<RunOptions>): Promise<void> =>
      runCrew({
        runs,
        onSummary(summary) {
          const [violation] = summary.violations;
          progress.update(rows.length, flows.length, `${flow.name}: ${deaths} deaths, ${pairs} pairs`);
          if (violation === undefined) return false;
          violations += 1;
          if (failures.length < MAX_FAILURES)
            failures.push(`${flow.name}: ${violation.invariant}: ${violation.detail}`);
          return false;
        },
      });
    const singles = seams.map((_, first) => optionsOf(flow, [first]));
    deaths = singles.length;
    await run(singles);
    if (options.withPairs) {
      for (let first = 0; first < seams.length; first += 1) {
        const after = await countSeams(flow, [first]);
        const seconds = Array.from({ length: after.length - first - 1 }, (_, index) => first + 1 + index);
        pairs += seconds.length;
        await run(seconds.map((second) => optionsOf(flow, [first, second])));
      }
    }
    rows.push({ name: flow.name, seams: seams.length, deaths, pairs, violations });
  }
  progress.end();
  return {
    flows: rows,
    runs: rows.reduce((sum, row) => sum + row.deaths + row.pairs, 0),
    violations: rows.reduce((sum, row) => sum + row.violations, 0),
    failures,
  };
}
