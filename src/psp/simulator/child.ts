/**
 * The simulator as a child of Florin: a process of its own, so that it lives through what happens to Florin's.
 * It leads a process group, so that Ctrl-C in a terminal reaches Florin alone, and ends when its parent is gone.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export interface SimulatorProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface SimulatorProcessOptions {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  /** Told when it ends although nobody stopped it. */
  readonly onExit?: (code: number | null) => void;
}

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
/** The simulator of a Florin that was just killed needs a moment to notice and to free the port. */
const START_TRIES = 5;
const RETRY_MS = 500;
const STOP_LIMIT_MS = 2_000;

/** Throws an `Error` that says what to do when the port is taken. */
export async function startSimulatorProcess(options: SimulatorProcessOptions): Promise<SimulatorProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launch(options);
    } catch (error) {
      if (attempt >= START_TRIES) throw error;
      await sleep(RETRY_MS);
    }
  }
}

export interface KeptSimulator {
  readonly url: string;
  /** Of the process that runs now. */
  pid(): number;
  stop(): Promise<void>;
}

/** As `startSimulatorProcess`, and started again, on the same port, whenever it ends although nobody stopped it. */
export async function keepSimulatorProcess({ onExit, ...options }: SimulatorProcessOptions): Promise<KeptSimulator> {
  let isStopped = false;
  let current = await startSimulatorProcess({ ...options, onExit: (code) => void restart(code) });
  const { url } = current;
  const port = Number(new URL(url).port);

  async function restart(code: number | null): Promise<void> {
    onExit?.(code);
    while (!isStopped) {
      try {
        const next = await startSimulatorProcess({ ...options, port, onExit: (again) => void restart(again) });
        if (isStopped) await next.stop();
        current = next;
        return;
      } catch {
        await sleep(RETRY_MS);
      }
    }
  }

  return {
    url,
    pid: () => current.pid,
    async stop() {
      isStopped = true;
      await current.stop();
    },
  };
}

async function launch(options: SimulatorProcessOptions): Promise<SimulatorProcess> {
  const child = spawn(
    process.execPath,
    [
      MAIN,
      "--port",
      `${options.port}`,
      "--host",
      options.host,
      "--data-dir",
      options.dataDir,
      "--parent-pid",
      `${process.pid}`,
    ],
    { detached: true, stdio: ["ignore", "pipe", "pipe"] },
  );
  let problems = "";
  child.stderr.on("data", (chunk: Buffer) => {
    problems = (problems + chunk.toString()).slice(-2_000);
  });
  let isStopping = false;
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));

  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => {
      const ready: unknown = JSON.parse(line);
      if (typeof ready === "object" && ready !== null && "url" in ready && typeof ready.url === "string")
        resolve(ready.url);
      else reject(new Error(`the PSP simulator said ${line}`));
    });
    void exited.then(() => {
      const reason = problems.includes("EADDRINUSE")
        ? `port ${options.port} is taken: set PSP_SIMULATOR_PORT to a free one, or to off`
        : problems.trim().split("\n").at(-1);
      reject(new Error(`the PSP simulator did not start: ${reason}`));
    });
  });
  void exited.then((code) => {
    if (!isStopping) options.onExit?.(code);
  });

  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      isStopping = true;
      child.kill("SIGTERM");
      await Promise.race([exited, sleep(STOP_LIMIT_MS)]);
      child.kill("SIGKILL");
    },
  };
}
