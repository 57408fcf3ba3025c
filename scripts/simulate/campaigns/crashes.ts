/** A death at every seam of every canonical flow, and a second one at every seam that comes after. */
import { createProgress } from "../../support/terminal.ts";
import { countSeams, FLOWS, type Flow, optionsOf } from "../crash-points.ts";
import { runCrew } from "../crew.ts";
import type { RunOptions } from "../run-seed.ts";
import type { SeedSummary } from "../worker.ts";

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

interface Counts {
  seams: number;
  deaths: number;
  pairs: number;
  violations: number;
}

export async function simulateCrashes(options: {
  readonly withPairs: boolean;
  readonly flows?: readonly Flow[];
}): Promise<CrashReport> {
  const flows = options.flows ?? FLOWS;
  const counts = new Map<Flow, Counts>();
  const flowOf = new Map<RunOptions, Flow>();
  const failures: string[] = [];
  for (const flow of flows) {
    counts.set(flow, { seams: (await countSeams(flow)).length, deaths: 0, pairs: 0, violations: 0 });
  }

  const plan = (flow: Flow, deaths: readonly number[]): RunOptions => {
    const run = optionsOf(flow, deaths);
    flowOf.set(run, flow);
    return run;
  };
  const judge = ({ violations: [violation] }: SeedSummary, run: RunOptions): Counts | null => {
    const flow = flowOf.get(run);
    const count = flow === undefined ? undefined : counts.get(flow);
    if (flow === undefined || count === undefined) return null;
    flowOf.delete(run);
    if (violation === undefined) return count;
    count.violations += 1;
    const at = run.deaths?.join(" and ");
    if (failures.length < MAX_FAILURES) {
      failures.push(`${flow.name}, dead at seam ${at}: breaks “${violation.invariant}”: ${violation.detail}`);
    }
    return count;
  };

  const pairs: RunOptions[] = [];
  const singles = [...counts].flatMap(([flow, { seams }]) =>
    Array.from({ length: seams }, (_, seam) => plan(flow, [seam])),
  );
  const progress = createProgress("Dying once");
  let done = 0;
  await runCrew({
    runs: singles,
    onSummary(summary, run) {
      const [first = 0] = run.deaths ?? [];
      const flow = flowOf.get(run);
      const count = judge(summary, run);
      if (count !== null) count.deaths += 1;
      // What comes after this death is where the next one may strike.
      for (let second = first + 1; options.withPairs && flow !== undefined && second < summary.seams; second += 1) {
        pairs.push(plan(flow, [first, second]));
      }
      done += 1;
      progress.update(done, singles.length);
      return false;
    },
  });
  progress.end();
  if (options.withPairs) {
    const again = createProgress("Dying twice");
    done = 0;
    await runCrew({
      runs: pairs,
      onSummary(summary, run) {
        const count = judge(summary, run);
        if (count !== null) count.pairs += 1;
        done += 1;
        again.update(done, pairs.length);
        return false;
      },
    });
    again.end();
  }
  const rows = [...counts].map(([{ name }, count]) => ({ name, ...count }));
  return {
    flows: rows,
    runs: rows.reduce((sum, row) => sum + row.deaths + row.pairs, 0),
    violations: rows.reduce((sum, row) => sum + row.violations, 0),
    failures,
  };
}
