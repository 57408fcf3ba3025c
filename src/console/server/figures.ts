/** What one process did within its last moments, in whole numbers, so that those of all nodes can be added up. */
import { z } from "zod";
import type { EdgeRate, Overview, PspHealth, Sample } from "../contract.ts";

const count = z.number().min(0);

export const figuresSchema = z.object({
  /** The last ten seconds: what a person sees move. */
  recent: z.object({
    ms: count,
    steps: count,
    payments: count,
    batches: count,
    items: count,
    batch_ms: count,
    psp: z.record(z.string(), z.object({ calls: count, latency_ms: count })),
  }),
  /** The last minute: an edge that is taken seldom would flicker else. */
  minute: z.object({ ms: count, edges: z.record(z.string(), count) }),
  /** The last five minutes. */
  minutes: z.object({ succeeded: count, failed: count }),
  psps: z.array(z.object({ psp: z.string(), in_flight: count, is_open: z.boolean() })),
});

/** Whatever another node, perhaps of another version, has written: what does not fit is left out. */
export function readFigures(stored: unknown): NodeFigures | null {
  const parsed = figuresSchema.safeParse(stored);
  return parsed.success ? parsed.data : null;
}

export type NodeFigures = z.infer<typeof figuresSchema>;

export type FleetFigures = Pick<Overview, "edges" | "payments_per_second" | "success_rate"> & {
  readonly [Name in "steps_per_second" | "batches" | "psps"]: NonNullable<Overview[Name]>;
};

const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
const mean = (total: number, parts: number): number | null => (parts === 0 ? null : round(total / parts, 1));
const rate = (amount: number, ms: number): number => (ms === 0 ? 0 : (amount * 1_000) / ms);
const sumOf = <T>(list: readonly T[], value: (one: T) => number): number =>
  list.reduce((sum, one) => sum + value(one), 0);

export function addUp(nodes: readonly NodeFigures[]): FleetFigures {
  const batches = sumOf(nodes, ({ recent }) => recent.batches);
  const ended = sumOf(nodes, ({ minutes }) => minutes.succeeded + minutes.failed);
  return {
    edges: addEdges(nodes),
    payments_per_second: round(
      sumOf(nodes, ({ recent }) => rate(recent.payments, recent.ms)),
      1,
    ),
    steps_per_second: round(
      sumOf(nodes, ({ recent }) => rate(recent.steps, recent.ms)),
      1,
    ),
    success_rate: ended === 0 ? null : round(sumOf(nodes, ({ minutes }) => minutes.succeeded) / ended, 4),
    batches: {
      per_second: round(
        sumOf(nodes, ({ recent }) => rate(recent.batches, recent.ms)),
        1,
      ),
      items_mean: mean(
        sumOf(nodes, ({ recent }) => recent.items),
        batches,
      ),
      ms_mean: mean(
        sumOf(nodes, ({ recent }) => recent.batch_ms),
        batches,
      ),
    },
    psps: addPsps(nodes),
  };
}

function addEdges(nodes: readonly NodeFigures[]): readonly EdgeRate[] {
  const rates = new Map<string, number>();
  for (const { minute } of nodes) {
    for (const [edge, taken] of Object.entries(minute.edges)) {
      rates.set(edge, (rates.get(edge) ?? 0) + rate(taken, minute.ms) * 60);
    }
  }
  return [...rates].flatMap(([edge, perMinute]) => {
    const [from, to] = edge.split(" → ");
    return from === undefined || to === undefined ? [] : [{ from, to, per_minute: round(perMinute, 1) }];
  });
}

function addPsps(nodes: readonly NodeFigures[]): readonly PspHealth[] {
  const names = new Set(nodes.flatMap(({ psps }) => psps.map(({ psp }) => psp)));
  return [...names].toSorted().map((psp) => {
    const guards = nodes.flatMap(({ psps }) => psps.filter((one) => one.psp === psp));
    const calls = nodes.flatMap(({ recent }) => {
      const made = recent.psp[psp];
      return made === undefined ? [] : [{ ...made, ms: recent.ms }];
    });
    return {
      psp,
      calls_per_second: round(
        sumOf(calls, (one) => rate(one.calls, one.ms)),
        1,
      ),
      latency_ms: mean(
        sumOf(calls, (one) => one.latency_ms),
        sumOf(calls, (one) => one.calls),
      ),
      in_flight: sumOf(guards, (one) => one.in_flight),
      is_open: guards.some((one) => one.is_open),
    };
  });
}

/** A point of the small charts from what one process did. */
export function toSample(at: string, node: NodeFigures): Sample {
  const { payments_per_second, success_rate, batches, psps } = addUp([node]);
  const latencies = psps.flatMap(({ latency_ms: ms }) => (ms === null ? [] : [ms]));
  return {
    at,
    payments_per_second,
    success_rate,
    // The slowest PSP's, as on the overview.
    psp_latency_ms: latencies.length === 0 ? null : Math.max(...latencies),
    batches_per_second: batches.per_second,
  };
}
