/** What one property came to. */
export interface Finding {
  /** A sentence that should be true. */
  readonly property: string;
  /** How many chances it had to be false. */
  readonly tried: number;
  /** One sentence each; empty when all is well. */
  readonly violations: readonly string[];
}

export function group<T, K>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const members = groups.get(keyOf(item));
    if (members === undefined) groups.set(keyOf(item), [item]);
    else members.push(item);
  }
  return groups;
}
