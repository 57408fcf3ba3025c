/**
 * The differential test of the model of the database: the same random sequences of steps against the model and against
 * PostgreSQL, with the same results, the same classes of errors and, at the end, the same rows. A sequence has a seed of
 * its own, so that one that differs can be run alone: `SEED=<seed> SEQUENCES=1`.
 */
import { randomBatch } from "./batches.ts";
import { outcomeOf } from "./canonical.ts";
import { type DifferentialDatabase, openPostgresSide, type PostgresSide } from "./postgres-side.ts";
import { seedChance } from "./random.ts";
import { randomRead } from "./read-steps.ts";
import { toModelSide } from "./sides.ts";
import { randomStatement } from "./statement-steps.ts";
import { change, type Step } from "./steps.ts";
import { compareDumps, dumpModel } from "./tables.ts";
import { createWorld, START_MS, type World } from "./world.ts";

export interface Differential {
  /** Fresh, migrated, and nobody else's. */
  readonly database: DifferentialDatabase;
  readonly sequences: number;
  /** Of the first sequence; the next has the next. */
  readonly seed: number;
  /** In place of the function that the migrations made. */
  readonly commitFunction?: string;
  readonly onProgress?: (done: { readonly sequences: number; readonly steps: number }) => void;
}

export interface Difference {
  readonly seed: number;
  readonly step: number;
  readonly what: string;
  /** The sequence up to where the sides differ. */
  readonly steps: readonly string[];
}

export interface DifferentialReport {
  readonly sequences: number;
  readonly steps: number;
  /** How often each kind of result came up: what was never met was not compared. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly difference: Difference | null;
}

const MIN_STEPS = 10;
const MORE_STEPS = 40;
const SECOND_MS = 1_000;
const DAY_MS = 86_400 * SECOND_MS;
const JUMPS_MS = [1, 1, 7, 500, 2 * SECOND_MS, 2 * SECOND_MS, 11 * SECOND_MS, 3_600 * SECOND_MS] as const;
const LONG_JUMPS_MS = [8 * DAY_MS, 31 * DAY_MS] as const;

function randomStep(world: World): Step {
  const { chance, nodes } = world;
  const dice = chance.unit();
  if (dice < 0.4) return change("commitSteps", [randomBatch(world)]);
  if (dice < 0.68) return randomStatement(world);
  if (dice < 0.88) return randomRead(world);
  const node = chance.pick(nodes);
  if (dice < 0.96) return change("beatNode", [node, chance.pick(["node one", "nöde"])]);
  if (dice < 0.975) return change("stopNode", [node]);
  if (dice < 0.99) return change("ageNode", [node, 11 * SECOND_MS]);
  return change("insertSetting", [chance.pick(["secret", "other"]), "value"]);
}

/** Runs until all sequences are done or one differs. */
export async function runDifferential(options: Differential): Promise<DifferentialReport> {
  const server = await openPostgresSide(options.database);
  const outcomes = new Map<string, number>();
  let steps = 0;
  try {
    if (options.commitFunction !== undefined) await server.replaceCommit(options.commitFunction);
    for (let sequence = 0; sequence < options.sequences; sequence += 1) {
      const run = await runSequence(server, options.seed + sequence, outcomes);
      steps += run.steps.length;
      options.onProgress?.({ sequences: sequence + 1, steps });
      if (run.what === null) continue;
      const difference = { seed: options.seed + sequence, step: run.steps.length, what: run.what, steps: run.steps };
      return { sequences: sequence + 1, steps, outcomes, difference };
    }
    return { sequences: options.sequences, steps, outcomes, difference: null };
  } finally {
    await server.close();
  }
}

interface Run {
  readonly steps: readonly string[];
  /** null when the sides agree. */
  readonly what: string | null;
}

async function runSequence(server: PostgresSide, seed: number, outcomes: Map<string, number>): Promise<Run> {
  const world = createWorld(seedChance(seed));
  const { chance, clock, model } = world;
  const side = toModelSide(model);
  const steps: string[] = [];
  await server.reset(START_MS);
  for (let left = MIN_STEPS + chance.int(MORE_STEPS); left > 0; left -= 1) {
    if (chance.of(0.25)) {
      clock.nowMs += chance.of(0.02) ? chance.pick(LONG_JUMPS_MS) : chance.pick(JUMPS_MS);
      await server.setNow(clock.nowMs);
    }
    const step = randomStep(world);
    steps.push(`${clock.nowMs - START_MS} ms: ${step.text}`);
    // PostgreSQL first: views may look into the model, which must be as it was before and after alike.
    const theirs = await outcomeOf(() => step.run(server), step.view);
    const ours = await outcomeOf(() => step.run(side), step.view);
    countOutcome(outcomes, step, theirs);
    if (ours !== theirs) return { steps, what: `the model:  ${ours}\nPostgreSQL: ${theirs}` };
  }
  const rows = compareDumps(dumpModel(model), await server.dump());
  return { steps, what: rows.length === 0 ? null : rows.join("\n") };
}

function countOutcome(outcomes: Map<string, number>, { text }: Step, outcome: string): void {
  const name = text.slice(0, text.indexOf("("));
  const verdicts = name === "commitSteps" ? (outcome.match(/committed|fenced|duplicate|checkout|order/g) ?? []) : [];
  const kinds = outcome.startsWith("error ") ? [`${name} ${outcome}`] : [name, ...verdicts.map((v) => `${name} ${v}`)];
  for (const kind of new Set(kinds)) outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
}
