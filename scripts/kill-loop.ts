/** `node scripts/kill-loop.ts`: kills Florin over and over under load, and proves that no money was lost or doubled. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { awaitRest, inParallel } from "./support/await-rest.ts";
import { createClient, type FlorinClient } from "./support/florin-client.ts";
import { type FlorinFolder, killDatabase, planFlorin, readLog } from "./support/florin-process.ts";
import { type History, repeat } from "./support/customers.ts";
import { killUnderLoad, type RoundReport } from "./support/killing.ts";
import { CASES, type Case, QUICK_CASES } from "./support/shop.ts";
import {
  type Cell,
  countOf,
  createProgress,
  print,
  renderTable,
  runScript,
  say,
  UserError,
} from "./support/terminal.ts";
import {
  awaitEmptyQueues,
  checkFlorin,
  isZero,
  judgeOutcomes,
  readLateIds,
  readNamedEffects,
  readTrialBalance,
} from "./support/verdict.ts";

const HELP = `Kills Florin with -9 under load, again and again, and checks afterwards that every answer it ever gave is kept.

  node scripts/kill-loop.ts                    20 rounds
  node scripts/kill-loop.ts --rounds 5         fewer, or more
  node scripts/kill-loop.ts --per-round 30     payments for each round
  node scripts/kill-loop.ts --quick            without the tokens that take long to come to rest
  node scripts/kill-loop.ts --keep             leaves the folder with the database and the log

A Florin of its own runs in a temporary folder with the embedded database and the PSP simulator. In every second
round the database is killed along, all its processes at once. Customers pay with all tokens, faults included, and
repeat each request under its key until there is an answer. Exit code 1 when anything is lost, doubled or stuck.`;

const MAX_ROUNDS = 1_000;
const MAX_PER_ROUND = 500;
const REPEATERS = 16;
const DRAIN_LIMIT_MS = 180_000;
const GRACE_MS = 5_000;
const MAX_SHOWN = 40;
/** What shells say of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

interface Options {
  readonly rounds: number;
  readonly perRound: number;
  readonly cases: readonly Case[];
}

function readNumber(text: string, name: string, max: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > max)
    throw new UserError(`--${name} takes a number from 1 to ${max}.`);
  return number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      "per-round": { type: "string", default: "100" },
      quick: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    print(HELP);
    return 0;
  }
  if (process.platform !== "linux")
    throw new UserError("The kill loop finds the database's processes in /proc: it needs Linux.");
  const options = {
    rounds: readNumber(values.rounds, "rounds", MAX_ROUNDS),
    perRound: readNumber(values["per-round"], "per-round", MAX_PER_ROUND),
    cases: values.quick ? QUICK_CASES : CASES,
  };
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "florin-kill-")));
  const florin = await planFlorin(folder);
  // However this ends: no database of ours stays behind.
  process.once("exit", () => killDatabase(florin.dataDir));
  process.once("SIGINT", () => process.exit(INTERRUPTED));
  process.once("SIGTERM", () => process.exit(INTERRUPTED));
  const code = await run(florin, options);
  if (values.keep || code !== 0) say(`The database and the log stay in ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return code;
}

async function run(florin: FlorinFolder, { rounds, perRound, cases }: Options): Promise<number> {
  const client = createClient(florin.url, florin.key);
  const progress = createProgress("Killing ");
  const killed = await killUnderLoad({
    florin,
    client,
    rounds,
    paymentsPerRound: perRound,
    cases,
    onRound: ({ round, wasDatabaseKilled, readyAfterMs }, { acknowledged }) =>
      progress.update(
        round,
        rounds,
        `${acknowledged.length} acknowledged, back after ${readyAfterMs} ms${wasDatabaseKilled ? " with the database" : ""}`,
      ),
  });
  progress.end();
  const { server, history } = killed;
  try {
    const checked = await check(florin, client, history);
    report(killed.rounds, history, checked, cases.length);
    return checked.violations.length === 0 ? 0 : 1;
  } finally {
    await server.stop();
    killReport(florin);
  }
}

interface Checked {
  readonly violations: readonly string[];
  readonly notes: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly drainSeconds: number;
  readonly replayed: number;
}

async function check(florin: FlorinFolder, client: FlorinClient, history: History): Promise<Checked> {
  const startedMs = performance.now();
  const progress = createProgress("Draining");
  const carts = history.acknowledged.map(({ cart }) => cart);
  const rest = await awaitRest(client, carts, {
    limitMs: DRAIN_LIMIT_MS,
    onProgress: (atRest, open) =>
      progress.update(atRest, carts.length, [...open].map(([state, count]) => `${count} ${state}`).join(", ")),
  });
  const isDrained = await awaitEmptyQueues(client, ["resolving", "retrying"], DRAIN_LIMIT_MS);
  progress.end();
  const drainSeconds = (performance.now() - startedMs) / 1_000;

  const violations = [...history.problems];
  if (!rest.isComplete) violations.push(`not every payment came to rest within ${DRAIN_LIMIT_MS / 1_000} s`);
  if (!isDrained) violations.push("the queues resolving and retrying do not drain");
  // Every key whose answer somebody has seen gives the very same bytes.
  await inParallel(REPEATERS, history.acknowledged, async (one) => {
    violations.push(...(await repeat(client, one)));
  });
  const judgement = judgeOutcomes({
    outcomes: rest.outcomes,
    effects: await readNamedEffects(florin.simulatorUrl),
    lateIds: await readLateIds(client),
    wasKilled: true,
  });
  const trial = await readTrialBalance(client);
  const integrity = await checkFlorin(florin, GRACE_MS);
  violations.push(
    ...judgement.violations,
    ...trial
      .filter(({ difference }) => !isZero(difference))
      .map((line) => `the trial balance of ${line.currency} is off by ${line.difference}`),
    ...integrity.violations,
  );
  const { counts } = integrity;
  const ordersAcknowledged = carts.reduce((sum, cart) => sum + cart.orders.length, 0);
  const ordersStored = Object.entries(counts).reduce(
    (sum, [name, count]) => (name.startsWith("orders ") ? sum + count : sum),
    0,
  );
  if (ordersStored !== ordersAcknowledged)
    violations.push(`${ordersStored} orders are stored, ${ordersAcknowledged} were acknowledged`);
  return { violations, notes: judgement.notes, counts, drainSeconds, replayed: history.acknowledged.length };
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function report(rounds: readonly RoundReport[], history: History, checked: Checked, cases: number): void {
  const readyMs = rounds.map(({ readyAfterMs }) => readyAfterMs);
  const withDatabase = rounds.filter(({ wasDatabaseKilled }) => wasDatabaseKilled);
  const lines: (readonly [string, Cell])[] = [
    ["kills of Florin", rounds.length],
    ["of them with the database", withDatabase.length],
    ["database processes killed", withDatabase.reduce((sum, { killedBackends }) => sum + killedBackends, 0)],
    ["ready again after (median, worst)", `${medianOf(readyMs)} ms, ${Math.max(...readyMs)} ms`],
    ["payment methods and buyers", cases],
    ["up between kills (median)", `${medianOf(rounds.map(({ upMs }) => upMs))} ms`],
    ["payments sent", history.sent],
    ["payments acknowledged", history.acknowledged.length],
    ["tries without an answer", [...history.troubles.values()].reduce((sum, count) => sum + count, 0)],
    ["repeats during the kills", history.replays],
    ["keys replayed in the end, byte for byte", checked.replayed],
    ["until everything was at rest", `${checked.drainSeconds.toFixed(0)} s`],
  ];
  print("");
  print(renderTable(["kill loop", ""], lines));
  print("");
  print(
    renderTable(
      ["in the end", "count"],
      Object.entries(checked.counts).sort(([a], [b]) => a.localeCompare(b)),
    ),
  );
  if (history.troubles.size > 0)
    print(
      `\n${renderTable(
        ["instead of an answer", "times"],
        [...history.troubles].sort((a, b) => b[1] - a[1]),
      )}`,
    );
  if (checked.notes.length > 0)
    print(
      `\n${countOf(checked.notes.length, "order")} left to an operator, money accounted for:\n${list(checked.notes)}`,
    );
  if (checked.violations.length === 0) print("\nNothing was lost, doubled or stuck; the books balance.");
  else print(`\n${countOf(checked.violations.length, "violation")}:\n${list(checked.violations)}`);
}

/** What Florin itself complained about in all its lives. */
function killReport(florin: FlorinFolder): void {
  const { errors, warnings, strange } = readLog(florin.logFile);
  const rows = [
    ...[...errors].map(([text, count]) => ["error", count, text.slice(0, 110)] as const),
    ...[...warnings].map(([text, count]) => ["warning", count, text.slice(0, 110)] as const),
    ...strange.map((text) => ["strange", 1, text.slice(0, 110)] as const),
  ];
  if (rows.length > 0) print(`\nFlorin's log:\n\n${renderTable(["level", "times", "message"], rows)}`);
}

function list(texts: readonly string[]): string {
  const shown = texts.slice(0, MAX_SHOWN).map((text) => `  ${text}`);
  if (texts.length > MAX_SHOWN) shown.push(`  … and ${texts.length - MAX_SHOWN} more`);
  return shown.join("\n");
}

await runScript(main);
