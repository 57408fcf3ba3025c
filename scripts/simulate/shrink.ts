/** From a failing run to the least that still fails: faults are left out one by one while the same invariant breaks. */
import { FAULT_NAMES, type Fault, type FaultPlan } from "./faults.ts";
import { type RunOptions, type RunResult, runSeed } from "./run-seed.ts";

export interface Shrunk {
  readonly result: RunResult;
  /** The faults that are needed. */
  readonly faults: readonly Fault[];
}

/** The run is recorded. Null when it does not fail. */
export async function shrink(options: RunOptions): Promise<Shrunk | null> {
  let result = await runSeed({ ...options, isRecorded: true });
  const [first] = result.violations;
  if (first === undefined) return null;
  let plan: FaultPlan = result.plan;
  for (const fault of FAULT_NAMES) {
    if (plan[fault] === 0) continue;
    const less = { ...plan, [fault]: 0 };
    const again = await runSeed({ ...options, plan: less, isRecorded: true });
    if (again.violations[0]?.invariant !== first.invariant) continue;
    plan = less;
    result = again;
  }
  return { result, faults: FAULT_NAMES.filter((fault) => plan[fault] > 0) };
}

/** What happened to one order, line by line, or to all when there is none. */
export function tellTimeline(result: RunResult, orderId: string | null): string {
  const width = Math.max(...result.entries.map(({ who }) => who.length), 4);
  return result.entries
    .filter((entry) => orderId === null || entry.orderId === orderId || isEverybodys(entry.orderId, entry.what))
    .map(({ atMs, who, what }) => `${(atMs / 1_000).toFixed(3).padStart(9)} s  ${who.padEnd(width)}  ${what}`)
    .join("\n");
}

/** What concerns every order: lives and deaths of processes and servers. */
const isEverybodys = (orderId: string | null, what: string): boolean =>
  orderId === null && /^(starts|is |dies|wakes|has stopped|its clock|heals|VIOLATION)/.test(what);
