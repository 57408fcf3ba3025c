/** Several processes that run seeds side by side; each gets its next seed when it has finished the one before. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { RunOptions } from "./run-seed.ts";
import type { SeedSummary } from "./worker.ts";

export interface CrewOptions {
  /** Options of each run, in the order in which they are handed out. */
  readonly runs: Iterable<RunOptions>;
  readonly workers?: number;
  /** Name of a planted mistake. */
  readonly planted?: string;
  /** True stops the crew: what is under way is given up. */
  readonly onSummary: (summary: SeedSummary, run: RunOptions) => boolean;
}

/** A run takes a tenth of a second, on a busy machine some; one on PostgreSQL a few seconds. */
const HANGS_AFTER_MS = 300_000;

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));
const HOOK = new URL("./planted/hook.ts", import.meta.url).href;

export async function runCrew(options: CrewOptions): Promise<void> {
  const runs = options.runs[Symbol.iterator]();
  const children = new Set<ChildProcess>();
  let isStopped = false;

  function work(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = fork(WORKER, {
        execArgv: options.planted === undefined ? [] : ["--import", HOOK],
        env: { ...process.env, ...(options.planted === undefined ? {} : { FLORIN_PLANTED: options.planted }) },
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      children.add(child);
      let current: RunOptions | null = null;
      const watchdog = setTimeout(() => {
        reject(
          new Error(`seed ${current?.seed} (${JSON.stringify(current)}) hangs: it has said nothing for 5 minutes`),
        );
        for (const other of children) other.kill("SIGKILL");
      }, HANGS_AFTER_MS);
      const next = (): void => {
        const { done, value } = runs.next();
        current = isStopped || done === true ? null : value;
        watchdog.refresh();
        if (current === null) child.disconnect();
        else child.send(current);
      };
      child.on("message", (summary: SeedSummary) => {
        if (current !== null && !isStopped && options.onSummary(summary, current)) {
          isStopped = true;
          for (const other of children) other.kill();
        }
        if (!isStopped) next();
      });
      child.on("error", reject);
      child.on("exit", (code) => {
        children.delete(child);
        clearTimeout(watchdog);
        if (code === 0 || isStopped) resolve();
        else reject(new Error(`a process that ran seeds ended with ${code}`));
      });
      next();
    });
  }

  await Promise.all(Array.from({ length: options.workers ?? availableParallelism() }, work));
}
