/** `npm run chaos`: real processes, real faults, an independent checker. */
import { parseArgs } from "node:util";
import { ADOPTION_LIMIT_MS, FAULT_KINDS, FAULTS, type FaultKind, FULL_RUN, SHORT_RUN } from "./chaos/options.ts";
import { SERVING_BEFORE_PAUSE } from "./chaos/nemesis.ts";
import { renderReport } from "./chaos/report.ts";
import { runChaos } from "./chaos/run-chaos.ts";
import { createProgress, type Progress, print, runScript, UserError } from "./support/terminal.ts";

const toOption = (kind: FaultKind): string => kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const HELP = `Runs several nodes of Florin on a PostgreSQL pair (synchronous standby) and a Redis trio (Sentinel), lets a dozen
customers pay, strikes with real faults, and checks in the end that nothing was lost, doubled or got stuck.

  npm run chaos                  about two minutes
  npm run chaos -- --full        ${FULL_RUN.faults.kills} kills, ${FULL_RUN.faults.pauses} pauses, ${FULL_RUN.faults.crashes} crashes, ${FULL_RUN.faults.failovers} failovers: about half an hour
  npm run chaos -- --json        one object instead of the tables
  npm run chaos -- --seed 7      the same choice of victims again
  npm run chaos -- --nodes 5     ${SERVING_BEFORE_PAUSE} to ${9}
  npm run chaos -- --rate 30     payments a second
  npm run chaos -- --keep        leaves the folder with databases and logs

How often each fault strikes (0 leaves it out):

${FAULT_KINDS.map((kind) => `  --${toOption(kind).padEnd(22)}${FAULTS[kind]}`).join("\n")}

Everything lies in a temporary folder and ends with the run. Exit code 1 at any violation. Linux only.`;

const MAX_TIMES = 100_000;
const MAX_NODES = 9;
const MAX_RATE = 200;
const MAX_SEED = 2 ** 32 - 1;
/** What shells say of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

function readNumber(name: string, text: string | undefined, range: { min: number; max: number; otherwise: number }) {
  if (text === undefined) return range.otherwise;
  const number = Number(text);
  if (!Number.isInteger(number) || number < range.min || number > range.max)
    throw new UserError(`--${name} takes a number from ${range.min} to ${range.max}.`);
  return number;
}

async function main(): Promise<number> {
  const counts = Object.fromEntries(FAULT_KINDS.map((kind) => [toOption(kind), { type: "string" } as const]));
  const { values } = parseArgs({
    options: {
      ...counts,
      nodes: { type: "string" },
      rate: { type: "string" },
      seed: { type: "string" },
      full: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (process.platform !== "linux")
    throw new UserError("Chaos stops processes and finds them through /proc: it runs on Linux only.");
  process.once("SIGINT", () => process.exit(INTERRUPTED));
  process.once("SIGTERM", () => process.exit(INTERRUPTED));
  const plan = values.full ? FULL_RUN : SHORT_RUN;
  const given = new Map(Object.entries(values));
  const readGiven = (name: string, range: Parameters<typeof readNumber>[2]): number => {
    const value = given.get(name);
    return readNumber(name, typeof value === "string" ? value : undefined, range);
  };
  const times = (kind: FaultKind): number =>
    readGiven(toOption(kind), { min: 0, max: MAX_TIMES, otherwise: plan.faults[kind] });
  const report = await runChaos({
    nodes: readGiven("nodes", { min: SERVING_BEFORE_PAUSE, max: MAX_NODES, otherwise: plan.nodes }),
    paymentsPerSecond: readGiven("rate", { min: 1, max: MAX_RATE, otherwise: plan.paymentsPerSecond }),
    seed: readGiven("seed", { min: 0, max: MAX_SEED, otherwise: Date.now() % MAX_SEED }),
    isQuick: plan.isQuick,
    faults: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, times(kind)])) as Record<FaultKind, number>,
    adoptionLimitMs: ADOPTION_LIMIT_MS,
    keep: values.keep,
    onProgress: showProgress(),
  });
  print(values.json ? JSON.stringify(report) : renderReport(report));
  return report.isClean ? 0 : 1;
}

/** A bar for each phase. */
function showProgress(): Parameters<typeof runChaos>[0]["onProgress"] {
  let current: { readonly phase: string; readonly bar: Progress } | null = null;
  return ({ phase, done, total, note }) => {
    if (current?.phase !== phase) {
      current?.bar.end();
      current = { phase, bar: createProgress(phase.padEnd(14)) };
    }
    current.bar.update(done, total, note);
  };
}

await runScript(main);
