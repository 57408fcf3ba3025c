/**
 * What this process is doing now, in an `@xstate/store`: read by `/metrics`, and by the console through its
 * subscription. Steps are counted in plain numbers and reach the store once a batch, so a payment costs none of it.
 */
import { createStore } from "@xstate/store";
import type { ActorState } from "./actor.ts";
import type { CommittedStep } from "./engine.ts";
import type { BatchReport } from "./journal.ts";

export interface PspStatistics {
  readonly calls: number;
  readonly latencyMsTotal: number;
  readonly latencyMsMax: number;
  readonly outcomes: Readonly<Record<string, number>>;
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
};

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
    },
  });
}

export interface Statistics {
  readonly store: ReturnType<typeof createStatisticsStore>;
  onStep(step: CommittedStep): void;
  onBatch(report: BatchReport): void;
  onCall(call: Call): void;
}

export function createStatistics(): Statistics {
  const store = createStatisticsStore();
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
  };
}
