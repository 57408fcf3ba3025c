/** The model of the database answers as PostgreSQL does. `SEED=… SEQUENCES=… vitest run test/simulation/model-differential`. */
import { describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { isThorough } from "../support/thorough.ts";
import { MISTAKES, plant, RACE_MISTAKES, toRaceOptions } from "../../scripts/simulate/differential/planted-mistakes.ts";
import { RACES } from "../../scripts/simulate/differential/races.ts";
import { runRaces } from "../../scripts/simulate/differential/run-races.ts";
import { runDifferential } from "../../scripts/simulate/differential/run-differential.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const SEQUENCES = Number(process.env.SEQUENCES ?? (isThorough ? 150 : 80));
const TIMEOUT_MS = 600_000;
/** Each mistake is found within these, most of them within ten. */
const MISTAKE_SEQUENCES = 300;
/** Of each kind of race; a few seconds. */
const ROUNDS = 20;
/** Known to find them soon, so that this stays short. */
const MISTAKE_SEED = 1;

console.log(`model differential: SEED=${SEED}`);

test(
  "the model and PostgreSQL agree on results, errors and rows",
  async () => {
    await using database = await createTestDatabase();
    const { difference } = await runDifferential({ database, sequences: SEQUENCES, seed: SEED });
    if (difference === null) return;
    const steps = difference.steps.map((step, index) => `${index + 1}. ${step}`).join("\n");
    expect.fail(`SEED=${difference.seed} differs at step ${difference.step}:\n${difference.what}\n\n${steps}`);
  },
  TIMEOUT_MS,
);

describe("a mistake in the function of the group commit is found", () => {
  test.for(MISTAKES)("$what", { timeout: TIMEOUT_MS }, async (mistake) => {
    await using database = await createTestDatabase();
    const report = await runDifferential({
      database,
      sequences: MISTAKE_SEQUENCES,
      seed: MISTAKE_SEED,
      commitFunction: plant(mistake),
    });
    expect(report.difference).not.toBeNull();
  });
});

test(
  "what two connections do at once comes to what one after the other comes to",
  async () => {
    await using database = await createTestDatabase();
    const { races, difference } = await runRaces({ database, rounds: ROUNDS, seed: SEED });
    expect(difference).toBeNull();
    expect([...races.keys()].toSorted()).toEqual(Object.keys(RACES).toSorted());
  },
  TIMEOUT_MS,
);

describe("a mistake that only shows when two connections meet is found", () => {
  test.for(RACE_MISTAKES)("$what", { timeout: TIMEOUT_MS }, async (mistake) => {
    await using database = await createTestDatabase();
    const options = toRaceOptions(mistake);
    const { difference } = await runRaces({ database, rounds: ROUNDS, seed: MISTAKE_SEED, ...options });
    expect(difference).not.toBeNull();
  });
});
