/** `npm run demo`: everything in a temporary folder, payments over all tokens, and the proof that the books are right. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { awaitRest, inParallel, type Outcome, stateOf } from "./support/await-rest.ts";
import { actAsBuyer } from "./support/buyer.ts";
import { createClient, type FlorinClient } from "./support/florin-client.ts";
import { type FlorinFolder, type FlorinProcess, planFlorin, readLog, startFlorin } from "./support/florin-process.ts";
import { CASES, type Cart, fillCart, QUICK_CASES } from "./support/shop.ts";
import { countOf, createProgress, print, renderTable, runScript, say, UserError } from "./support/terminal.ts";
import {
  checkFlorin,
  isZero,
  judgeOutcomes,
  readLateIds,
  readNamedEffects,
  readQueues,
  readTrialBalance,
} from "./support/verdict.ts";

const HELP = `Shows Florin at work: starts it with its own database and PSP simulator in a temporary folder, on free ports,
pays with every token of the simulator over HTTP, and checks what came of it. Touches nothing of yours.

  npm run demo
  npm run demo -- --payments 60   fewer payments; all cases need ${CASES.length}
  npm run demo -- --quick         without the tokens that take long
  npm run demo -- --keep          leaves the folder with the database and the log

Takes about a minute: unknown outcomes are asked about until they are known. Exit code 1 if anything is off.`;

const DEFAULT_PAYMENTS = 300;
const MAX_PAYMENTS = 5_000;
/** Clients at one time. */
const SHOPPERS = 24;
const REST_LIMIT_MS = 120_000;
/** All is at rest when it is checked: only a deadline that has just passed may be open. */
const GRACE_MS = 5_000;
/** What shells say of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      payments: { type: "string", default: String(DEFAULT_PAYMENTS) },
      quick: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    print(HELP);
    return 0;
  }
  const payments = Number(values.payments);
  if (!Number.isInteger(payments) || payments < 1 || payments > MAX_PAYMENTS) {
    throw new UserError(`--payments takes a number from 1 to ${MAX_PAYMENTS}.`);
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "florin-demo-")));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const florin = await planFlorin(folder);
  say("Starting Florin with a database and a PSP simulator of its own …");
  let server: FlorinProcess | null = null;
  let code = 1;
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    const stopped = server?.stop() ?? Promise.resolve();
    void stopped.then(remove).finally(() => process.exit(INTERRUPTED));
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    server = await startFlorin(florin);
    say(
      `Ready after ${(server.readyAfterMs / 1_000).toFixed(1)} s: API ${florin.url}, PSP simulator ${florin.simulatorUrl}`,
    );
    const cases = values.quick ? QUICK_CASES : CASES;
    const carts = Array.from({ length: payments }, (_, number) => fillCart("demo", number, cases));
    code = await play(florin, carts);
    return code;
  } finally {
    await server?.stop();
    if (isInterrupted) say("Interrupted.");
    else if (values.keep || code !== 0) say(`The database and the log stay in ${folder}`);
    else remove();
  }
}

async function play(florin: FlorinFolder, carts: readonly Cart[]): Promise<number> {
  const client = createClient(florin.url, florin.key);
  const startedMs = performance.now();
  const problems = await shop(client, carts);
  const rest = await waitForRest(client, carts);
  const tookSeconds = (performance.now() - startedMs) / 1_000;

  const [lateIds, effects, queues, trial] = await Promise.all([
    readLateIds(client),
    readNamedEffects(florin.simulatorUrl),
    readQueues(client),
    readTrialBalance(client),
  ]);
  const judgement = judgeOutcomes({ outcomes: rest.outcomes, effects, lateIds, wasKilled: false });
  problems.push(...judgement.violations);
  if (!rest.isComplete) problems.push(`not everything came to rest within ${REST_LIMIT_MS / 1_000} s`);
  problems.push(
    ...trial
      .filter(({ difference }) => !isZero(difference))
      .map((line) => `${line.currency} is off by ${line.difference}`),
  );

  const orders = rest.outcomes.reduce((sum, { checkout }) => sum + checkout.payment_orders.length, 0);
  print(
    `\n${countOf(carts.length, "payment")} with ${countOf(orders, "order")}, at rest after ${tookSeconds.toFixed(0)} s. What became of them:\n`,
  );
  print(renderTable(["payment method", "orders", "sends", "outcome"], toOutcomeRows(rest.outcomes, lateIds)));
  print("\nQueues:\n");
  print(
    renderTable(
      ["queue", "orders", "money at risk"],
      queues.map(({ queue, count, money_at_risk: money }) => [
        queue,
        count,
        money.map(({ amount, currency }) => `${amount} ${currency}`).join(", "),
      ]),
    ),
  );
  print("\nTrial balance:\n");
  print(
    renderTable(
      ["currency", "debits", "credits", "difference"],
      trial.map((line) => [line.currency, line.debits, line.credits, line.difference]),
    ),
  );

  const integrity = await checkFlorin(florin, GRACE_MS);
  problems.push(...integrity.violations);
  const { errors, strange } = readLog(florin.logFile);
  problems.push(...[...errors].map(([text, count]) => `Florin logged ${count} × ${text}`), ...strange);
  print("\nIntegrity check, of the books against the PSP's own list of what it did:\n");
  print(
    renderTable(
      ["what", "count"],
      Object.entries(integrity.counts).sort(([a], [b]) => a.localeCompare(b)),
    ),
  );
  if (problems.length === 0) {
    print(
      "\nAll is well: every charge at the PSP is booked once or stands in a queue, nothing else is booked, and the books balance.",
    );
    return 0;
  }
  print(`\n${countOf(problems.length, "problem")}:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  return 1;
}

/** Sends all carts and lets their buyers act. Returns what should not have happened. */
async function shop(client: FlorinClient, carts: readonly Cart[]): Promise<string[]> {
  const problems: string[] = [];
  const progress = createProgress("Paying ");
  let done = 0;
  await inParallel(SHOPPERS, carts, async (cart) => {
    const answer = await client.postUntilAnswered("/v1/payments", { key: `key-${cart.checkoutId}`, body: cart.body });
    if (answer.status !== 201)
      problems.push(`${cart.checkoutId} (${cart.case.label}) was answered ${answer.status}: ${answer.text}`);
    else {
      await actAsBuyer(cart.case.buyer, { client, checkoutId: cart.checkoutId, isPatient: false }).catch(
        (error: unknown) => {
          problems.push(
            `${cart.checkoutId} (${cart.case.label}): ${error instanceof Error ? error.message : String(error)}`,
          );
        },
      );
    }
    done += 1;
    progress.update(done, carts.length, cart.case.label);
  });
  progress.update(done, carts.length);
  progress.end();
  return problems;
}

async function waitForRest(client: FlorinClient, carts: readonly Cart[]) {
  const progress = createProgress("At rest");
  const rest = await awaitRest(client, carts, {
    limitMs: REST_LIMIT_MS,
    onProgress: (atRest, open) =>
      progress.update(atRest, carts.length, [...open].map(([state, count]) => `${count} ${state}`).join(", ")),
  });
  progress.end();
  return rest;
}

function toOutcomeRows(outcomes: readonly Outcome[], lateIds: ReadonlySet<string>) {
  return CASES.flatMap(({ label }) => {
    const orders = outcomes
      .filter(({ cart }) => cart.case.label === label)
      .flatMap(({ checkout }) => checkout.payment_orders);
    if (orders.length === 0) return [];
    const ends = new Map<string, number>();
    for (const order of orders) {
      const failure = order.failure === null ? "" : ` (${order.failure.decline_code ?? order.failure.code})`;
      const end = `${stateOf(order)}${failure}${lateIds.has(order.payment_order_id) ? " + late success" : ""}`;
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    const sends = [...new Set(orders.map(({ attempts }) => attempts))].sort((a, b) => a - b);
    const sendText = sends.length === 1 ? `${sends[0]}` : `${sends[0]}–${sends.at(-1)}`;
    return [[label, orders.length, sendText, [...ends].map(([end, count]) => `${count} ${end}`).join(", ")] as const];
  });
}

await runScript(main);
