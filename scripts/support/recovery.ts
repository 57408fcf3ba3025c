/**
 * A recovery: one more node that takes over what nobody works on, waits until it is at rest, and hands over what
 * is not. All of it goes through the same guarded commit as live traffic, so it is safe twice and beside others.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import type { Config } from "../../src/config.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { connectAccess } from "../../src/db/access.ts";
import { confirmPspIdentity } from "../../src/db/psp-identity.ts";
import { OWNERSHIP_MS } from "../../src/engine/ownership.ts";
import { stopOtherNodes } from "../../src/db/statements/nodes.ts";
import type { ActorRef, ActorState } from "../../src/engine/actor.ts";
import { refName } from "../../src/engine/actor.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createProcessor, type Processor } from "../../src/processor.ts";
import { type CallCounts, openPsps } from "./open-psp.ts";
import type { Store } from "./open-store.ts";
import { loadStates, type RecoveryPlan } from "./recovery-plan.ts";

export interface RecoveryResult {
  readonly adopted: number;
  readonly timers: number;
  readonly mail: number;
  readonly calls: CallCounts;
  /** What became of each order, by the state it was found in. */
  readonly results: readonly { readonly found: string; readonly became: string; readonly orders: number }[];
  /** Orders that wait for a deadline of their own, such as the next inquiry. */
  readonly waiting: number;
  /** Orders whose call was still out in the end: whichever node comes next adopts them. */
  readonly unfinished: number;
  readonly setAside: number;
}

export interface RecoveryOptions {
  readonly config: Config;
  readonly store: Store;
  readonly plan: RecoveryPlan;
  readonly found: ReadonlyMap<string, ActorState>;
  readonly waitMs: number;
  readonly logLevel: string;
  readonly onProgress: (done: number, total: number, calls: CallCounts) => void;
}

/** As often as a node sweeps. */
const SWEEP_EVERY_MS = 250;
/** Others may have moved an order that we have not heard of: looked at this many at a time. */
const REREAD_MAX = 2_000;
const STOP_GRACE_MS = 5_000;
/** Recovery never opens a checkout, so nobody sees this. */
const NO_PAY_URL = "about:blank";

interface Tracked {
  readonly ref: ActorRef;
  readonly found: string;
  state: ActorState | null;
}

export async function recover(options: RecoveryOptions): Promise<RecoveryResult> {
  const { config, store, plan } = options;
  const database = connectAccess(store.url);
  const isRightOne = (identity: string): Promise<boolean> =>
    confirmPspIdentity(database.sql, { psp: "simulator", identity, node: null, ownershipMs: OWNERSHIP_MS });
  const psps = await openPsps(config, { mayShare: store.kind !== "alone", isRightOne }).catch(
    async (error: unknown) => {
      await database.end();
      throw error;
    },
  );
  const tracked = new Map<string, Tracked>();
  for (const { ref } of plan.orders) {
    const found = options.found.get(refName(ref)) ?? null;
    tracked.set(refName(ref), { ref, found: found?.name ?? "unreadable", state: null });
  }
  const track = (ref: ActorRef, foundName: string, state: ActorState | null): void => {
    const known = tracked.get(refName(ref)) ?? { ref, found: foundName, state };
    known.state = state ?? known.state;
    tracked.set(refName(ref), known);
  };
  try {
    const processor = await createProcessor({
      database,
      openLeases: chooseLeases({ redisUrl: config.redisUrl }),
      connectors: psps.connectors,
      policy: "swift",
      ports: systemPorts,
      log: pino({ level: options.logLevel }, pino.destination(2)),
      leaseTtlMs: config.leaseTtlMs,
      maxLiveActors: config.maxLiveActors,
      hostedExpiryMs: 0,
      toPayUrl: () => NO_PAY_URL,
      onAdopted: (ref, stateName) => track(ref, stateName, null),
      onStep: ({ before, after }) => track(after.ref, before?.name ?? after.name, after),
    });
    try {
      // The folder's lock says that no node lives on this database, however fresh its heartbeat looks.
      if (store.kind === "alone") await stopOtherNodes(database.sql, processor.node);
      const sums = await sweepUntilAtRest(processor, tracked, options, psps.calls);
      const ends = await loadStates(
        processor.store,
        processor.kinds,
        [...tracked.values()].map(({ ref }) => ref),
      );
      return { ...sums, calls: { ...psps.calls }, ...summarize(tracked, ends) };
    } finally {
      await processor.stop(STOP_GRACE_MS);
    }
  } finally {
    await psps.close();
  }
}

/** Nothing more will come of it within the time: no call is out, and the next deadline is too far. */
function isAtRest(state: ActorState, untilMs: number): boolean {
  if (state.hasOpenCall) return false;
  const isWaitingForPsp = state.name.endsWith(".pending");
  return state.isSettled || isWaitingForPsp || state.timer === null || state.timer.dueAtMs > untilMs;
}

async function sweepUntilAtRest(
  { sweeper, store, kinds, engine }: Processor,
  tracked: ReadonlyMap<string, Tracked>,
  options: RecoveryOptions,
  calls: CallCounts,
): Promise<{ adopted: number; timers: number; mail: number }> {
  const sums = { adopted: 0, timers: 0, mail: 0 };
  const untilMs = Date.now() + options.waitMs;
  // What falls due in the meantime is moved too, but not waited for: there may be no end of it.
  const goal = [...tracked.keys()];
  const gone = new Set<string>();
  const isDone = (name: string): boolean => {
    const state = tracked.get(name)?.state;
    return gone.has(name) || (state !== null && state !== undefined && isAtRest(state, untilMs));
  };
  for (;;) {
    const report = await sweeper.sweep();
    sums.adopted += report.adopted;
    sums.timers += report.timers;
    sums.mail += report.mail;
    const open = goal.filter((name) => !isDone(name));
    const unheard = open.flatMap((name) => tracked.get(name) ?? []).filter(({ ref }) => !engine.isLive(ref));
    const stale = unheard.slice(0, REREAD_MAX);
    const states = await loadStates(
      store,
      kinds,
      stale.map(({ ref }) => ref),
    );
    for (const one of stale) {
      const state = states.get(refName(one.ref));
      if (state === undefined) gone.add(refName(one.ref));
      else one.state = state;
    }
    const left = goal.filter((name) => !isDone(name)).length;
    options.onProgress(goal.length - left, goal.length, calls);
    const isQuiet = report.adopted === 0 && report.mail === 0;
    if ((left === 0 && isQuiet) || Date.now() >= untilMs) return sums;
    await sleep(SWEEP_EVERY_MS);
  }
}

function summarize(tracked: ReadonlyMap<string, Tracked>, ends: ReadonlyMap<string, ActorState>) {
  const results = new Map<string, { found: string; became: string; orders: number }>();
  const sums = { waiting: 0, unfinished: 0, setAside: 0 };
  for (const [name, { found }] of tracked) {
    const end = ends.get(name);
    const became = end?.name ?? "set aside";
    if (end === undefined) sums.setAside += 1;
    else if (end.hasOpenCall) sums.unfinished += 1;
    else if (!end.isTerminal && end.timer !== null) sums.waiting += 1;
    const key = JSON.stringify([found, became]);
    const row = results.get(key) ?? { found, became, orders: 0 };
    row.orders += 1;
    results.set(key, row);
  }
  const sorted = [...results.values()].sort((a, b) => a.found.localeCompare(b.found) || b.orders - a.orders);
  return { results: sorted, ...sums };
}
