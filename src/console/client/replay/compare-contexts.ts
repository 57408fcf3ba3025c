/** What a step changed in the order's memory. */

export interface Difference {
  /** `failure.code`, `timer.dueAt`: the path of the changed value. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isNothing = (value: unknown): value is null | undefined => value === null || value === undefined;

export function compareContexts(before: unknown, after: unknown, path = ""): readonly Difference[] {
  if (Object.is(before, after)) return [];
  if ((isRecord(before) || isNothing(before)) && (isRecord(after) || isNothing(after))) {
    const [old, next] = [before ?? {}, after ?? {}];
    const keys = new Set([...Object.keys(old), ...Object.keys(next)]);
    // An object that came or went is told by its members.
    return [...keys].flatMap((key) => compareContexts(old[key], next[key], path === "" ? key : `${path}.${key}`));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ path, before, after }];
}

/** Values of these names are milliseconds since the epoch. */
const TIMES = new Set(["at", "dueAt", "since", "keySince", "unknownSince"]);

export function isTimeAt(path: string): boolean {
  return TIMES.has(path.split(".").at(-1) ?? "");
}
