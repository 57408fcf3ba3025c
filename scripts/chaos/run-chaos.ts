/** One run: servers, nodes and customers are started, faults strike, everything is healed, and the judges have their say. */
import postgres from "postgres";
import { systemPorts } from "../../src/core/ports.ts";
import { findFreePort } from "../../src/db/embedded/free-port.ts";
import { makeSecret } from "../../src/db/merchants.ts";
import { startSimulatorProcess } from "../../src/psp/simulator/child.ts";
import { childEnvironment } from "../support/child-environment.ts";
import { newHistory } from "../support/customers.ts";
import { createClient } from "../support/florin-client.ts";
import { readLog } from "../support/florin-process.ts";
import { CASES, QUICK_CASES } from "../support/shop.ts";
import type { Adoption } from "./adoption.ts";
import { startBalancer } from "./balancer.ts";
import type { Facts } from "./checker/facts.ts";
import type { Finding } from "./checker/finding.ts";
import { createCommitCuts } from "./commit-cuts.ts";
import { startFleet } from "./fleet.ts";
import { judge } from "./judge.ts";
import { startLoad } from "./load.ts";
import { startMerchant } from "./merchant.ts";
import { wreak } from "./nemesis.ts";
import { type ChaosOptions, DISTURBANCE_MS } from "./options.ts";
import { startPostgresPair } from "./postgres-pair.ts";
import { createDice } from "./random.ts";
import { startRedisTrio } from "./redis-trio.ts";
import { type ChaosReport, summarizeAdoptions, summarizeErrors } from "./report.ts";
import { openScratchFolder, type ScratchFolder } from "./scratch-folder.ts";

/** Customers who wait for the end of their payment wait so long: less than the balancer does. */
const WAIT_SECONDS = 2;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  if (process.platform !== "linux") throw new Error("Chaos finds and stops processes through /proc: it needs Linux.");
  const scratch = await openScratchFolder();
  if (options.keep) scratch.keep();
  try {
    const report = await runIn(scratch, options);
    if (!report.isClean) scratch.keep();
    return report;
  } catch (error) {
    scratch.keep();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}\nDatabases and logs stay in ${scratch.folder}`, { cause: error });
  } finally {
    await scratch.clear();
  }
}

async function runIn(scratch: ScratchFolder, options: ChaosOptions): Promise<ChaosReport> {
  const startedMs = performance.now();
  options.onProgress({ phase: "Starting", done: 0, total: 1, note: "PostgreSQL, Redis, PSP, nodes" });
  const dice = createDice(options.seed);
  const [database, redis, simulator] = await Promise.all([
    startPostgresPair({ folders: [scratch.subfolder("postgres-1"), scratch.subfolder("postgres-2")] }),
    startRedisTrio(scratch.subfolder),
    startSimulatorProcess({
      port: await findFreePort(systemPorts.random),
      host: "127.0.0.1",
      dataDir: scratch.subfolder("simulator"),
    }),
  ]);
  const urls = await chooseUrls(options.nodes);
  const balancer = await startBalancer(urls, dice);
  const key = makeSecret("test", systemPorts);
  const fleet = await startFleet({
    folder: scratch.folder,
    urls,
    environment: {
      ...childEnvironment(),
      PUBLIC_URL: balancer.url,
      DATABASE_URL: database.appUrl,
      MIGRATION_DATABASE_URL: database.ownerUrl,
      REDIS_URL: redis.url,
      PSP_SIMULATOR_URL: simulator.url,
      BOOTSTRAP_API_KEY: key,
      WEBHOOK_ALLOW_PRIVATE: "true",
      LOG_LEVEL: "warn",
    },
  });
  const sql = postgres(database.ownerUrl, { max: 4, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
  const client = createClient(balancer.url, key);
  // Dice of its own: which webhook comes when must not decide who is struck.
  const merchant = await startMerchant(client, createDice(options.seed + 1));
  const history = newHistory();
  const cases = options.isQuick ? QUICK_CASES : CASES;
  const load = startLoad(
    { client, history, cases, run: "chaos", waitSeconds: WAIT_SECONDS },
    options.paymentsPerSecond,
  );
  const cuts = createCommitCuts(database.door);
  const total = sum(options.faults);
  const toll = await wreak({ fleet, database, redis, cuts, sql, dice }, options.faults, ({ done }) =>
    options.onProgress({
      phase: "Striking",
      done: sum(done),
      total,
      note: `${done.kills} kills, ${done.pauses} pauses, ${done.crashes} crashes, ${done.failovers} failovers, ${history.acknowledged.length} payments`,
    }),
  );
  await load.stop();
  await fleet.whole();
  const judged = await judge({
    client,
    history,
    sql,
    simulatorUrl: simulator.url,
    merchant,
    onProgress: options.onProgress,
  });
  fleet.close();
  balancer.close();
  merchant.close();
  await sql.end({ timeout: 2 });
  await simulator.stop();

  const lives = options.nodes + toll.done.kills;
  const findings: Finding[] = [
    ...judged.findings,
    judgeAdoptions("a killed node's orders are taken over in time", toll.killAdoptions, options.adoptionLimitMs),
    judgeAdoptions("a paused node's orders are taken over in time", toll.pauseAdoptions, options.adoptionLimitMs),
    { property: "a node ends only when it is killed", tried: lives, violations: fleet.unexpectedEnds },
  ];
  const isClean = findings.every(({ violations }) => violations.length === 0);
  return {
    isClean,
    seed: options.seed,
    folder: options.keep || !isClean ? scratch.folder : null,
    seconds: Math.round((performance.now() - startedMs) / 1_000),
    faults: toll.done,
    counts: {
      "payments sent": history.sent,
      "payments acknowledged": history.acknowledged.length,
      "tries without an answer": sum(Object.fromEntries(history.troubles)),
      ...countFacts(judged.facts),
    },
    findings,
    killAdoptions: summarizeAdoptions(toll.killAdoptions),
    pauseAdoptions: summarizeAdoptions(toll.pauseAdoptions),
    adoptionLimitMs: options.adoptionLimitMs,
    troubles: Object.fromEntries(history.troubles),
    nodeErrors: summarizeErrors(fleet.nodes.map(({ logFile }) => readLog(logFile))),
    notes: judged.notes,
  };
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

async function chooseUrls(nodes: number): Promise<readonly string[]> {
  const ports = new Set<number>();
  while (ports.size < nodes) ports.add(await findFreePort(systemPorts.random));
  return [...ports].map((port) => `http://127.0.0.1:${port}`);
}

function judgeAdoptions(property: string, adoptions: readonly Adoption[], limitMs: number): Finding {
  return {
    property: `${property} (${limitMs / 1_000} s)`,
    tried: adoptions.filter(({ orders }) => orders > 0).length,
    violations: adoptions
      .filter((one) => !one.isComplete || one.tookMs > limitMs + one.disturbances * DISTURBANCE_MS)
      .map((one) => `${one.orders} orders stayed a dead node's for ${Math.round(one.tookMs)} ms`),
  };
}

function countFacts({ orders, effects, entries, steps, events, deliveries }: Facts): Readonly<Record<string, number>> {
  const states: Record<string, number> = {};
  for (const { status, phase } of orders) {
    const name = `orders ${phase ?? status}`;
    states[name] = (states[name] ?? 0) + 1;
  }
  return {
    "orders stored": orders.length,
    ...states,
    "charges at the PSP": effects.filter(({ status }) => status === "succeeded").length,
    bookings: entries.filter(({ rule }) => rule === "pay_in").length,
    "bookings to suspense": entries.filter(({ rule }) => rule === "late_success").length,
    steps: steps.length,
    "merchant's events": events.length,
    "webhooks that came": deliveries.length,
    "webhooks that were refused at first": deliveries.filter(({ isRefused }) => isRefused).length,
  };
}
