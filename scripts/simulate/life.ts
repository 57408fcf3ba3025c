/**
 * One life of a simulated process, from its start to its death. Whatever reaches the process goes through `run`: a dead one
 * takes nothing, a paused one takes it when it wakes up. Its timers die with it.
 */
import type { Ports } from "../../src/core/ports.ts";
import type { World } from "./world.ts";

export interface Life {
  /** `node-2`: the process's place, the same for all its lives. */
  readonly name: string;
  readonly ports: Ports;
  readonly isDead: () => boolean;
  readonly isPaused: () => boolean;
  run(work: () => void): void;
  kill(): void;
  pause(): void;
  resume(): void;
  jumpClock(byMs: number): void;
  /** How far its wall clock is ahead. */
  clockErrorMs(): number;
}

/** The run begins here on every wall clock. */
export const EPOCH_MS = Date.UTC(2030, 0, 1);

export function createLife(world: World, options: { readonly name: string; readonly skewMs: number }): Life {
  const { timeline } = world;
  const { name } = options;
  const bornMs = timeline.nowMs();
  let isDead = false;
  let isPaused = false;
  let skewMs = options.skewMs;
  let waiting: (() => void)[] = [];

  function run(work: () => void): void {
    if (isDead) return;
    if (isPaused) waiting.push(work);
    else work();
  }

  const ports: Ports = {
    clock: {
      nowMs: () => Math.round(EPOCH_MS + timeline.nowMs() + skewMs),
      monotonicMs: () => timeline.nowMs() - bornMs,
    },
    random: {
      unit: () => world.between(`${name} unit`, 0, 1),
      bytes: (length) => world.bytes(`${name} bytes`, length),
    },
    timers: {
      after: (ms, callback) => timeline.in(ms, () => run(callback)),
      every(ms, callback) {
        let cancel = (): void => {};
        const plan = (): void => {
          cancel = timeline.in(ms, () => {
            if (isDead) return;
            run(callback);
            plan();
          });
        };
        plan();
        return () => cancel();
      },
      soon: (callback) => void timeline.in(0, () => run(callback)),
    },
  };

  return {
    name,
    ports,
    isDead: () => isDead,
    isPaused: () => isPaused,
    run,
    kill() {
      isDead = true;
      waiting = [];
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      const due = waiting;
      waiting = [];
      for (const work of due) run(work);
    },
    jumpClock(byMs) {
      skewMs += byMs;
    },
    clockErrorMs: () => skewMs,
  };
}
