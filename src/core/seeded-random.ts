/** Chance that a seed repeats, for simulations. Never for ids or secrets: those come from `ports.ts`. */

/** Mulberry32: 32 bits of state are plenty to choose faults with. Uniform in [0, 1). */
export function createSeededUnit(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
