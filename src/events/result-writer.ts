/** Results of attempts, written in groups: those that end while one group is being written go with the next. */
import { type Ports, sleep } from "../core/ports.ts";
import type { AttemptResult } from "../db/statements/deliveries.ts";

export interface ResultWriter {
  /** Resolves when it is written; rejects only after `giveUp`. */
  write(result: AttemptResult): Promise<void>;
  /** What can't be written at once is not tried again: its delivery comes due again when the claim runs out. */
  giveUp(): void;
}

export interface ResultWriterOptions {
  readonly write: (results: readonly AttemptResult[]) => Promise<void>;
  readonly ports: Ports;
  /** Called once for each streak of failures. */
  readonly onTrouble: (error: unknown) => void;
}

interface Waiting {
  readonly result: AttemptResult;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const MAX_GROUP = 200;
const RETRY_MS = 250;

export function createResultWriter({ write, ports, onTrouble }: ResultWriterOptions): ResultWriter {
  let queue: Waiting[] = [];
  let isRunning = false;
  let isGivenUp = false;

  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        await write(group.map(({ result }) => result));
        for (const { resolve } of group) resolve();
        return;
      } catch (error) {
        if (isFirst) onTrouble(error);
        if (isGivenUp) {
          for (const { reject } of group) reject(error);
          return;
        }
        await sleep(ports, RETRY_MS);
      }
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const group = queue.slice(0, MAX_GROUP);
      queue = queue.slice(MAX_GROUP);
      await writeGroup(group);
    }
    isRunning = false;
  }

  return {
    write: (result) =>
      new Promise((resolve, reject) => {
        queue.push({ result, resolve, reject });
        if (isRunning) return;
        isRunning = true;
        // What ends in this turn of the event loop goes together.
        ports.timers.soon(() => void drain());
      }),
    giveUp() {
      isGivenUp = true;
    },
  };
}
