/**
 * The load on HTTP, from a process of its own: `node http-load.ts '{"url":…,"apiKey":…,"mode":…}'`. Prints one
 * JSON line. A plain `node:http` client, so that it takes as little of the two cores as it can.
 */
import { Agent, request } from "node:http";
import { type LoadResult, runClosedLoop, runOpenLoop } from "./measure.ts";

export interface HttpLoad {
  readonly url: string;
  readonly apiKey: string;
  readonly run: string;
  readonly sellers: number;
  readonly payments: number;
  /** Closed loop with so many in flight, each waiting for its end; or open loop at a rate, waiting for acceptance. */
  readonly load:
    | { readonly kind: "closed"; readonly inFlight: number }
    | { readonly kind: "open"; readonly perSecond: number };
}

function isHttpLoad(value: unknown): value is HttpLoad {
  return typeof value === "object" && value !== null && "url" in value && "load" in value;
}

const settings: unknown = JSON.parse(process.argv[2] ?? "null");
if (!isHttpLoad(settings)) {
  process.stderr.write("http-load.ts is started by bench.ts\n");
  process.exit(2);
}
const { url, apiKey, run, sellers, payments, load } = settings;
if (new URL(url).hostname !== "127.0.0.1") {
  process.stderr.write("the benchmark sends load to 127.0.0.1 only\n");
  process.exit(2);
}

const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });
const target = new URL("/v1/payments", url);
const isWaiting = load.kind === "closed";

/** The server closed an idle connection just as the request went out on it: nobody has answered, so it is sent again. */
const isStale = (error: NodeJS.ErrnoException, isReused: boolean): boolean => isReused && error.code === "ECONNRESET";

function pay(index: number): Promise<void> {
  const body = JSON.stringify({
    buyer_info: { id: "b1", email: "b@example.com" },
    payment_method: { token: "pm_card_visa" },
    payment_orders: [
      { seller_account: `s${index % sellers}`, amount: "100.00", currency: "USD", platform_fee: "3.00" },
    ],
  });
  return new Promise((resolve, reject) => {
    const call = request(
      target,
      {
        agent,
        method: "POST",
        headers: {
          authorization: `Bearer ${apiKey}`,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          "idempotency-key": `${run}-${index}`,
          ...(isWaiting ? { prefer: "wait=30" } : {}),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (answer.statusCode === 201 && (!isWaiting || text.includes('"is_payment_done":true'))) resolve();
          else reject(new Error(`${answer.statusCode} ${text.slice(0, 500)}`));
        });
      },
    );
    call.once("error", (error) => {
      if (isStale(error, call.reusedSocket)) pay(index).then(resolve, reject);
      else reject(error);
    });
    call.end(body);
  });
}

const result: LoadResult =
  load.kind === "closed"
    ? await runClosedLoop({ payments, inFlight: load.inFlight }, pay)
    : await runOpenLoop({ payments, perSecond: load.perSecond }, pay);
process.stdout.write(`${JSON.stringify(result)}\n`);
agent.destroy();
