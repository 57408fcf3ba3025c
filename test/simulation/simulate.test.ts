/** The simulation itself: it repeats, it holds, it has teeth. How much is run here follows from the time that there is. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PROPERTIES } from "../../scripts/prove/properties.ts";
import { simulateCrashes } from "../../scripts/simulate/campaigns/crashes.ts";
import { huntMistakes } from "../../scripts/simulate/campaigns/mistakes.ts";
import { simulateSeeds } from "../../scripts/simulate/campaigns/seeds.ts";
import { FLOWS, optionsOf } from "../../scripts/simulate/crash-points.ts";
import { FAULT_NAMES } from "../../scripts/simulate/faults.ts";
import { INVARIANTS } from "../../scripts/simulate/invariants.ts";
import { MISTAKES } from "../../scripts/simulate/planted/mistakes.ts";
import { RARE_PATHS } from "../../scripts/simulate/rare-paths.ts";
import { runSeed } from "../../scripts/simulate/run-seed.ts";
import { isThorough } from "../support/thorough.ts";
import { KEPT_SEEDS } from "./kept-seeds.ts";

/** Its first seed, so that each run of CI tries others. */
const FROM = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
const SEEDS = Number(process.env.SEEDS ?? (isThorough ? 60 : 20));
const MINUTES = 60_000;

test("the same seed gives the same run, and another seed another", async () => {
  const [one, again, other] = [await runSeed({ seed: 42 }), await runSeed({ seed: 42 }), await runSeed({ seed: 43 })];
  expect(again.traceHash).toBe(one.traceHash);
  expect(other.traceHash).not.toBe(one.traceHash);
});

test(
  "every seed holds, whatever fails",
  async () => {
    console.log(`simulation: ${SEEDS} seeds, SEED=${FROM}`);
    const report = await simulateSeeds({ seeds: SEEDS, from: FROM, isLying: false });
    expect(report.failures).toEqual([]);
    expect(report.orders).toBeGreaterThan(50 * SEEDS);
    expect(report.repeated).toBeGreaterThan(0);
  },
  5 * MINUTES,
);

test(
  "every seed holds when the lease store grants everything to everyone",
  async () => {
    const report = await simulateSeeds({ seeds: Math.ceil(SEEDS / 4), from: FROM, isLying: true });
    expect(report.failures).toEqual([]);
  },
  5 * MINUTES,
);

describe("runs that found a mistake once", () => {
  test.each(KEPT_SEEDS)("seed $seed: $found", async ({ seed, test: proof }) => {
    expect((await runSeed({ seed })).violations).toEqual([]);
    const [file = "", title = ""] = proof.split(": ");
    expect(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")).toContain(title);
  });
});

test.each(FLOWS.filter(({ reaches }) => reaches !== undefined))(
  "the flow “$name” is what its name says",
  async (flow) => {
    const { probes, violations } = await runSeed(optionsOf(flow, []));
    expect(violations).toEqual([]);
    expect([...probes.keys()]).toContain(`edge ${flow.reaches}`);
  },
);

test(
  "a death at every seam of every canonical flow loses and doubles nothing",
  async () => {
    const flows = FLOWS.filter(({ nodes }) => isThorough || nodes === 1);
    const report = await simulateCrashes({ withPairs: false, flows });
    expect(report.failures).toEqual([]);
    expect(report.flows).toHaveLength(flows.length);
    expect(report.runs).toBeGreaterThan(40 * flows.length);
  },
  5 * MINUTES,
);

test(
  "a second death at every seam after the first does no more harm",
  async () => {
    const chosen = isThorough ? "charged, answer lost, alone" : "the buyer never comes, alone";
    const flows = FLOWS.filter(({ name }) => name === chosen);
    const report = await simulateCrashes({ withPairs: true, flows });
    expect(report.failures).toEqual([]);
    expect(report.flows.every(({ pairs, seams }) => pairs > seams)).toBe(true);
  },
  5 * MINUTES,
);

describe("planted mistakes", () => {
  test("fit the source, each exactly once, and change it", () => {
    for (const { file, right, wrong, name } of MISTAKES) {
      const source = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
      expect(source.split(right), name).toHaveLength(2);
      expect(wrong).not.toBe(right);
    }
    expect(MISTAKES.length).toBeGreaterThanOrEqual(20);
  });

  // The others take more seeds than CI has time for: `npm run simulate -- --planted` hunts them all.
  test.each(["effect-before-commit", "ledger-outside-the-commit", "timeout-as-unsent"])(
    "%s is found",
    async (name) => {
      const { rows } = await huntMistakes({ name });
      expect(rows[0]?.seeds).toBeLessThan(500);
    },
    2 * MINUTES,
  );
});

test("there are enough invariants, faults and rare paths, and each says what it is", () => {
  expect(FAULT_NAMES.length).toBeGreaterThanOrEqual(40);
  expect(Object.keys(RARE_PATHS).length).toBeGreaterThanOrEqual(40);
  for (const text of [...Object.values(INVARIANTS), ...Object.values(RARE_PATHS)])
    expect(text.length).toBeGreaterThan(7);
});

test("the README counts faults and planted mistakes as they are", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toContain(` ${FAULT_NAMES.length} kinds of faults`);
  expect(readme).toContain(` ${MISTAKES.length} wrong lines`);
});

test("a violation of any invariant is one of a property that prove tells of", () => {
  const told = new Set<string>(PROPERTIES.flatMap(({ invariants }) => invariants));
  // The differential has a row of its own.
  expect(Object.keys(INVARIANTS).filter((name) => !told.has(name))).toEqual(["model is PostgreSQL"]);
});
