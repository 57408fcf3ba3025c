/** Florin as users run it: `src/main.ts` in a process of its own, on a database and a port of the test's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../scripts/support/child-environment.ts";
import { findFreePort } from "./free-port.ts";

export const PROCESS_API_KEY = "sk_test_florin-under-test-0123456789";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const START_TRIES = 300;
const POLL_MS = 100;

export interface FlorinProcess extends AsyncDisposable {
  readonly url: string;
  readonly simulatorUrl: string;
  readonly child: ChildProcess;
  /** What it wrote to stdout and stderr so far. */
  output(): string;
  /** Resolves with the exit code; null after a signal. */
  readonly exited: Promise<number | null>;
}

export interface FlorinProcessOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly simulatorPort?: number;
}

export async function startFlorinProcess(options: FlorinProcessOptions): Promise<FlorinProcess> {
  const port = await findFreePort();
  const simulatorPort = options.simulatorPort ?? (await findFreePort());
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...childEnvironment(),
      PORT: `${port}`,
      PSP_SIMULATOR_PORT: `${simulatorPort}`,
      DATA_DIR: options.dataDir,
      BOOTSTRAP_API_KEY: PROCESS_API_KEY,
      LOG_LEVEL: "warn",
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < START_TRIES; attempt += 1) {
    if (child.exitCode !== null) break;
    const isReady = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) {
      return {
        url,
        simulatorUrl: `http://127.0.0.1:${simulatorPort}`,
        child,
        output: () => output,
        exited,
        async [Symbol.asyncDispose]() {
          child.kill("SIGKILL");
          await exited;
        },
      };
    }
    await sleep(POLL_MS);
  }
  child.kill("SIGKILL");
  throw new Error(`Florin did not become ready:\n${output}`);
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Sends a payment of one order; rejects when no answer came. */
export async function postPayment(
  url: string,
  payment: { readonly key: string; readonly token: string; readonly orderId: string; readonly waitSeconds?: number },
): Promise<HttpAnswer> {
  const answer = await fetch(`${url}/v1/payments`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${PROCESS_API_KEY}`,
      "content-type": "application/json",
      "idempotency-key": payment.key,
      ...(payment.waitSeconds === undefined ? {} : { prefer: `wait=${payment.waitSeconds}` }),
    },
    body: JSON.stringify({
      payment_method: { token: payment.token },
      payment_orders: [
        {
          payment_order_id: payment.orderId,
          seller_account: "s1",
          amount: "10.00",
          currency: "USD",
          platform_fee: "0.30",
        },
      ],
    }),
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}
