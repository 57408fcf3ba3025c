/** One step of a sequence: the same question or change for both sides, and what of its result must agree. */
import type { Statements } from "../../../src/db/access.ts";
import type { Reads } from "../../../src/db/reads.ts";
import { toCanonical } from "./canonical.ts";
import type { Side } from "./sides.ts";

export interface Step {
  /** For a person who has to look into a difference. */
  readonly text: string;
  readonly run: (side: Side) => unknown;
  /** What of a result must be the same on both sides. */
  readonly view: (result: unknown) => unknown;
}

export type View = Step["view"];
export const exactly: View = (result) => result;

const MAX_TEXT = 4_000;
const describe = (name: string, rest: readonly unknown[]): string =>
  `${name}(${rest.map(toCanonical).join(", ").slice(0, MAX_TEXT)})`;

export function statement<Name extends keyof Statements>(
  name: Name,
  rest: Parameters<Statements[Name]>,
  view: View = exactly,
): Step {
  return {
    text: describe(name, rest),
    run: (side) => (side.statements[name] as (...rest: readonly unknown[]) => unknown)(...rest),
    view,
  };
}

export function read<Name extends keyof Reads>(name: Name, rest: Parameters<Reads[Name]>, view: View = exactly): Step {
  return {
    text: describe(name, rest),
    run: (side) => (side.reads[name] as (...rest: readonly unknown[]) => unknown)(...rest),
    view,
  };
}

export function change<Name extends "commitSteps" | "beatNode" | "stopNode" | "insertSetting" | "ageNode">(
  name: Name,
  rest: Parameters<Side[Name]>,
): Step {
  return {
    text: describe(name, rest),
    run: (side) => (side[name] as (...rest: readonly unknown[]) => unknown)(...rest),
    view: exactly,
  };
}

/** For rows by a rank that several may share: the ranks in order, and the rows of all ranks that are there whole. */
export function ranked<Row>(rankOf: (row: Row) => unknown, limit: number): View {
  return (result) => {
    if (!Array.isArray(result)) return result;
    const rows: readonly Row[] = result;
    const ranks = rows.map((row) => toCanonical(rankOf(row)));
    const last = rows.length < limit ? undefined : ranks.at(-1);
    const whole = rows.filter((_, index) => ranks[index] !== last);
    return { ranks, whole: whole.map(toCanonical).sort() };
  };
}
