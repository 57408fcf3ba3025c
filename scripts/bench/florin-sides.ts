/** The two ways in which the benchmark pays through Florin: in its own process, and over HTTP from another one. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { payInProcess, startHttpFlorin, startProcessor } from "./florin.ts";
import type { HttpLoad } from "./http-load.ts";
import { type LoadResult, runClosedLoop } from "./measure.ts";

export interface Load {
  readonly inFlight: number;
  readonly sellers: number;
  readonly payments: number;
}

export interface Side {
  readonly how: string;
  /** Payments from the request to their booked end; `name` keeps their keys apart from those of other runs. */
  run(name: string, load: Load, onProgress: (done: number, total: number) => void): Promise<LoadResult>;
  stop(): Promise<void>;
}

export interface HttpSide extends Side {
  /** So many a second, whether or not those before are answered; from when each was due until it was accepted. */
  accept(
    name: string,
    load: { readonly perSecond: number; readonly payments: number; readonly sellers: number },
  ): Promise<LoadResult>;
}

export async function openInProcessSide(databaseUrl: string, log: Logger): Promise<Side> {
  const processor = await startProcessor({ databaseUrl, redisUrl: null, log });
  processor.start();
  return {
    how: "in process",
    run: (name, { inFlight, sellers, payments }, onProgress) =>
      runClosedLoop({ payments, inFlight, onProgress: (done) => onProgress(done, payments) }, (index) =>
        payInProcess(processor, `${name}-${index}`, `s${index % sellers}`),
      ),
    stop: () => processor.stop(),
  };
}

const HTTP_LOAD = fileURLToPath(new URL("./http-load.ts", import.meta.url));

function runHttpLoad(load: HttpLoad): Promise<LoadResult> {
  const child = spawn(process.execPath, [HTTP_LOAD, JSON.stringify(load)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadResult);
      else reject(new Error(`the HTTP load ended with ${code}`));
    });
  });
}

export async function openHttpSide(databaseUrl: string, redisUrl: string | null, log: Logger): Promise<HttpSide> {
  const florin = await startHttpFlorin({ databaseUrl, redisUrl, log });
  const common = { url: florin.url, apiKey: florin.apiKey };
  return {
    how: "over HTTP",
    run: (name, { inFlight, sellers, payments }) =>
      runHttpLoad({ ...common, run: name, sellers, payments, load: { kind: "closed", inFlight } }),
    accept: (name, { perSecond, payments, sellers }) =>
      runHttpLoad({ ...common, run: `accept-${name}`, sellers, payments, load: { kind: "open", perSecond } }),
    stop: () => florin.stop(),
  };
}
