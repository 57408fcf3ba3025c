/**
 * `npm run bench`: what Florin does on this machine, beside the same rows written as two plain transactions, in
 * one run. The figures that matter are the ratios. A machine is faster in one minute than in the next, so both sides
 * take turns, and a ratio is the median of those that each round gave. `--json` prints one object; `--quick` takes a
 * minute or two.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import pino from "pino";
import { type Load, openHttpSide, openInProcessSide, type Side } from "./bench/florin-sides.ts";
import { median } from "./bench/measure.ts";
import { openPlainSide, type PlainSide } from "./bench/plain.ts";
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
    "npm run bench [-- --json] [-- --quick]\n  --json   one object instead of the table\n  --quick  fewer payments and one round: a minute or two, rougher figures\n",
  );
  process.exit(0);
}

const ROUNDS = flags.quick ? 1 : 3;
const PAYMENTS = flags.quick ? 4_000 : 10_000;
const WARM_PAYMENTS = 5_000;
const PGBENCH_SECONDS = flags.quick ? 3 : 5;
const RECOVERED_ORDERS = flags.quick ? 10_000 : 50_000;
const ACCEPT_SECONDS = flags.quick ? 4 : 10;
const ACCEPT_PER_SECOND = 500;
const MANY_SELLERS = 1_000;
const DRIVER_CONNECTIONS = 16;
const DRIVER_PAYMENTS = 1_500;
/** The ratios are taken at this many in flight; the others are shown. */
const IN_FLIGHT = 256;
const OTHERS_IN_FLIGHT = [16, 64] as const;

interface Row extends Load {
  readonly how: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerPayment: number;
}

/** Payments per second; plain figures are null without `pgbench`. */
interface Round {
  readonly inProcessMany: number;
  readonly httpMany: number;
  readonly plainMany: number | null;
  readonly driverMany: number;
  readonly inProcessOne: number;
  readonly httpOne: number;
  readonly plainOne: number | null;
}

/** What accepting 500 payments a second took, from when each was due. */
interface AcceptRound {
  readonly florinP99Ms: number;
  readonly plainP99Ms: number | null;
}

const rows: Row[] = [];
const nameOf = (sellers: number): string => (sellers === 1 ? "one seller" : `${sellers} sellers`);
const log = pino({ level: "fatal" });
const progress = createProgress(3 + OTHERS_IN_FLIGHT.length * 2 + ROUNDS * 9 + 1);
const servers = await startBenchServers(log);

/** One closed load on one side of Florin, noted as a row. */
async function load(side: Side, run: string, { inFlight, sellers, payments }: Load): Promise<number> {
  progress.phase(`${run}: ${side.how}, ${inFlight} in flight, ${nameOf(sellers)}`);
  const cpu = process.cpuUsage();
  const result = await side.run(`${run}-${inFlight}-${sellers}`, { inFlight, sellers, payments }, progress.update);
  const { user, system } = process.cpuUsage(cpu);
  const { perSecond, p50Ms, p99Ms } = result;
  rows.push({
    how: side.how,
    inFlight,
    sellers,
    payments,
    perSecond,
    p50Ms,
    p99Ms,
    cpuUsPerPayment: (user + system) / payments,
  });
  return perSecond;
}

async function plainLoad(plain: PlainSide, run: string, sellers: number): Promise<number | null> {
  progress.phase(`${run}: pgbench, two plain transactions, ${nameOf(sellers)}`);
  return plain.measure(sellers, PGBENCH_SECONDS);
}

const inProcess = await openInProcessSide(await servers.newDatabase("bench_in_process"), log);
const http = await openHttpSide(await servers.newDatabase("bench_http"), servers.redisUrl, log);
const plain = openPlainSide(await servers.newDatabase("bench_plain"), servers.folder);
for (const side of [inProcess, http]) {
  progress.phase(`warming up: ${side.how}`);
  await side.run("warm", { payments: WARM_PAYMENTS, inFlight: IN_FLIGHT, sellers: MANY_SELLERS }, progress.update);
}
progress.phase("pgbench: with how many clients it is fastest");
await plain.chooseClients([MANY_SELLERS, 1]);

// First, while the disk has nothing left to write of loads that were as fast as they could be.
await servers.settle();
const acceptRounds: AcceptRound[] = [];
for (let round = 1; round <= ROUNDS; round += 1) acceptRounds.push(await runAcceptRound(`round ${round}`));

for (const inFlight of OTHERS_IN_FLIGHT) {
  const payments = PAYMENTS / 2;
  await load(inProcess, "shown", { inFlight, sellers: MANY_SELLERS, payments });
  await load(http, "shown", { inFlight, sellers: MANY_SELLERS, payments });
}

async function runAcceptRound(name: string): Promise<AcceptRound> {
  progress.phase(`${name}: over HTTP, accepting ${ACCEPT_PER_SECOND} payments a second`);
  const accepted = await http.accept(name, {
    perSecond: ACCEPT_PER_SECOND,
    payments: ACCEPT_PER_SECOND * ACCEPT_SECONDS,
    sellers: MANY_SELLERS,
  });
  progress.phase(`${name}: pgbench, the first transaction alone, ${ACCEPT_PER_SECOND} a second`);
  const plainP99Ms = await plain.measureAccepting(ACCEPT_PER_SECOND, MANY_SELLERS, ACCEPT_SECONDS);
  return { florinP99Ms: accepted.p99Ms, plainP99Ms };
}

async function runRound(name: string): Promise<Round> {
  const many = { inFlight: IN_FLIGHT, sellers: MANY_SELLERS, payments: PAYMENTS };
  const one = { ...many, sellers: 1 };
  // Plain transactions between the two of Florin: each is measured next to what it is compared with.
  const inProcessMany = await load(inProcess, name, many);
  const plainMany = await plainLoad(plain, name, MANY_SELLERS);
  const httpMany = await load(http, name, many);
  progress.phase(`${name}: postgres driver, two plain transactions, ${DRIVER_CONNECTIONS} connections`);
  const driver = await plain.measureDriver(DRIVER_CONNECTIONS, MANY_SELLERS, DRIVER_PAYMENTS);
  const inProcessOne = await load(inProcess, name, one);
  const plainOne = await plainLoad(plain, name, 1);
  const httpOne = await load(http, name, one);
  return {
    inProcessMany,
    httpMany,
    plainMany,
    driverMany: driver.perSecond,
    inProcessOne,
    httpOne,
    plainOne,
  };
}

const rounds: Round[] = [];
for (let round = 1; round <= ROUNDS; round += 1) rounds.push(await runRound(`round ${round}`));

await inProcess.stop();
await http.stop();
for (const name of ["bench_in_process", "bench_http", "bench_plain"]) await servers.dropDatabase(name);

progress.phase(`recovery of ${RECOVERED_ORDERS} orders in flight`);
const recovery = await measureRecovery({
  databaseUrl: await servers.newDatabase("bench_recovery"),
  orders: RECOVERED_ORDERS,
  log,
  onProgress: progress.update,
});
progress.end();
await servers.stop();

const to2 = (value: number): number => Math.round(value * 100) / 100;
const to1 = (value: number): number => Math.round(value * 10) / 10;
/** The median of what `figure` is in each round; null when a round has none. */
function overRounds<R>(
  all: readonly R[],
  figure: (round: R) => number | null,
  round: (value: number) => number,
): number | null {
  const figures = all.map(figure).filter((value) => value !== null);
  return figures.length < all.length ? null : round(median(figures));
}
const dividedBy = (value: number, yardstick: number | null): number | null =>
  yardstick === null ? null : value / yardstick;
const ratio = (florin: (round: Round) => number, yardstick: (round: Round) => number | null): number | null =>
  overRounds(rounds, (round) => dividedBy(florin(round), yardstick(round)), to2);
const rounded = (value: number | null, round: (value: number) => number): number | null =>
  value === null ? null : round(value);

const result = {
  ratio_http_vs_pgbench: ratio(
    (round) => round.httpMany,
    (round) => round.plainMany,
  ),
  ratio_in_process_vs_pgbench: ratio(
    (round) => round.inProcessMany,
    (round) => round.plainMany,
  ),
  ratio_one_seller_vs_pgbench: ratio(
    (round) => round.inProcessOne,
    (round) => round.plainOne,
  ),
  ratio_http_one_seller_vs_pgbench: ratio(
    (round) => round.httpOne,
    (round) => round.plainOne,
  ),
  ratio_http_vs_driver: ratio(
    (round) => round.httpMany,
    (round) => round.driverMany,
  ),
  ratio_in_process_vs_driver: ratio(
    (round) => round.inProcessMany,
    (round) => round.driverMany,
  ),
  accept_p99_ms_at_500: overRounds(acceptRounds, ({ florinP99Ms }) => florinP99Ms, to1),
  pgbench_accept_p99_ms_at_500: overRounds(acceptRounds, ({ plainP99Ms }) => plainP99Ms, to1),
  ratio_accept_p99_vs_pgbench: overRounds(
    acceptRounds,
    ({ florinP99Ms, plainP99Ms }) => dividedBy(florinP99Ms, plainP99Ms),
    to2,
  ),
  [flags.quick ? "recovery_10k_s" : "recovery_50k_s"]: to1(recovery.adoptedSeconds),
  recovery_settled_s: to1(recovery.settledSeconds),
  heap_per_live_order_bytes: recovery.heapPerLiveOrderBytes,
  pgbench_many_sellers_per_s: overRounds(rounds, ({ plainMany }) => plainMany, Math.round),
  pgbench_one_seller_per_s: overRounds(rounds, ({ plainOne }) => plainOne, Math.round),
  driver_per_s: overRounds(rounds, ({ driverMany }) => driverMany, Math.round),
  leases: servers.redisUrl === null ? "memory" : "redis",
  cores: cpus().length,
};
const roundRows = rounds.map((round, index) => ({
  in_process_per_s: Math.round(round.inProcessMany),
  http_per_s: Math.round(round.httpMany),
  pgbench_per_s: rounded(round.plainMany, Math.round),
  one_seller_in_process_per_s: Math.round(round.inProcessOne),
  one_seller_http_per_s: Math.round(round.httpOne),
  one_seller_pgbench_per_s: rounded(round.plainOne, Math.round),
  accept_p99_ms: rounded(acceptRounds[index]?.florinP99Ms ?? null, to1),
  pgbench_accept_p99_ms: rounded(acceptRounds[index]?.plainP99Ms ?? null, to1),
}));
const loadRows = rows.map(({ how, inFlight, sellers, perSecond, p50Ms, p99Ms, cpuUsPerPayment }) => ({
  how,
  in_flight: inFlight,
  sellers,
  payments_per_s: Math.round(perSecond),
  p50_ms: to1(p50Ms),
  p99_ms: to1(p99Ms),
  node_cpu_us_per_payment: Math.round(cpuUsPerPayment),
}));

if (flags.json) {
  process.stdout.write(`${JSON.stringify({ ...result, rounds: roundRows, rows: loadRows })}\n`);
} else {
  console.table(loadRows);
  console.table(roundRows);
  for (const [name, value] of Object.entries(result))
    process.stdout.write(`${name.padEnd(36)}${value ?? "no pgbench on the PATH"}\n`);
}
