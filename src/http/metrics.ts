/** `/metrics`: the process's live statistics and the database's queues, read when they are asked for. */
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { LiveStatistics } from "../engine/statistics.ts";

export interface MetricsSources {
  readonly statistics: () => LiveStatistics;
  readonly liveActors: () => number;
  readonly journalDepth: () => number;
  readonly isLeaseStoreAvailable: () => boolean;
  /** For each PSP: calls under way and waiting, and whether its breaker lets calls through. */
  readonly psps: () => readonly {
    readonly psp: string;
    readonly inFlight: number;
    readonly queued: number;
    readonly isOpen: boolean;
  }[];
  /** Orders by status and phase over all merchants and nodes; answered from a short cache. */
  readonly countOrders: () => Promise<
    readonly { readonly status: string; readonly phase: string; readonly count: number }[]
  >;
}

type Reading = readonly { readonly labels: Record<string, string>; readonly value: number }[];

export function createMetrics(sources: MetricsSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  function expose(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => Reading | Promise<Reading>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        this.reset();
        for (const { labels, value } of await read()) this.set(labels, value);
      },
    });
  }

  const single = (value: number): Reading => [{ labels: {}, value }];
  const byName = (counts: Readonly<Record<string, number>>, label: string): Reading =>
    Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }));

  expose("florin_live_actors", "Orders in this process's memory.", [], () => single(sources.liveActors()));
  expose("florin_journal_depth", "Items that wait for their commit or are in it.", [], () =>
    single(sources.journalDepth()),
  );
  expose("florin_lease_store_available", "1 while the lease store answers.", [], () =>
    single(sources.isLeaseStoreAvailable() ? 1 : 0),
  );
  expose("florin_steps_total", "Steps that this process committed.", [], () => single(sources.statistics().steps));
  expose("florin_rate_per_second", "What this process does a second, over the last two seconds.", ["what"], () =>
    byName({ ...sources.statistics().perSecond }, "what"),
  );
  expose("florin_batches_total", "Group commits of this process.", [], () => single(sources.statistics().batches));
  expose("florin_batch_items_total", "Items in those group commits.", [], () =>
    single(sources.statistics().batchedItems),
  );
  expose("florin_batch_seconds_total", "Time in those group commits.", [], () =>
    single(sources.statistics().batchMsTotal / 1_000),
  );
  expose("florin_batch_reruns_total", "Group commits that had to run again.", [], () =>
    single(sources.statistics().reruns),
  );
  expose("florin_entered_total", "Orders that this process moved into a state.", ["state"], () =>
    byName(sources.statistics().entered, "state"),
  );
  expose("florin_transitions_total", "Transitions that this process committed.", ["edge"], () =>
    byName(sources.statistics().edges, "edge"),
  );
  expose("florin_psp_calls_total", "PSP calls by outcome.", ["psp", "outcome"], () =>
    Object.entries(sources.statistics().psp).flatMap(([psp, { outcomes }]) =>
      Object.entries(outcomes).map(([outcome, value]) => ({ labels: { psp, outcome }, value })),
    ),
  );
  expose("florin_psp_call_seconds_total", "Time in PSP calls.", ["psp"], () =>
    Object.entries(sources.statistics().psp).map(([psp, { latencyMsTotal }]) => ({
      labels: { psp },
      value: latencyMsTotal / 1_000,
    })),
  );
  expose("florin_psp_calls_in_flight", "PSP calls under way.", ["psp"], () =>
    sources.psps().map(({ psp, inFlight }) => ({ labels: { psp }, value: inFlight })),
  );
  expose("florin_psp_calls_queued", "PSP calls that wait for a place.", ["psp"], () =>
    sources.psps().map(({ psp, queued }) => ({ labels: { psp }, value: queued })),
  );
  expose("florin_psp_circuit_open", "1 while the PSP's circuit breaker holds calls back.", ["psp"], () =>
    sources.psps().map(({ psp, isOpen }) => ({ labels: { psp }, value: isOpen ? 1 : 0 })),
  );
  expose("florin_open_orders", "Orders that are not terminal, over all nodes.", ["status", "phase"], async () =>
    (await sources.countOrders()).map(({ status, phase, count }) => ({ labels: { status, phase }, value: count })),
  );
  return registry;
}
