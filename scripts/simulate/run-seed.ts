/**
 * One simulated run: a safety phase in which buyers pay and everything may fail, then healing, then a liveness phase in which
 * all must come to rest. Decided by the seed and the options alone.
 */
import type { Merchant } from "./client-calls.ts";
import { createClients, hashSecret } from "./clients.ts";
import { type DifferentialDatabase, MERCHANTS } from "./differential/postgres-side.ts";
import { drawFaults, type FaultPlan } from "./faults.ts";
import { checkAtRest, checkReceipts } from "./final-checks.ts";
import { checkIdleRecovery } from "./idle-recovery.ts";
import { createJudge } from "./judge.ts";
import { createCallJudge } from "./judge-calls.ts";
import { createSimulatedLeases } from "./leases.ts";
import { EPOCH_MS } from "./life.ts";
import { createModelDatabase } from "./model/model-database.ts";
import { createNemesis, MAX_SKEW_MS, type Nemesis } from "./nemesis.ts";
import type { ModelDatabase } from "./model-contract.ts";
import { type Server, serveModel } from "./network.ts";
import { openShadow } from "./postgres-shadow.ts";
import { ALL_SCOPES, createSimulatedNode, nameError } from "./node.ts";
import { createSimulatedPsp, type Notice, signNotice, type SimulatedPsp } from "./psp.ts";
import { compareReads } from "./readers.ts";
import { createRestWatch } from "./rest-watch.ts";
import { createSeams } from "./seams.ts";
import { createWorld, type TraceEntry, type Violation, type World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  /** Default: drawn from the seed. */
  readonly plan?: FaultPlan;
  readonly isLying?: boolean;
  readonly isRecorded?: boolean;
  /** Checkouts of one to four orders each. */
  readonly checkouts?: number;
  /** Default: drawn from the seed. */
  readonly nodes?: number;
  /** A real PostgreSQL that carries out every statement, beside the model. */
  readonly database?: DifferentialDatabase;
  /** Exhaustive mode: the only payment method, and the seams at which a process dies. */
  readonly token?: string;
  readonly deaths?: readonly number[];
  /** Exhaustive mode: how long faults and operators are at it, and when the flow has surely come to its end. */
  readonly safetyMs?: number;
  readonly flowMs?: number;
}

export interface RunResult {
  readonly seed: number;
  readonly plan: FaultPlan;
  readonly violations: readonly Violation[];
  readonly probes: ReadonlyMap<string, number>;
  readonly entries: readonly TraceEntry[];
  readonly traceHash: number;
  readonly orders: number;
  readonly commits: number;
  readonly effects: number;
  /** That reached a PSP. */
  readonly calls: number;
  /** Requests that were answered for good. */
  readonly acknowledged: number;
  /** Virtual milliseconds. */
  readonly durationMs: number;
  /** Seams that were passed, in the exhaustive mode. */
  readonly seams: readonly string[];
}

const CHECKOUTS = 30;
/** Where the draw was of small checkouts, more buyers come before the shops close. */
const MIN_ORDERS = 50;
const SAFETY_MS = 25_000;
const SHORT_SAFETY_MS = 1_000;
/** Long enough that every schedule of the order can be spent. */
const LONG_SAFETY_MS = 110_000;
const SHARE_OF_LONG_RUNS = 0.12;
const LIVENESS_MS = 240_000;
const OPERATOR_EVERY_MS = 4_000;
/** By then a flow in which nobody dies has come to its end, polls included. */
const WHOLE_FLOW_MS = 9_000;
/** As the standard says. */
const NOTICE_TOLERANCE_MS = 300_000;
const ACCOUNTS = ["simulator", "other"] as const;
const SECRET = `whsec_${Buffer.from("the secret of a simulated psp ..").toString("base64")}`;

function planOf(options: RunOptions): FaultPlan {
  const plan = options.plan ?? drawFaults(options.seed, { isLying: options.isLying === true });
  // It is done to the model's rows, which PostgreSQL would not hear of.
  return options.database === undefined ? plan : { ...plan, machine_version: 0 };
}

/** One at a time in a process. */
export async function runSeed(options: RunOptions): Promise<RunResult> {
  const world = createWorld({
    seed: options.seed,
    plan: planOf(options),
    isRecorded: options.isRecorded === true,
  });
  // A real process ends at this.
  const onRejection = (error: unknown): void =>
    world.fail("no surprise", `a promise was rejected and nobody heard of it: ${String(error)}`);
  process.on("unhandledRejection", onRejection);
  try {
    return await runWorld(world, options);
  } finally {
    process.off("unhandledRejection", onRejection);
  }
}

async function runWorld(world: World, options: RunOptions): Promise<RunResult> {
  const { seed, plan } = world;
  const { timeline } = world;
  const model = createModelDatabase({ nowMs: () => EPOCH_MS + Math.round(timeline.nowMs()) });
  let nemesis: Nemesis | null = null;
  const calls = createCallJudge(world, model.tables, {
    merchants: MERCHANTS,
    clockErrorMs: () => nemesis?.clockErrorMs() ?? 0,
    findCharge: (key) => psps.flatMap((psp) => psp.charges.get(key) ?? [])[0],
  });
  const judge = createJudge(world, model, calls);
  let commits = 0;
  model.onCommit = (orders) => {
    commits += 1;
    judge.onCommit(orders);
  };
  const local = serveModel(model, judge.onTaken);
  const shadow =
    options.database === undefined ? null : await openShadow(world, model, { database: options.database, local });
  const server = shadow?.server ?? local;
  const merchants = await openShops(model, server);
  for (const account of ACCOUNTS) {
    if (shadow === null) model.insertSetting(`webhook_secret:${account}`, SECRET);
    else await shadow.insertSetting(`webhook_secret:${account}`, SECRET);
  }

  const isBooked = (account: string, reference: string): boolean =>
    [...model.tables.entries.values()].some((entries) =>
      entries.some(({ psp, pspReference }) => psp === account && pspReference === reference),
    );
  const seams = createSeams({
    deaths: options.deaths ?? [],
    isCounting: options.deaths !== undefined,
    onDeath: (life, seam) => {
      world.trace(life.name, `dies ${seam}`);
      const node = nodes.find(({ name }) => name === life.name);
      node?.kill();
      timeline.in(300, () => void node?.start().catch(() => {}));
    },
  });
  const leases = createSimulatedLeases(world, seams);
  const psps: SimulatedPsp[] = ACCOUNTS.map((account) =>
    createSimulatedPsp({
      world,
      account,
      secret: SECRET,
      seams,
      watcher: judge.calls,
      deliver: deliverNotice,
      isBooked,
    }),
  );
  const nodeCount = options.nodes ?? 1 + Math.floor(world.between("nodes", 0, 4));
  const nodes = Array.from({ length: nodeCount }, (_, index) =>
    createSimulatedNode(
      {
        world,
        server,
        leases,
        psps,
        seams,
        watcher: { onCommitted: (_life, verdicts) => countVerdicts(world, verdicts) },
        onStep: (life, { before, after, event }) =>
          world.trace(life.name, `${event.type}: ${before?.name ?? "new"} → ${after.name}`, after.ref.id),
        onError: (life, message, fields) => judgeComplaint(world, life.name, message, fields),
        onBirth: () => forgetLastLife(nodeCount === 1),
      },
      {
        name: `node-${index}`,
        skewMs: plan.clock_skew > 0 ? Math.round(world.between("skew", -MAX_SKEW_MS, MAX_SKEW_MS)) : 0,
      },
    ),
  );
  /** Within the timeline, like every statement: its clock stands still meanwhile. */
  function forgetLastLife(isAlone: boolean): Promise<void> {
    return new Promise((resolve) => {
      timeline.in(0, async () => {
        for (const id of isAlone ? model.tables.nodes.keys() : []) await server.call("stopNode", [id]);
        resolve();
      });
    });
  }
  const clients = createClients({
    world,
    nodes,
    merchants,
    psps,
    model,
    ...(options.token === undefined ? {} : { token: options.token }),
  });
  nemesis = createNemesis({ world, nodes, server, leases, psps, model, judge });

  async function deliverNotice(notice: Notice, stampMs: number): Promise<number | null> {
    const ready = nodes.filter((node) => node.isReady());
    if (ready.length === 0) return null;
    const node = world.pick("notice balancer", ready);
    const answer = await node.request(`/psp/${notice.account}/webhooks`, {
      method: "POST",
      headers: { "content-type": "application/json", ...signNotice(notice, stampMs) },
      body: notice.body,
    });
    if (answer === null) return null;
    judgeNotice(notice, stampMs, answer.status);
    return answer.status;
  }

  function judgeNotice(notice: Notice, stampMs: number, status: number): void {
    const isTaken = status >= 200 && status < 300;
    const isStored = model.tables.inbox.has(`${notice.account}/${notice.id}`);
    if (!notice.isGenuine) {
      world.probe("a forged notice is refused");
      if (status !== 401 && status !== 503) world.fail("forged moves nothing", `answered ${status}`, notice.orderId);
    } else if (timeline.nowMs() - stampMs > NOTICE_TOLERANCE_MS + 5_000 + (nemesis?.clockErrorMs() ?? 0)) {
      world.probe("an old notice is refused");
      if (status !== 401 && status !== 503) world.fail("forged moves nothing", `an old one was answered ${status}`);
    } else if (isTaken && !isStored) {
      world.fail("acknowledged notice", `${notice.id} was answered ${status}`, notice.orderId);
    }
  }

  function describeDeeds(): string {
    const { orders, paymentEvents, entries } = model.tables;
    const booked = [...entries.values()].flat().length;
    return `${orders.size} orders, ${paymentEvents.size} checkouts, ${judge.calls.effects.size} effects, ${booked} entries`;
  }

  const checkouts = options.checkouts ?? CHECKOUTS;
  const isExhaustive = options.deaths !== undefined;
  const isLong = world.between("length", 0, 1) < SHARE_OF_LONG_RUNS;
  const flowMs = options.flowMs ?? WHOLE_FLOW_MS;
  const safetyMs = isLong ? LONG_SAFETY_MS : SAFETY_MS;
  if (plan.clock_skew > 0) world.probe("fault clock_skew");
  nemesis.start();
  for (let number = 0; number < checkouts; number += 1) {
    const atMs = isExhaustive ? 200 : world.between("arrival", 100, SAFETY_MS * 0.8);
    timeline.at(atMs, () => void clients.buy(number));
  }
  const fillUp = (): void => {
    const missing = MIN_ORDERS - model.tables.orders.size;
    for (let extra = 0; extra < missing; extra += 1) {
      timeline.in(world.between("late arrival", 0, SAFETY_MS * 0.1), () => void clients.buy(checkouts + extra));
    }
  };
  if (checkouts === CHECKOUTS) timeline.at(SAFETY_MS * 0.8, fillUp);
  const operate = (): void => {
    // In a long run there are orders whose schedules are spent: somebody looks after them.
    if (!world.isHealed && (world.strikes("operator_acts") || isLong)) void clients.operate();
    if (!world.isHealed) timeline.in(OPERATOR_EVERY_MS, operate);
  };
  timeline.in(OPERATOR_EVERY_MS, operate);

  await timeline.runUntil(options.safetyMs ?? (isExhaustive ? SHORT_SAFETY_MS : safetyMs));
  await nemesis.heal();
  world.trace("nemesis", "heals everything");
  const rest = createRestWatch({ world, model, calls, clients, nodes, psps, server });
  const isAtRest = (): boolean => !(isExhaustive && timeline.nowMs() < flowMs) && rest.isAtRest();
  let hasRested = false;
  await timeline.runUntil(timeline.nowMs() + LIVENESS_MS, () => {
    hasRested = isAtRest();
    return hasRested;
  });
  if (!hasRested) {
    const why = rest.whoWaits();
    if (why !== null) world.fail("comes to rest", why);
  }
  seams.close();
  checkAtRest(world, model, judge);
  checkReceipts(world, { nodes, model, judge });
  if (world.violations.length === 0) await checkIdleRecovery(world, { nodes, model, judge, commits: () => commits });
  if (world.violations.length === 0) {
    const before = describeDeeds();
    await finish(world, clients.replayAll());
    if (describeDeeds() !== before) world.fail("repeats do nothing", `${before} became ${describeDeeds()}`);
  }
  if (world.violations.length === 0) await finish(world, compareReads({ world, nodes, merchants, model }));
  if (world.violations.length === 0) judge.checkBooks();
  await shadow?.compareRows();

  return {
    seed,
    plan,
    violations: world.violations,
    probes: world.probes,
    entries: world.entries,
    traceHash: world.traceHash(),
    orders: model.tables.orders.size,
    commits,
    effects: judge.calls.effects.size,
    calls: judge.calls.calls(),
    acknowledged: clients.acknowledged.length,
    durationMs: timeline.nowMs(),
    seams: seams.passed,
  };
}

/** Two merchants with a key each. */
async function openShops(model: ModelDatabase, server: Server): Promise<readonly Merchant[]> {
  const shops: Merchant[] = [];
  for (const merchant of MERCHANTS) {
    const { merchantId, mode } = merchant;
    const secret = `sk_${mode}_merchant${merchantId}`;
    model.insertMerchant(merchant);
    await server.call("insertApiKey", [
      {
        apiKeyId: `00000000-0000-7000-8000-00000000000${merchantId}`,
        merchantId,
        name: "shop",
        secretHash: hashSecret(secret),
        lastFour: secret.slice(-4),
        scopes: ALL_SCOPES,
      },
    ]);
    shops.push({ merchantId, secret });
  }
  return shops;
}

/** Lets virtual time go on until it is done. */
async function finish(world: World, task: Promise<void>): Promise<void> {
  let isOver = false;
  void task.then(() => {
    isOver = true;
  });
  await world.timeline.runUntil(world.timeline.nowMs() + LIVENESS_MS, () => isOver);
}

function countVerdicts(world: World, verdicts: ReadonlyMap<number, string>): void {
  for (const verdict of verdicts.values()) world.probe(`verdict ${verdict}`);
}

/** What a process logs as an error is a broken assertion, or a rare path that it is right to tell of. */
function judgeComplaint(world: World, name: string, message: string, fields: unknown): void {
  const order = typeof fields === "object" && fields !== null && "order" in fields ? String(fields.order) : null;
  world.trace(name, `complains: ${message} ${nameError(fields)}`, order);
  if (/set aside|invariant/.test(message)) {
    const reason = typeof fields === "object" && fields !== null && "reason" in fields ? String(fields.reason) : "";
    world.fail("no quarantine", `${message}: ${reason}`, order);
    return;
  }
  world.probe(`complaint: ${message.slice(0, 60)}`);
}
