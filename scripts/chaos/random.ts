/** Chance that a seed repeats. */
export interface Dice {
  /** From `low` (included) to `high` (not included). */
  between(low: number, high: number): number;
  /** One of them; throws when there is none. */
  pick<T>(items: readonly T[]): T;
}

/** Mulberry32: 32 bits of state are plenty to choose a victim. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (low, high) => low + unit() * (high - low),
    pick(items) {
      const item = items[Math.floor(unit() * items.length)];
      if (item === undefined) throw new Error("there is nothing to pick from");
      return item;
    },
  };
}
