/**
 * `npm run bench`: what Florin does on this machine, beside the same rows written as two plain transactions, in
 * one run. The figures that matter are the ratios. `--json` prints one object; `--quick` takes a minute.
 */
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pino from "pino";
import { type HttpFlorin, payInProcess, startHttpFlorin, startProcessor } from "./bench/florin.ts";
import type { HttpLoad } from "./bench/http-load.ts";
import { type LoadResult, runClosedLoop } from "./bench/measure.ts";
import { hasPgbench, runDriver, runPgbench } from "./bench/plain.ts";
import { createProgress } from "./bench/progress.ts";
import { measureRecovery } from "./bench/recovery.ts";
import { startBenchServers } from "./bench/servers.ts";

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  process.stdout.write(
    "npm run bench [-- --json] [-- --quick]\n  --json   one object instead of the table\n  --quick  fewer payments: about a minute, rougher figures\n",
  );
  process.exit(0);
}

const PAYMENTS = flags.quick ? 4_000 : 20_000;
const PGBENCH_SECONDS = flags.quick ? 4 : 10;
const RECOVERED_ORDERS = flags.quick ? 10_000 : 50_000;
const ACCEPT_SECONDS = flags.quick ? 4 : 15;
const ACCEPT_PER_SECOND = 500;
const MANY_SELLERS = 1_000;
const PGBENCH_CLIENTS = [4, 8, 16, 64] as const;
const DRIVER_CONNECTIONS = 16;
const SCENES = [
  { inFlight: 16, sellers: MANY_SELLERS },
  { inFlight: 64, sellers: MANY_SELLERS },
  { inFlight: 256, sellers: MANY_SELLERS },
  { inFlight: 256, sellers: 1 },
] as const;

interface Row extends LoadResult {
  readonly how: string;
  readonly inFlight: number;
  readonly sellers: number;
  readonly cpuUsPerPayment: number | null;
}

const log = pino({ level: "fatal" });
const progress = createProgress(SCENES.length * 2 + PGBENCH_CLIENTS.length + 4);
const servers = await startBenchServers(log);
const rows: Row[] = [];

async function benchInProcess(): Promise<void> {
  const processor = await startProcessor({
    databaseUrl: await servers.newDatabase("bench_in_process"),
    redisUrl: null,
    log,
  });
  processor.start();
  await runClosedLoop({ payments: PAYMENTS / 4, inFlight: 256 }, (index) =>
    payInProcess(processor, `warm-${index}`, `s${index % MANY_SELLERS}`),
  );
  for (const { inFlight, sellers } of SCENES) {
    progress.phase(`in process, ${inFlight} in flight, ${sellers === 1 ? "one seller" : `${sellers} sellers`}`);
    const cpu = process.cpuUsage();
    const result = await runClosedLoop(
      { payments: PAYMENTS, inFlight, onProgress: (done) => progress.update(done, PAYMENTS) },
      (index) => payInProcess(processor, `run-${inFlight}-${sellers}-${index}`, `s${index % sellers}`),
    );
    const { user, system } = process.cpuUsage(cpu);
    rows.push({ how: "in process", inFlight, sellers, ...result, cpuUsPerPayment: (user + system) / PAYMENTS });
  }
  await processor.stop();
  await servers.dropDatabase("bench_in_process");
}

function runHttpLoad(load: HttpLoad): Promise<LoadResult> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./bench/http-load.ts", import.meta.url)), JSON.stringify(load)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadResult);
      else reject(new Error(`the HTTP load ended with ${code}`));
    });
  });
}

async function benchHttp(): Promise<LoadResult> {
  const florin: HttpFlorin = await startHttpFlorin({
    databaseUrl: await servers.newDatabase("bench_http"),
    redisUrl: servers.redisUrl,
    log,
  });
  const common = { url: florin.url, apiKey: florin.apiKey };
  await runHttpLoad({
    ...common,
    run: "warm",
    sellers: MANY_SELLERS,
    payments: PAYMENTS / 4,
    load: { kind: "closed", inFlight: 256 },
  });
  for (const { inFlight, sellers } of SCENES) {
    progress.phase(`over HTTP, ${inFlight} in flight, ${sellers === 1 ? "one seller" : `${sellers} sellers`}`);
    const cpu = process.cpuUsage();
    const result = await runHttpLoad({
      ...common,
      run: `run-${inFlight}-${sellers}`,
      sellers,
      payments: PAYMENTS,
      load: { kind: "closed", inFlight },
    });
    const { user, system } = process.cpuUsage(cpu);
    rows.push({ how: "over HTTP", inFlight, sellers, ...result, cpuUsPerPayment: (user + system) / PAYMENTS });
  }
  progress.phase(`over HTTP, accepting ${ACCEPT_PER_SECOND} payments a second`);
  const accepted = await runHttpLoad({
    ...common,
    run: "accept",
    sellers: MANY_SELLERS,
    payments: ACCEPT_PER_SECOND * ACCEPT_SECONDS,
    load: { kind: "open", perSecond: ACCEPT_PER_SECOND },
  });
  await florin.stop();
  await servers.dropDatabase("bench_http");
  return accepted;
}

async function benchPlain(): Promise<{ many: number | null; one: number | null; driver: LoadResult }> {
  const databaseUrl = await servers.newDatabase("bench_plain");
  let many: number | null = null;
  let one: number | null = null;
  const pgbench = { databaseUrl, folder: servers.folder, seconds: PGBENCH_SECONDS };
  if (hasPgbench()) {
    await runPgbench({ ...pgbench, clients: 8, sellers: MANY_SELLERS, seconds: 2 });
    for (const clients of PGBENCH_CLIENTS) {
      progress.phase(`pgbench, two plain transactions, ${clients} clients`);
      many = Math.max(many ?? 0, await runPgbench({ ...pgbench, clients, sellers: MANY_SELLERS }));
      one = Math.max(one ?? 0, await runPgbench({ ...pgbench, clients, sellers: 1 }));
    }
  }
  progress.phase(`postgres driver, two plain transactions, ${DRIVER_CONNECTIONS} connections`);
  const driver = await runDriver({
    databaseUrl,
    connections: DRIVER_CONNECTIONS,
    sellers: MANY_SELLERS,
    payments: PAYMENTS / 4,
  });
  await servers.dropDatabase("bench_plain");
  return { many, one, driver };
}

const rateOf = (how: string, sellers: number): number =>
  rows.find((row) => row.how === how && row.sellers === sellers && row.inFlight === 256)?.perSecond ?? 0;
const ratio = (rate: number, yardstick: number | null): number | null =>
  yardstick === null || yardstick === 0 ? null : Math.round((rate / yardstick) * 100) / 100;

await benchInProcess();
const accepted = await benchHttp();
const plain = await benchPlain();
progress.phase(`recovery of ${RECOVERED_ORDERS} orders in flight`);
const recovery = await measureRecovery({
  databaseUrl: await servers.newDatabase("bench_recovery"),
  orders: RECOVERED_ORDERS,
  log,
  onProgress: progress.update,
});
progress.end();
await servers.stop();

const result = {
  ratio_http_vs_pgbench: ratio(rateOf("over HTTP", MANY_SELLERS), plain.many),
  ratio_in_process_vs_pgbench: ratio(rateOf("in process", MANY_SELLERS), plain.many),
  ratio_one_seller_vs_pgbench: ratio(rateOf("in process", 1), plain.one),
  ratio_http_one_seller_vs_pgbench: ratio(rateOf("over HTTP", 1), plain.one),
  ratio_http_vs_driver: ratio(rateOf("over HTTP", MANY_SELLERS), plain.driver.perSecond),
  ratio_in_process_vs_driver: ratio(rateOf("in process", MANY_SELLERS), plain.driver.perSecond),
  accept_p99_ms_at_500: Math.round(accepted.p99Ms * 10) / 10,
  [flags.quick ? "recovery_10k_s" : "recovery_50k_s"]: Math.round(recovery.adoptedSeconds * 10) / 10,
  recovery_settled_s: Math.round(recovery.settledSeconds * 10) / 10,
  heap_per_live_order_bytes: recovery.heapPerLiveOrderBytes,
  pgbench_many_sellers_per_s: plain.many === null ? null : Math.round(plain.many),
  pgbench_one_seller_per_s: plain.one === null ? null : Math.round(plain.one),
  driver_per_s: Math.round(plain.driver.perSecond),
  leases: servers.redisUrl === null ? "memory" : "redis",
  cores: cpus().length,
  rows: rows.map(({ how, inFlight, sellers, perSecond, p50Ms, p99Ms, cpuUsPerPayment }) => ({
    how,
    in_flight: inFlight,
    sellers,
    payments_per_s: Math.round(perSecond),
    p50_ms: Math.round(p50Ms * 10) / 10,
    p99_ms: Math.round(p99Ms * 10) / 10,
    node_cpu_us_per_payment: cpuUsPerPayment === null ? null : Math.round(cpuUsPerPayment),
  })),
};

if (flags.json) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
} else {
  const { rows: table, ...figures } = result;
  console.table(table);
  for (const [name, value] of Object.entries(figures))
    process.stdout.write(`${name.padEnd(36)}${value ?? "no pgbench on the PATH"}\n`);
}
