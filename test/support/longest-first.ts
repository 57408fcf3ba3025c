/**
 * Starts the test files that take longest first, or the last minute of a run has one core at work; beside one that
 * computes some that wait. The names are those of a run on two cores; a file that is not named here comes after them.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const LONGEST = [
  "simulation/simulate",
  "db/embedded-postgres",
  "app/process",
  "engine/lost-answers",
  "scripts/chaos",
  "engine/passivation",
  "engine/ownership",
  "engine/crash",
  "browser/console",
  "scripts/recover",
  "scripts/show",
  "scripts/merchant",
  "events/killed-nodes",
  "http/fuzz",
  "engine/killed-process",
  "simulation/model-differential",
  "machines/payment-order-properties",
] as const;

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return rank === -1 ? LONGEST.length : rank;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}
