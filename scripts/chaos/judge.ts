/** Everything that is looked at when the run is over: at rest, by the checker, and by the two judges that were there before. */
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { checkIntegrity } from "../integrity.ts";
import { awaitRest, inParallel } from "../support/await-rest.ts";
import { type History, repeat } from "../support/customers.ts";
import type { FlorinClient } from "../support/florin-client.ts";
import { awaitEmptyQueues, judgeOutcomes, readLateIds, readNamedEffects } from "../support/verdict.ts";
import { judgeRun } from "./checker/check.ts";
import { type Facts, readFacts } from "./checker/facts.ts";
import type { Finding } from "./checker/finding.ts";
import type { ListeningMerchant } from "./merchant.ts";
import type { ChaosProgress } from "./options.ts";

export interface Judged {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly facts: Facts;
}

export interface Evidence {
  readonly client: FlorinClient;
  readonly history: History;
  readonly sql: postgres.Sql;
  readonly simulatorUrl: string;
  readonly merchant: ListeningMerchant;
  readonly onProgress: (progress: ChaosProgress) => void;
}

const REST_LIMIT_MS = 300_000;
const REPEATERS = 16;
/** What is on its way in the end (a webhook, a deadline) may arrive within this; what is lost never does. */
const SETTLE_MS = 20_000;
const SETTLE_LOOK_MS = 1_000;
const GRACE_MS = 5_000;
const DELIVERY_LIMIT_MS = 120_000;

export async function judge(evidence: Evidence): Promise<Judged> {
  const { client, history, simulatorUrl } = evidence;
  const carts = history.acknowledged.map(({ cart }) => cart);
  const rest = await awaitRest(client, carts, {
    limitMs: REST_LIMIT_MS,
    onProgress: (done, open) =>
      evidence.onProgress({
        phase: "Coming to rest",
        done,
        total: carts.length,
        note: [...open].map(([state, count]) => `${count} ${state}`).join(", "),
      }),
  });
  const isDrained = await awaitEmptyQueues(client, ["resolving", "retrying"], REST_LIMIT_MS);
  const replays = await replayAll(evidence);
  await awaitDeliveries(evidence);
  const settled = await judgeSettled(evidence);
  const outcomes = judgeOutcomes({
    outcomes: rest.outcomes,
    effects: await readNamedEffects(simulatorUrl),
    lateIds: await readLateIds(client),
    wasKilled: true,
  });
  const atRest = [
    ...(rest.isComplete ? [] : [`not every payment came to rest within ${REST_LIMIT_MS / 1_000} s`]),
    ...(isDrained ? [] : ["the queues resolving and retrying do not drain"]),
  ];
  return {
    facts: settled.facts,
    notes: outcomes.notes,
    findings: [
      {
        property: "a customer gets an answer, and no answer contradicts another",
        tried: history.sent,
        violations: history.problems,
      },
      replays,
      ...settled.findings,
      { property: "a payment comes to rest", tried: carts.length, violations: atRest },
      { property: "a payment ends as its token promises", tried: carts.length, violations: outcomes.violations },
    ],
  };
}

/** Every key whose answer somebody has seen gives the very same bytes. */
async function replayAll({ client, history, onProgress }: Evidence): Promise<Finding> {
  const violations: string[] = [];
  const { acknowledged } = history;
  await inParallel(REPEATERS, acknowledged, async (one, index) => {
    violations.push(...(await repeat(client, one)));
    onProgress({ phase: "Asking again", done: index, total: acknowledged.length, note: "" });
  });
  return {
    property: "a request repeated under its key gets the same bytes",
    tried: acknowledged.length + history.replays,
    violations,
  };
}

/** A delivery that died with its node is taken up when its claim runs out; one that was refused comes again after seconds. */
async function awaitDeliveries({ sql, onProgress }: Evidence): Promise<void> {
  const giveUpMs = performance.now() + DELIVERY_LIMIT_MS;
  for (let first: number | null = null; performance.now() < giveUpMs; await sleep(SETTLE_LOOK_MS)) {
    const [row] = await sql<{ open: number }[]>`
      SELECT (SELECT count(*) FROM deliveries WHERE status = 'due')::int
        + (SELECT count(*) FROM events WHERE position IS NULL)::int AS open`;
    const open = row?.open ?? 0;
    if (open === 0) return;
    first ??= open;
    onProgress({ phase: "Delivering", done: Math.max(0, first - open), total: first, note: "" });
  }
}

async function judgeSettled(evidence: Evidence): Promise<{ facts: Facts; findings: readonly Finding[] }> {
  const { sql, simulatorUrl, history, merchant } = evidence;
  const acknowledged = history.acknowledged.map(({ cart, key, status, text }) => ({
    key,
    request: cart.body,
    status,
    answer: text,
  }));
  const giveUpMs = performance.now() + SETTLE_MS;
  for (;;) {
    const facts = await readFacts({ sql, simulatorUrl, acknowledged, deliveries: merchant.deliveries });
    const audit = await checkIntegrity({ sql, simulatorUrl, graceMs: GRACE_MS });
    const findings = [
      ...judgeRun(facts),
      {
        property: "the audit of scripts/integrity.ts is content",
        tried: facts.orders.length,
        violations: audit.violations,
      },
    ];
    if (findings.every(({ violations }) => violations.length === 0) || performance.now() > giveUpMs)
      return { facts, findings };
    await sleep(SETTLE_LOOK_MS);
  }
}
