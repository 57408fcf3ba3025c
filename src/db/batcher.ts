/** Calls that wait at the same moment share one statement. For idempotent statements only: it does not resend. */
import type { Ports } from "../core/ports.ts";

export interface Batcher<Input, Output> {
  /** Rejects with the statement's error when the batch that it went with failed. */
  run(input: Input): Promise<Output>;
}

interface Waiting<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

/** `execute` gets the inputs in order and returns one output for each, in the same order. */
export function createBatcher<Input, Output>(
  { timers }: Pick<Ports, "timers">,
  maxBatch: number,
  execute: (inputs: readonly Input[]) => Promise<readonly Output[]>,
): Batcher<Input, Output> {
  const queue: Waiting<Input, Output>[] = [];
  let isRunning = false;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, maxBatch);
      try {
        const outputs = await execute(batch.map(({ input }) => input));
        batch.forEach(({ resolve, reject }, index) => {
          const output = outputs[index];
          if (output === undefined) reject(new Error("the batch returned too few outputs"));
          else resolve(output);
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  }

  return {
    run: (input) =>
      new Promise((resolve, reject) => {
        queue.push({ input, resolve, reject });
        if (isRunning) return;
        isRunning = true;
        timers.soon(() => void drain());
      }),
  };
}
