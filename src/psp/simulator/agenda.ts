/**
 * Work with a due time: settlements of pending charges and notices. Every job is in the journal until it is
 * done, so a killed simulator picks all of them up again.
 */
import type { Job } from "./journal-entries.ts";
import type { SimulatorState } from "./state.ts";

/** The longest delay that `setTimeout` takes. */
const MAX_TIMER_MS = 2_147_483_647;

export interface Agenda {
  /** Journals the job and runs it when it is due. */
  add(job: Job): void;
  /** Runs a job again later, without a new journal line. */
  again(job: Job, delayMs: number): void;
  done(id: string): void;
  /** Picks up what the journal holds. */
  resume(): void;
  /** Drops all timers. */
  clear(): void;
}

export function createAgenda(state: SimulatorState, run: (job: Job) => void): Agenda {
  const timers = new Set<NodeJS.Timeout>();
  const again = (job: Job, delayMs: number): void => {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        run(job);
      },
      Math.min(delayMs, MAX_TIMER_MS),
    );
    timers.add(timer);
  };
  const start = (job: Job): void => {
    const delayMs = job.dueAtMs - Date.now();
    if (delayMs > 0) again(job, delayMs);
    else run(job);
  };
  return {
    add(job) {
      state.record({ t: "job", job });
      start(job);
    },
    again,
    done: (id) => state.record({ t: "done", id }),
    resume() {
      for (const job of state.jobs()) start(job);
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
