/** Chance from a seed: the same seed gives the same sequence of steps. */
export interface Chance {
  /** Uniform in [0, 1). */
  unit(): number;
  /** 0, 1, … `below` - 1. */
  int(below: number): number;
  of(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

/** Mulberry32: small, fast, good enough for choosing steps. */
export function seedChance(seed: number): Chance {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(unit() * below);
  return {
    unit,
    int,
    of: (probability) => unit() < probability,
    pick<T>(from: readonly T[]): T {
      const index = int(from.length);
      if (index >= from.length) throw new RangeError("there is nothing to pick from");
      return from[index] as T;
    },
    bytes: (length) => Uint8Array.from({ length }, () => int(256)),
  };
}
