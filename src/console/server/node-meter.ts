/**
 * Measures this process and tells the other nodes. The statistics are totals in immutable objects, so remembering the
 * last minutes of them costs nothing; a row is written only when there is something new to say.
 */
import type { Logger } from "pino";
import type { CancelTimer, Ports } from "../../core/ports.ts";
import type { LiveStatistics } from "../../engine/statistics.ts";
import type { Sample } from "../contract.ts";
import { type NodeFigures, toSample } from "./figures.ts";

export interface MeterDeps {
  readonly statistics: () => LiveStatistics;
  readonly psps: () => NodeFigures["psps"];
  readonly publish: (figures: NodeFigures) => Promise<void>;
  readonly ports: Ports;
  readonly log: Logger;
}

export interface NodeMeter {
  /** Of this process alone, oldest first. */
  samples(): readonly Sample[];
  start(): void;
  stop(): void;
}

const TICK_MS = 2_000;
const RECENT_MS = 10_000;
const MINUTE_MS = 60_000;
const MINUTES_MS = 300_000;
/** Ten minutes of small charts. */
const TICKS_PER_SAMPLE = 3;
const MAX_SAMPLES = 100;

interface Reading {
  readonly atMs: number;
  readonly totals: LiveStatistics;
}

export function createNodeMeter({ statistics, psps, publish, ports, log }: MeterDeps): NodeMeter {
  const readings: Reading[] = [];
  const samples: Sample[] = [];
  let published = "";
  let ticks = 0;
  let isPublishing = false;
  let cancel: CancelTimer = () => {};

  /** The last reading that is at least so old, or the oldest. */
  function before(nowMs: number, ms: number): Reading | undefined {
    return readings.findLast(({ atMs }) => nowMs - atMs >= ms) ?? readings[0];
  }

  function measure(now: Reading): NodeFigures {
    const [recent, minute, minutes] = [RECENT_MS, MINUTE_MS, MINUTES_MS].map((ms) => before(now.atMs, ms) ?? now);
    return toFigures(now, { recent: recent ?? now, minute: minute ?? now, minutes: minutes ?? now }, psps());
  }

  function tick(): void {
    const now: Reading = { atMs: ports.clock.monotonicMs(), totals: statistics() };
    const figures = measure(now);
    readings.push(now);
    while (readings.length > 2 && now.atMs - (readings[1]?.atMs ?? 0) >= MINUTES_MS) readings.shift();
    if (ticks % TICKS_PER_SAMPLE === 0) {
      samples.push(toSample(new Date(ports.clock.nowMs()).toISOString(), figures));
      if (samples.length > MAX_SAMPLES) samples.shift();
    }
    ticks += 1;
    void tell(figures);
  }

  async function tell(figures: NodeFigures): Promise<void> {
    // While nothing happens only the lengths of the windows would change.
    const told = JSON.stringify(isQuiet(figures) ? { psps: figures.psps } : figures);
    if (told === published || isPublishing) return;
    isPublishing = true;
    try {
      await publish(figures);
      published = told;
    } catch (error) {
      log.debug({ err: error }, "this node's figures could not be written; trying again");
    } finally {
      isPublishing = false;
    }
  }

  return {
    samples: () => samples,
    start() {
      tick();
      cancel = ports.timers.every(TICK_MS, tick);
    },
    stop: () => cancel(),
  };
}

const isQuiet = ({ recent, minute, minutes }: NodeFigures): boolean =>
  recent.steps + recent.batches + minutes.succeeded + minutes.failed === 0 &&
  Object.keys(minute.edges).length === 0 &&
  Object.keys(recent.psp).length === 0;

function toFigures(
  { atMs, totals }: Reading,
  { recent, minute, minutes }: { readonly recent: Reading; readonly minute: Reading; readonly minutes: Reading },
  psps: NodeFigures["psps"],
): NodeFigures {
  const short = subtract(totals, recent.totals);
  return {
    recent: {
      ms: atMs - recent.atMs,
      steps: short.steps,
      payments: Object.entries(short.edges).reduce((sum, [edge, n]) => (edge.startsWith("new ") ? sum + n : sum), 0),
      batches: short.batches,
      items: short.items,
      batch_ms: short.batchMs,
      psp: short.psp,
    },
    minute: { ms: atMs - minute.atMs, edges: subtract(totals, minute.totals).edges },
    minutes: {
      succeeded: (totals.entered.SUCCESS ?? 0) - (minutes.totals.entered.SUCCESS ?? 0),
      failed: (totals.entered.FAILED ?? 0) - (minutes.totals.entered.FAILED ?? 0),
    },
    psps,
  };
}

function subtract(now: LiveStatistics, then: LiveStatistics) {
  const edges = Object.entries(now.edges).map(([edge, total]) => [edge, total - (then.edges[edge] ?? 0)] as const);
  const psp = Object.entries(now.psp).map(([name, { calls, latencyMsTotal }]) => {
    const past = then.psp[name];
    return [
      name,
      { calls: calls - (past?.calls ?? 0), latency_ms: latencyMsTotal - (past?.latencyMsTotal ?? 0) },
    ] as const;
  });
  return {
    steps: now.steps - then.steps,
    batches: now.batches - then.batches,
    items: now.batchedItems - then.batchedItems,
    batchMs: now.batchMsTotal - then.batchMsTotal,
    edges: Object.fromEntries(edges.filter(([, taken]) => taken > 0)),
    psp: Object.fromEntries(psp.filter(([, { calls }]) => calls > 0)),
  };
}
