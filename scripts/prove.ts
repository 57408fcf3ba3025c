/** `npm run prove`: everything that tries to break Florin, a few minutes of each, and one table of what held. */
import { parseArgs } from "node:util";
import { ADOPTION_LIMIT_MS, FULL_RUN, SHORT_RUN } from "./chaos/options.ts";
import { runChaos } from "./chaos/run-chaos.ts";
import { PROPERTIES } from "./prove/properties.ts";
import { simulateCrashes } from "./simulate/campaigns/crashes.ts";
import { huntMistakes } from "./simulate/campaigns/mistakes.ts";
import { type SeedsOptions, type SeedsReport, simulateSeeds } from "./simulate/campaigns/seeds.ts";
import { runDifferential } from "./simulate/differential/run-differential.ts";
import { runRaces } from "./simulate/differential/run-races.ts";
import { startScratchPostgres } from "./simulate/scratch-postgres.ts";
import { countOf, createProgress, print, renderTable, runScript, say } from "./support/terminal.ts";

const HELP = `Tries to break Florin in every way that the project knows, and prints one table: property, how it was tried, how often, and
how often it did not hold.

  npm run prove             a few minutes
  npm run prove -- --full   10,000 seeds of each kind and the full chaos run: some hours
  npm run prove -- --json   one object instead of the table

Chaos needs Linux and a redis-server; elsewhere it is left out and the table says so. Exit code 1 when anything does not hold.`;

interface Plan {
  readonly seeds: number;
  readonly lying: number;
  readonly postgres: number;
  readonly sequences: number;
  /** Of each kind of race between two connections. */
  readonly rounds: number;
  readonly withPairs: boolean;
  readonly chaos: typeof SHORT_RUN | typeof FULL_RUN;
}

const SHORT: Plan = {
  seeds: 500,
  lying: 200,
  postgres: 12,
  sequences: 250,
  rounds: 25,
  withPairs: false,
  chaos: SHORT_RUN,
};
const FULL: Plan = {
  seeds: 10_000,
  lying: 10_000,
  postgres: 100,
  sequences: 5_000,
  rounds: 500,
  withPairs: true,
  chaos: FULL_RUN,
};
const MAX_SHOWN = 20;
const MAX_SEED = 1_000_000;

interface Row {
  readonly property: string;
  readonly how: string;
  readonly tried: number;
  readonly violations: readonly string[];
}

/** Campaigns of seeds, judged property by property. */
function toRows(how: string, report: SeedsReport): readonly Row[] {
  const tell = ({ seed, invariant, detail }: SeedsReport["failures"][number]): string =>
    `${how}: seed ${seed} breaks “${invariant}”: ${detail}`;
  return [
    ...PROPERTIES.map(({ property, invariants, triesOf }) => ({
      property,
      how,
      tried: triesOf(report),
      violations: report.failures.filter(({ invariant }) => invariants.some((one) => one === invariant)).map(tell),
    })),
    {
      property: "The same seed gives the same run, and enough seeds reach every rare path",
      how,
      tried: report.repeated,
      violations: [
        ...report.failures.filter(({ invariant }) => invariant === "the same seed").map(tell),
        ...report.unreached.map((name) => `${how}: never reached: ${name}`),
      ],
    },
  ];
}

/** One row a property: the seeds of all kinds together. */
function addUp(rows: readonly Row[]): readonly Row[] {
  return [...Map.groupBy(rows, ({ property }) => property)].map(([property, same]) => ({
    property,
    how: [...new Set(same.map(({ how }) => how))].join(", "),
    tried: same.reduce((sum, { tried }) => sum + tried, 0),
    violations: same.flatMap(({ violations }) => violations),
  }));
}

async function simulate(plan: Plan): Promise<readonly Row[]> {
  const from = Date.now() % MAX_SEED;
  const campaigns: (readonly [how: string, options: SeedsOptions])[] = [
    [countOf(plan.seeds, "seed"), { seeds: plan.seeds, from, isLying: false }],
    [`${countOf(plan.lying, "seed")} with lying leases`, { seeds: plan.lying, from, isLying: true }],
  ];
  const rows: Row[] = [];
  for (const [how, options] of campaigns) {
    say(`${how} in virtual time:`);
    rows.push(...toRows(how, await simulateSeeds(options)));
  }
  return rows;
}

async function simulateOnPostgres(plan: Plan): Promise<readonly Row[]> {
  const database = await startScratchPostgres();
  try {
    const from = Date.now() % MAX_SEED;
    const how = `${countOf(plan.postgres, "seed")} on PostgreSQL`;
    say(`${how}:`);
    const seeds = await simulateSeeds({ seeds: plan.postgres, from, isLying: false, database });
    say(`${countOf(plan.sequences, "random sequence")} of statements, on the model and on PostgreSQL:`);
    const progress = createProgress("Comparing");
    const { difference, steps } = await runDifferential({
      database,
      sequences: plan.sequences,
      seed: from,
      onProgress: (done) => progress.update(done.sequences, plan.sequences, countOf(done.steps, "statement")),
    });
    progress.end();
    say("Two connections that meet:");
    const races = await runRaces({ database, rounds: plan.rounds, seed: from });
    const differences = seeds.failures.filter(({ invariant }) => invariant === "model is PostgreSQL");
    return [
      ...toRows(how, seeds),
      {
        property: "The simulation's database answers, fails and stores as PostgreSQL does",
        how: `${countOf(plan.sequences, "random sequence")}, ${how}`,
        tried: steps + seeds.commits,
        violations: [
          ...differences.map(({ seed, detail }) => `seed ${seed}: ${detail}`),
          ...(difference === null ? [] : [`sequence ${difference.seed}: ${difference.what}`]),
        ],
      },
      {
        property: "What two connections do at once on PostgreSQL comes to what one after the other comes to",
        how: `${countOf(races.races.size, "kind")} of races, two connections each`,
        tried: [...races.races.values()].reduce((sum, times) => sum + times, 0),
        violations: races.difference === null ? [] : [races.difference],
      },
    ];
  } finally {
    await database.stop();
  }
}

async function crash(plan: Plan): Promise<Row> {
  say("A death at every seam of every canonical flow:");
  const { runs, failures } = await simulateCrashes({ withPairs: plan.withPairs });
  return {
    property: "A process may die at any seam, and nothing above stops to hold",
    how: plan.withPairs ? "every seam, every pair of seams" : "every seam of every canonical flow",
    tried: runs,
    violations: failures,
  };
}

async function hunt(): Promise<Row> {
  say("Planted mistakes, which must all be found:");
  const { rows, missed } = await huntMistakes({ name: null });
  const worst = Math.max(...rows.map(({ seeds }) => seeds ?? 0));
  return {
    property: "The simulation finds every planted mistake",
    how: `${rows.length} mistakes, the hardest after ${countOf(worst, "seed")}`,
    tried: rows.length,
    violations: missed.map((name) => `${name} was not found`),
  };
}

async function wreak(plan: Plan): Promise<readonly Row[]> {
  if (process.platform !== "linux") {
    return [{ property: "Chaos with real processes", how: "left out: it needs Linux", tried: 0, violations: [] }];
  }
  say("Real processes, killed, paused, failed over and cut off:");
  let progress = createProgress("Chaos");
  let phase = "";
  const report = await runChaos({
    ...plan.chaos,
    seed: Date.now() % MAX_SEED,
    adoptionLimitMs: ADOPTION_LIMIT_MS,
    keep: false,
    onProgress(now) {
      if (now.phase !== phase) {
        progress.end();
        progress = createProgress(now.phase);
        phase = now.phase;
      }
      progress.update(now.done, now.total, now.note);
    },
  });
  progress.end();
  const { kills, pauses, crashes, failovers } = report.faults;
  const how = `chaos: ${kills} kills, ${pauses} pauses, ${crashes} crashes and ${failovers} failovers of PostgreSQL`;
  return report.findings.map((finding) => ({ ...finding, how }));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      full: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  const plan = values.full ? FULL : SHORT;
  const seeds = await simulate(plan);
  const onPostgres = await simulateOnPostgres(plan);
  const rows = [...addUp([...seeds, ...onPostgres]), await crash(plan), await hunt(), ...(await wreak(plan))];
  const violations = rows.flatMap((row) => row.violations);
  if (values.json) print(JSON.stringify({ rows, violations: violations.length }));
  else {
    const cells = rows.map((row) => [row.property, row.how, row.tried, row.violations.length]);
    print(`\n${renderTable(["property", "how it was tried", "times", "violations"], cells)}\n`);
    for (const violation of violations.slice(0, MAX_SHOWN)) print(violation);
    print(violations.length === 0 ? "Nothing was lost, doubled or stuck." : countOf(violations.length, "violation"));
  }
  return violations.length === 0 ? 0 : 1;
}

await runScript(main);
