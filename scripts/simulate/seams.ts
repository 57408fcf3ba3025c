/**
 * Seams: where a process meets the world (a statement, a PSP call, an answer). Before and after each the process
 * may die, and in the exhaustive mode it dies at every one of them in turn. A read that found nothing is no seam of its
 * own: a death there is the death at the seam before.
 */
import type { Life } from "./life.ts";

export interface Seams {
  /** Passes a seam; true when the process died at it. */
  pass(life: Life, seam: string): boolean;
  /** From now on nobody dies and nothing is counted: all is at rest. */
  close(): void;
  /** Seams that were passed, in order. */
  readonly passed: readonly string[];
}

/** `deaths`: numbers of the seams, from 0, at which whoever passes dies. */
export function createSeams(options: {
  readonly deaths: readonly number[];
  readonly isCounting: boolean;
  readonly onDeath: (life: Life, seam: string) => void;
}): Seams {
  const passed: string[] = [];
  let count = 0;
  let isClosed = false;
  return {
    passed,
    close() {
      isClosed = true;
    },
    pass(life, seam) {
      if (life.isDead()) return true;
      if (isClosed) return false;
      const number = count;
      count += 1;
      if (options.isCounting) passed.push(`${life.name} ${seam}`);
      if (!options.deaths.includes(number)) return false;
      life.kill();
      options.onDeath(life, seam);
      return true;
    },
  };
}
