/** Many seeds, one after the other on every core: what they came to, and which rare paths they reached. */
import { countOf, createProgress, print, renderTable, say } from "../../support/terminal.ts";
import { runCrew } from "../crew.ts";
import type { DifferentialDatabase } from "../differential/postgres-side.ts";
import { RARE_PATHS } from "../rare-paths.ts";
import { type RunOptions, runSeed } from "../run-seed.ts";
import { shrink, tellTimeline } from "../shrink.ts";
import type { SeedSummary } from "../worker.ts";

export interface SeedsOptions {
  readonly seeds: number;
  readonly from: number;
  readonly isLying: boolean;
  /** A real PostgreSQL carries out every statement, beside the model. */
  readonly database?: DifferentialDatabase;
}

export interface SeedsReport {
  readonly seeds: number;
  readonly orders: number;
  /** Of the seed that had the fewest. */
  readonly fewestOrders: number;
  readonly commits: number;
  readonly effects: number;
  readonly calls: number;
  readonly acknowledged: number;
  readonly virtualHours: number;
  readonly seconds: number;
  readonly failures: readonly { readonly seed: number; readonly invariant: string; readonly detail: string }[];
  /** Seeds that were run twice and gave the same trace both times. */
  readonly repeated: number;
  readonly paths: Readonly<Record<string, number>>;
  /** Rare paths that no seed reached, where there were enough seeds to expect it. */
  readonly unreached: readonly string[];
  readonly text: string;
}

/** With fewer seeds a rare path may well not come up. */
const SEEDS_FOR_ALL_PATHS = 400;
/** Each so many seeds, one is run again and its trace compared. */
const REPEAT_EVERY = 50;
const STOP_AFTER_FAILURES = 10;

function* planRuns({ seeds, from, isLying, database }: SeedsOptions): Iterable<RunOptions> {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const run = { seed, isLying, ...(database === undefined ? {} : { database }) };
    yield run;
    // On PostgreSQL rows come in no certain order where none was asked for.
    if ((seed - from) % REPEAT_EVERY === 0 && database === undefined) yield run;
  }
}

export async function simulateSeeds(options: SeedsOptions): Promise<SeedsReport> {
  const startedMs = performance.now();
  const progress = createProgress("Simulating");
  const hashes = new Map<number, number>();
  const paths = new Map<string, number>();
  const failures: { seed: number; invariant: string; detail: string }[] = [];
  let fewestOrders = Number.POSITIVE_INFINITY;
  const sums = { seeds: 0, orders: 0, commits: 0, effects: 0, calls: 0, acknowledged: 0, virtualMs: 0, repeated: 0 };

  function add(summary: SeedSummary): boolean {
    const { seed, traceHash } = summary;
    const known = hashes.get(seed);
    if (known !== undefined) {
      sums.repeated += 1;
      if (known !== traceHash) failures.push({ seed, invariant: "the same seed", detail: "two runs gave two traces" });
      return false;
    }
    hashes.set(seed, traceHash);
    sums.seeds += 1;
    sums.orders += summary.orders;
    fewestOrders = Math.min(fewestOrders, summary.orders);
    sums.commits += summary.commits;
    sums.effects += summary.effects;
    sums.calls += summary.calls;
    sums.acknowledged += summary.acknowledged;
    sums.virtualMs += summary.durationMs;
    for (const [name, count] of summary.probes) paths.set(name, (paths.get(name) ?? 0) + count);
    for (const { invariant, detail } of summary.violations.slice(0, 1)) failures.push({ seed, invariant, detail });
    progress.update(
      sums.seeds,
      options.seeds,
      `${countOf(sums.orders, "order")}, ${countOf(failures.length, "failure")}`,
    );
    return failures.length >= STOP_AFTER_FAILURES;
  }

  await runCrew({ runs: planRuns(options), onSummary: add, ...(options.database === undefined ? {} : { workers: 1 }) });
  progress.end();
  const seconds = (performance.now() - startedMs) / 1_000;
  const isEnough = sums.seeds >= SEEDS_FOR_ALL_PATHS;
  const unreached = isEnough ? Object.keys(RARE_PATHS).filter((name) => !paths.has(name)) : [];
  const reached = Object.keys(RARE_PATHS).filter((name) => paths.has(name)).length;
  const virtualHours = sums.virtualMs / 3_600_000;
  const rows: (readonly [string, string | number])[] = [
    ["seeds", sums.seeds],
    ["payment orders", sums.orders],
    ["payment orders in the smallest seed", fewestOrders],
    ["commits", sums.commits],
    ["calls to the PSPs", sums.calls],
    ["effects at the PSPs", sums.effects],
    ["requests acknowledged", sums.acknowledged],
    ["virtual hours", Math.round(virtualHours * 10) / 10],
    ["seconds", Math.round(seconds)],
    ["seeds run twice with the same trace", sums.repeated],
    [`rare paths reached, of ${Object.keys(RARE_PATHS).length}`, reached],
    ["violations", failures.length],
  ];
  const text = [
    renderTable(["simulation", ""], rows),
    ...failures.map(({ seed, invariant, detail }) => `seed ${seed} breaks “${invariant}”: ${detail}`),
    ...unreached.map((name) => `never reached: ${name} (${RARE_PATHS[name]})`),
  ].join("\n");
  return {
    seeds: sums.seeds,
    orders: sums.orders,
    fewestOrders,
    commits: sums.commits,
    effects: sums.effects,
    calls: sums.calls,
    acknowledged: sums.acknowledged,
    virtualHours,
    seconds,
    failures,
    repeated: sums.repeated,
    paths: Object.fromEntries([...paths].sort(([a], [b]) => a.localeCompare(b))),
    unreached,
    text,
  };
}

/** Runs one seed; when it fails, finds the fewest faults and tells what happened. True when it fails. */
export async function tellFailure(
  options: RunOptions,
  { isAlwaysTold }: { readonly isAlwaysTold: boolean },
): Promise<boolean> {
  say(`Running seed ${options.seed} again, with fewer and fewer faults …`);
  const shrunk = await shrink(options);
  if (shrunk === null) {
    const result = await runSeed({ ...options, isRecorded: true });
    if (isAlwaysTold) print(tellTimeline(result, null));
    print(
      `Seed ${options.seed} holds: ${countOf(result.orders, "order")}, ${countOf(result.commits, "commit")}, trace ${result.traceHash.toString(16)}.`,
    );
    return false;
  }
  const { result, faults } = shrunk;
  const [first] = result.violations;
  if (first === undefined) return true;
  print(
    `\nSeed ${options.seed} breaks “${first.invariant}” after ${(first.atMs / 1_000).toFixed(3)} virtual seconds: ${first.detail}`,
  );
  print(`Order: ${first.orderId ?? "none alone"}. Faults that it takes: ${faults.join(", ") || "none"}.\n`);
  print(tellTimeline(result, first.orderId));
  return true;
}
