/** `npm run recover`: takes over what dead nodes left, and says what became of it. */
import { parseArgs } from "node:util";
import { type Config, readConfig } from "../src/config.ts";
import { newUuid } from "../src/core/ids.ts";
import { systemPorts } from "../src/core/ports.ts";
import { connectDatabase } from "../src/db/client.ts";
import { bindStatements } from "../src/db/access.ts";
import type { ActorKind } from "../src/engine/actor.ts";
import { createActorStore } from "../src/engine/actor-store.ts";
import { createPaymentOrderKind } from "../src/payments/payment-order-rows.ts";
import { type JudgedNodes, judgeNodes, listAllAsGone } from "./support/judge-nodes.ts";
import { openStore, type Store } from "./support/open-store.ts";
import { type RecoveryResult, recover } from "./support/recovery.ts";
import { type ReleaseReport, releaseOrders } from "./support/release-orders.ts";
import { foresee, loadStates, type PlanRow, type RecoveryPlan, readPlan } from "./support/recovery-plan.ts";
import { countOf, createProgress, print, renderTable, runScript, UserError } from "./support/terminal.ts";

const HELP = `Takes over what nobody works on: orders of dead nodes, deadlines that have passed, mail that waits.

  npm run recover                 recover, and show what became of each order
  npm run recover -- --dry-run    only show what it would do: changes no row and calls no PSP
  npm run recover -- --json       one JSON object on standard output (with npm: npm run --silent …)
  npm run recover -- --wait 300   wait up to 300 seconds until all is at rest (60 by default)
  npm run recover -- --release ID first give back an order that was set aside, or "all"; more than once for more

Every node does the same all the time, so this is for when none runs, or to see that there is nothing to do. Works
beside running nodes (it is one more node for a moment), and on a stopped embedded database, which it starts for
the time. Reads the same environment as Florin. Exit code 1 when something could not be recovered.`;

const MAX_WAIT_SECONDS = 86_400;

interface Look {
  readonly nodes: JudgedNodes;
  readonly plan: RecoveryPlan;
  readonly rows: readonly PlanRow[];
  readonly states: Awaited<ReturnType<typeof loadStates>>;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      wait: { type: "string", default: "60" },
      release: { type: "string", multiple: true },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    print(HELP);
    return 0;
  }
  const waitSeconds = Number(values.wait);
  if (!(waitSeconds > 0 && waitSeconds <= MAX_WAIT_SECONDS)) {
    throw new UserError(`--wait takes seconds, from 1 to ${MAX_WAIT_SECONDS}.`);
  }
  const isDryRun = values["dry-run"];
  const { release } = values;
  if (isDryRun && release !== undefined) throw new UserError("--release changes rows, so leave out --dry-run.");
  const config = readConfig();
  const startedMs = performance.now();
  const store = await openStore(config, { mayCreate: false, mayMigrate: !isDryRun });
  try {
    const released = release === undefined ? null : await giveBack(store, release);
    const found = await look(store);
    const result =
      isDryRun || found.plan.orders.length === 0 ? null : await run(config, store, found, waitSeconds * 1_000);
    const tookMs = Math.round(performance.now() - startedMs);
    if (values.json) print(JSON.stringify(toJson(found, result, { isDryRun, tookMs, released })));
    else print(toText(found, result, { tookMs, released }));
    const isLeft = result !== null && result.unfinished + result.setAside > 0;
    return isLeft || (released?.unreadable.length ?? 0) > 0 ? 1 : 0;
  } finally {
    await store.close();
  }
}

/** Only to restore: the bytes of a charge are never used. */
const readingKind = (): ActorKind => createPaymentOrderKind(() => () => "");

async function giveBack(store: Store, ids: readonly string[]): Promise<ReleaseReport> {
  const sql = connectDatabase(store.url, { name: "florin recover", max: 1, statementTimeoutMs: 60_000 });
  try {
    return await releaseOrders(sql, readingKind(), ids.includes("all") ? null : ids);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function look(store: Store): Promise<Look> {
  const sql = connectDatabase(store.url, { name: "florin recover", max: 4, statementTimeoutMs: 60_000 });
  const progress = createProgress("Looking which nodes live");
  try {
    const nodes =
      store.kind === "alone"
        ? await listAllAsGone(sql)
        : await judgeNodes(sql, (undecided) => progress.update(0, undecided, "waiting for a heartbeat"));
    const kind = readingKind();
    const kinds = new Map([[kind.name, kind]]);
    const plan = await readPlan(sql, kinds.values(), nodes);
    const reader = createActorStore({ statements: bindStatements(sql), node: newUuid(systemPorts) });
    const states = await loadStates(
      reader,
      kinds,
      plan.orders.map(({ ref }) => ref),
    );
    return { nodes, plan, states, rows: foresee(plan.orders, states) };
  } finally {
    progress.end();
    await sql.end({ timeout: 2 });
  }
}

async function run(config: Config, store: Store, { plan, states }: Look, waitMs: number): Promise<RecoveryResult> {
  const progress = createProgress("Recovering");
  const result = await recover({
    config,
    store,
    plan,
    found: states,
    waitMs,
    logLevel: process.env.LOG_LEVEL === undefined ? "error" : config.logLevel,
    onProgress: (done, total, calls) => progress.update(done, total, `${calls.charges + calls.inquiries} PSP calls`),
  });
  progress.end();
  return result;
}

interface Run {
  readonly isDryRun: boolean;
  readonly tookMs: number;
  /** Null when nothing was to be released. */
  readonly released: ReleaseReport | null;
}

function toJson({ nodes, plan, rows }: Look, result: RecoveryResult | null, { isDryRun, tookMs, released }: Run) {
  return {
    dry_run: isDryRun,
    healthy: plan.orders.length === 0,
    nodes_alive: nodes.alive.length,
    orders_found: plan.orders.length,
    found: rows.map(({ becomes, ...row }) => ({ ...row, next: becomes })),
    adopted: result?.adopted ?? 0,
    timers_fired: result?.timers ?? 0,
    mail_handed: result?.mail ?? 0,
    psp_calls: result?.calls ?? { charges: 0, inquiries: 0 },
    results: result?.results ?? [],
    waiting: result?.waiting ?? 0,
    unfinished: result?.unfinished ?? 0,
    set_aside: result?.setAside ?? 0,
    quarantined_before: plan.quarantined,
    left_to_other_versions: plan.foreign,
    released: released?.released ?? 0,
    still_unreadable: (released?.unreadable ?? []).map(({ paymentOrderId, reason }) => ({
      payment_order_id: paymentOrderId,
      reason,
    })),
    took_ms: tookMs,
  };
}

function toText(found: Look, result: RecoveryResult | null, { tookMs, released }: Omit<Run, "isDryRun">): string {
  const { nodes, plan } = found;
  const lines: string[] = [];
  if (released !== null) {
    lines.push(`${countOf(released.released, "order")} that had been set aside given back.`);
    for (const { paymentOrderId, reason } of released.unreadable)
      lines.push(`${paymentOrderId} stays set aside: ${reason}`);
    lines.push("");
  }
  const alive = `${countOf(nodes.alive.length, "node")} alive`;
  if (plan.orders.length === 0) {
    lines.push(
      `Nothing to recover: no order belongs to a dead node, no deadline was missed, no mail waits (${alive}).`,
    );
  } else if (result === null) {
    lines.push(
      `${countOf(plan.orders.length, "order")} to recover (${alive}). This was a dry run: nothing was changed, no PSP was called.`,
      "",
    );
    lines.push(
      renderTable(["found", "because", "orders", "would become", "charges", "inquiries"], toPlanCells(found.rows)),
    );
  } else {
    const moved = result.results.reduce((sum, { orders }) => sum + orders, 0);
    const took = `${(tookMs / 1_000).toFixed(1)} s`;
    lines.push(`${countOf(moved, "order")} looked after in ${took} (${alive}). What became of them:`, "");
    const cells = result.results.map((row) => [row.found, row.orders, row.became] as const);
    lines.push(renderTable(["found", "orders", "became"], cells), "");
    lines.push(
      `Adopted ${countOf(result.adopted, "order")}, fired ${countOf(result.timers, "timer")}, handed out ${countOf(result.mail, "stored letter")}.`,
    );
    lines.push(
      `PSP calls: ${countOf(result.calls.charges, "charge")}, ${result.calls.inquiries === 1 ? "1 inquiry" : `${result.calls.inquiries} inquiries`}.`,
    );
    if (result.waiting > 0)
      lines.push(
        `${countOf(result.waiting, "order")} wait for a deadline of their own; a running node goes on with them then.`,
      );
    if (result.unfinished > 0)
      lines.push(`${countOf(result.unfinished, "order")} still had a PSP call out: run this again, or start Florin.`);
    if (result.setAside > 0)
      lines.push(
        `${countOf(result.setAside, "order")} could not be restored and stand aside with the reason (quarantine_reason).`,
      );
  }
  if (plan.quarantined > 0)
    lines.push(
      `${countOf(plan.quarantined, "order")} had been set aside before: GET /v1/payments/{id}/explain tells why, and --release gives back what can be read again.`,
    );
  if (plan.foreign > 0)
    lines.push(`${countOf(plan.foreign, "order")} of another machine version are left to the nodes that know it.`);
  return lines.join("\n");
}

const toPlanCells = (rows: readonly PlanRow[]) =>
  rows.map((row) => [row.found, row.reason, row.orders, row.becomes, row.charges, row.inquiries] as const);

await runScript(main);
