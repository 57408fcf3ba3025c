/**
 * What this process is doing now, in an `@xstate/store`: read by `/metrics`, and by the console through its
 * subscription. Steps are counted in plain numbers and reach the store once a batch, so a payment costs none of it.
 */
import { createStore } from "@xstate/store";
import type { CancelTimer, Ports } from "../core/ports.ts";
import type { ActorState } from "./actor.ts";
import type { CommittedStep } from "./engine.ts";
import type { BatchReport } from "./journal.ts";

export interface PspStatistics {
  readonly calls: number;
  readonly latencyMsTotal: number;
  readonly latencyMsMax: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

/** What happened within the last whole interval, as a rate for each second. */
export interface Rates {
  readonly steps: number;
  readonly batches: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly pspCalls: number;
}

export interface LiveStatistics {
  /** Orders that this process moved into each state since it started, by state name. */
  readonly entered: Readonly<Record<string, number>>;
  /** Transitions by `from → to`. */
  readonly edges: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly batches: number;
  readonly batchedItems: number;
  readonly batchItemsMax: number;
  readonly batchMsTotal: number;
  readonly reruns: number;
  readonly psp: Readonly<Record<string, PspStatistics>>;
  readonly perSecond: Rates;
}

interface Flush {
  readonly entered: ReadonlyMap<string, number>;
  readonly edges: ReadonlyMap<string, number>;
  readonly steps: number;
  readonly batch: BatchReport;
}

interface Call {
  readonly psp: string;
  readonly outcome: string;
  readonly latencyMs: number;
}

/** Long enough that a rate is steady, short enough that a person sees it move. */
const RATE_INTERVAL_MS = 2_000;
const NO_RATES: Rates = { steps: 0, batches: 0, succeeded: 0, failed: 0, pspCalls: 0 };

const NOTHING: LiveStatistics = {
  entered: {},
  edges: {},
  steps: 0,
  batches: 0,
  batchedItems: 0,
  batchItemsMax: 0,
  batchMsTotal: 0,
  reruns: 0,
  psp: {},
  perSecond: NO_RATES,
};

/** Totals since the start, in the shape of the rates. */
function totalsOf({ steps, batches, entered, psp }: LiveStatistics): Rates {
  const pspCalls = Object.values(psp).reduce((sum, { calls }) => sum + calls, 0);
  return { steps, batches, succeeded: entered.SUCCESS ?? 0, failed: entered.FAILED ?? 0, pspCalls };
}

function addCounts(sums: Readonly<Record<string, number>>, added: ReadonlyMap<string, number>): Record<string, number> {
  const next = { ...sums };
  for (const [name, count] of added) next[name] = (next[name] ?? 0) + count;
  return next;
}

function createStatisticsStore() {
  return createStore({
    context: NOTHING,
    on: {
      flushed: (context, { entered, edges, steps, batch }: Flush): LiveStatistics => ({
        ...context,
        entered: entered.size === 0 ? context.entered : addCounts(context.entered, entered),
        edges: edges.size === 0 ? context.edges : addCounts(context.edges, edges),
        steps: context.steps + steps,
        batches: context.batches + 1,
        batchedItems: context.batchedItems + batch.items,
        batchItemsMax: Math.max(context.batchItemsMax, batch.items),
        batchMsTotal: context.batchMsTotal + batch.durationMs,
        reruns: context.reruns + batch.runs - 1,
      }),
      called: (context, calls: { readonly calls: readonly Call[] }): LiveStatistics => {
        const psp: Record<string, PspStatistics> = { ...context.psp };
        for (const { psp: name, outcome, latencyMs } of calls.calls) {
          const before = psp[name] ?? { calls: 0, latencyMsTotal: 0, latencyMsMax: 0, outcomes: {} };
          psp[name] = {
            calls: before.calls + 1,
            latencyMsTotal: before.latencyMsTotal + latencyMs,
            latencyMsMax: Math.max(before.latencyMsMax, latencyMs),
            outcomes: { ...before.outcomes, [outcome]: (before.outcomes[outcome] ?? 0) + 1 },
          };
        }
        return { ...context, psp };
      },
      measured: (context, { perSecond }: { readonly perSecond: Rates }): LiveStatistics => ({ ...context, perSecond }),
    },
  });
}

export interface Statistics {
  readonly store: ReturnType<typeof createStatisticsStore>;
  onStep(step: CommittedStep): void;
  onBatch(report: BatchReport): void;
  onCall(call: Call): void;
  stop(): void;
}

export function createStatistics(ports: Pick<Ports, "clock" | "timers">): Statistics {
  const store = createStatisticsStore();
  const stopMeasuring = measureRates(ports, store);
  let entered = new Map<string, number>();
  let edges = new Map<string, number>();
  let steps = 0;
  let calls: Call[] = [];

  const count = (map: Map<string, number>, name: string): void => {
    map.set(name, (map.get(name) ?? 0) + 1);
  };
  const nameOf = (state: ActorState | null): string => state?.name ?? "new";

  return {
    store,
    onStep({ before, after }) {
      steps += 1;
      if (before?.name !== after.name) count(entered, after.name);
      count(edges, `${nameOf(before)} → ${after.name}`);
    },
    onBatch(batch) {
      store.trigger.flushed({ entered, edges, steps, batch });
      if (calls.length > 0) store.trigger.called({ calls });
      entered = new Map();
      edges = new Map();
      steps = 0;
      calls = [];
    },
    onCall(call) {
      calls.push(call);
    },
    stop: stopMeasuring,
  };
}

/** Compares the totals now and then. A quiet process has nothing to tell, so its subscribers hear nothing. */
function measureRates({ clock, timers }: Pick<Ports, "clock" | "timers">, store: Statistics["store"]): CancelTimer {
  let before = NO_RATES;
  let beforeMs = clock.monotonicMs();
  return timers.every(RATE_INTERVAL_MS, () => {
    const context = store.getSnapshot().context;
    const [now, nowMs] = [totalsOf(context), clock.monotonicMs()];
    const seconds = Math.max(1, nowMs - beforeMs) / 1_000;
    const rate = (name: keyof Rates): number => Math.round(((now[name] - before[name]) / seconds) * 10) / 10;
    const perSecond: Rates = {
      steps: rate("steps"),
      batches: rate("batches"),
      succeeded: rate("succeeded"),
      failed: rate("failed"),
      pspCalls: rate("pspCalls"),
    };
    [before, beforeMs] = [now, nowMs];
    const wasQuiet = context.perSecond.steps === 0 && context.perSecond.pspCalls === 0;
    if (!wasQuiet || perSecond.steps > 0 || perSecond.pspCalls > 0) store.trigger.measured({ perSecond });
  });
}
