/** `npm run simulate`: tries to break Florin in virtual time, seed after seed, and says what held. */
import { parseArgs } from "node:util";
import { simulateCrashes } from "./simulate/campaigns/crashes.ts";
import { huntMistakes } from "./simulate/campaigns/mistakes.ts";
import { type SeedsOptions, type SeedsReport, simulateSeeds, tellFailure } from "./simulate/campaigns/seeds.ts";
import { FAULTS } from "./simulate/faults.ts";
import { INVARIANTS } from "./simulate/invariants.ts";
import { startScratchPostgres } from "./simulate/scratch-postgres.ts";
import { countOf, print, renderTable, runScript, UserError } from "./support/terminal.ts";

const HELP = `Runs the real engine, machines, books and HTTP app in virtual time, on a database, PSPs, leases, clocks and a network that
fail in every way, and checks after every commit and every PSP call what must hold.

  npm run simulate                            200 seeds
  npm run simulate -- --seeds 10000           more of them
  npm run simulate -- --seed 4711             one seed, with its timeline when it fails
  npm run simulate -- --seed 4711 --timeline  its timeline in any case
  npm run simulate -- --lying                 the lease store grants everything to everyone, in every seed
  npm run simulate -- --postgres 20           seeds on a real PostgreSQL instead of its model
  npm run simulate -- --crashes               a death at every seam of every canonical flow
  npm run simulate -- --crashes --pairs       and once more at every seam after it
  npm run simulate -- --planted               finds every planted mistake, and says after how many seeds
  npm run simulate -- --planted NAME          one of them
  npm run simulate -- --invariants            what is checked
  npm run simulate -- --faults                what goes wrong

The same seed gives the same run. Rare paths are judged from 400 seeds on. A failure prints its seed, the fewest faults that it takes and the timeline of the order.
Exit code 1 when anything does not hold, when a rare path is never reached, or when a planted mistake is not found.`;

const DEFAULT_SEEDS = 200;
const MAX_SEEDS = 10_000_000;

function readNumber(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > MAX_SEEDS) {
    throw new UserError(`--${name} takes a whole number up to ${MAX_SEEDS}.`);
  }
  return number;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      from: { type: "string" },
      lying: { type: "boolean", default: false },
      timeline: { type: "boolean", default: false },
      postgres: { type: "string" },
      crashes: { type: "boolean", default: false },
      pairs: { type: "boolean", default: false },
      planted: { type: "boolean", default: false },
      invariants: { type: "boolean", default: false },
      faults: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (values.invariants) {
    print(renderTable(["invariant", "what must hold"], Object.entries(INVARIANTS)));
    return 0;
  }
  if (values.faults) {
    print(renderTable(["fault", "what goes wrong"], Object.entries(FAULTS)));
    return 0;
  }
  const isLying = values.lying;
  if (values.seed !== undefined) {
    const seed = readNumber(values.seed, "seed", 0);
    return (await tellFailure({ seed, isLying }, { isAlwaysTold: values.timeline })) ? 1 : 0;
  }
  if (values.planted) {
    const { rows, missed } = await huntMistakes({ name: positionals[0] ?? null });
    print(
      values.json
        ? JSON.stringify({ mistakes: rows, missed })
        : renderTable(
            ["planted mistake", "what is done wrong", "found after seeds", "by"],
            rows.map((row) => [row.name, row.what, row.seeds ?? "never", row.invariant ?? ""]),
          ),
    );
    return missed.length === 0 ? 0 : 1;
  }
  if (values.crashes) {
    const report = await simulateCrashes({ withPairs: values.pairs });
    print(
      values.json
        ? JSON.stringify(report)
        : `${renderTable(
            ["flow", "seams", "deaths", "pairs of deaths", "violations"],
            report.flows.map((flow) => [flow.name, flow.seams, flow.deaths, flow.pairs, flow.violations]),
          )}\n\n${countOf(report.runs, "run")}, ${countOf(report.violations, "violation")}.${report.failures.map((failure) => `\n${failure}`).join("")}`,
    );
    return report.violations === 0 ? 0 : 1;
  }
  const options = {
    seeds: readNumber(values.postgres ?? values.seeds, "seeds", DEFAULT_SEEDS),
    from: readNumber(values.from, "from", 1),
    isLying,
  };
  const report = values.postgres === undefined ? await simulateSeeds(options) : await simulateOnPostgres(options);
  print(values.json ? JSON.stringify(report) : report.text);
  const [failed] = report.failures;
  if (failed !== undefined && !values.json && values.postgres === undefined)
    await tellFailure({ seed: failed.seed, isLying }, { isAlwaysTold: false });
  return report.failures.length === 0 && report.unreached.length === 0 ? 0 : 1;
}

async function simulateOnPostgres(options: SeedsOptions): Promise<SeedsReport> {
  const database = await startScratchPostgres();
  try {
    return await simulateSeeds({ ...options, database });
  } finally {
    await database.stop();
  }
}

await runScript(main);
