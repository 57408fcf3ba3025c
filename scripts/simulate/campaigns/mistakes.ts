/** Each planted mistake in turn, until a seed finds it. */
import { createProgress, UserError } from "../../support/terminal.ts";
import { runCrew } from "../crew.ts";
import { MISTAKES } from "../planted/mistakes.ts";

export interface FoundMistake {
  readonly name: string;
  readonly what: string;
  /** How many seeds it took; null when none of them found it. */
  readonly seeds: number | null;
  readonly invariant: string | null;
}

const MAX_SEEDS = 500;

export async function huntMistakes(options: {
  readonly name: string | null;
}): Promise<{ readonly rows: readonly FoundMistake[]; readonly missed: readonly string[] }> {
  const hunted = MISTAKES.filter(({ name }) => options.name === null || name === options.name);
  if (hunted.length === 0) throw new UserError(`There is no planted mistake ${options.name}.`);
  const progress = createProgress("Hunting");
  const rows: FoundMistake[] = [];
  for (const { name, what } of hunted) {
    progress.update(rows.length, hunted.length, name);
    let found: { seed: number; invariant: string } | null = null;
    await runCrew({
      planted: name,
      runs: Array.from({ length: MAX_SEEDS }, (_, index) => ({ seed: index + 1 })),
      onSummary({ seed, violations: [violation] }) {
        if (violation === undefined) return false;
        found = { seed, invariant: violation.invariant };
        return true;
      },
    });
    const { seed = null, invariant = null } = found ?? ({} as { seed?: number; invariant?: string });
    rows.push({ name, what, seeds: seed, invariant });
  }
  progress.end();
  return { rows, missed: rows.filter(({ seeds }) => seeds === null).map(({ name }) => name) };
}
