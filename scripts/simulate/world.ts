/**
 * What all parts of a simulated run share: time, chance, the trace, what was reached and what was broken. A run is decided
 * by its seed, its plan of faults and nothing else.
 */
import { createSeededUnit } from "../../src/core/seeded-random.ts";
import { deriveSeed, type Fault, type FaultPlan } from "./faults.ts";
import { createTimeline, type Timeline } from "./timeline.ts";

export interface Violation {
  /** Name of the invariant that does not hold. */
  readonly invariant: string;
  readonly detail: string;
  /** The order that it is about; null when it is about none or many. */
  readonly orderId: string | null;
  readonly atMs: number;
}

export interface TraceEntry {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly orderId: string | null;
}

export interface World {
  readonly seed: number;
  readonly plan: FaultPlan;
  readonly timeline: Timeline;
  /** Faults strike until the run heals. */
  isHealed: boolean;
  /** Whether the fault strikes now. Draws from the fault's own stream. */
  strikes(fault: Fault): boolean;
  /** Uniform in [low, high), from the purpose's own stream. */
  between(purpose: string, low: number, high: number): number;
  pick<T>(purpose: string, values: readonly T[]): T;
  bytes(purpose: string, length: number): Uint8Array;
  trace(who: string, what: string, orderId?: string | null): void;
  /** A rare path was reached. */
  probe(name: string): void;
  fail(invariant: string, detail: string, orderId?: string | null): void;
  readonly violations: readonly Violation[];
  readonly probes: ReadonlyMap<string, number>;
  /** All that happened; empty unless the run is recorded. */
  readonly entries: readonly TraceEntry[];
  /** The same for two runs in which the same happened. */
  traceHash(): number;
}

/** The first ones tell; a run that is broken breaks more and more. */
const MAX_VIOLATIONS = 5;

export function createWorld(options: {
  readonly seed: number;
  readonly plan: FaultPlan;
  readonly isRecorded: boolean;
}): World {
  const { seed, plan } = options;
  const timeline = createTimeline();
  const streams = new Map<string, () => number>();
  const probes = new Map<string, number>();
  const violations: Violation[] = [];
  const entries: TraceEntry[] = [];
  let hash = 0x811c9dc5;

  function unit(purpose: string): number {
    let stream = streams.get(purpose);
    if (stream === undefined) {
      stream = createSeededUnit(deriveSeed(seed, purpose));
      streams.set(purpose, stream);
    }
    return stream();
  }

  function mix(text: string): void {
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }

  const world: World = {
    seed,
    plan,
    timeline,
    isHealed: false,
    strikes(fault) {
      if (world.isHealed || plan[fault] === 0 || unit(fault) >= plan[fault]) return false;
      world.probe(`fault ${fault}`);
      return true;
    },
    between: (purpose, low, high) => low + unit(purpose) * (high - low),
    pick(purpose, values) {
      const value = values[Math.floor(unit(purpose) * values.length)];
      if (value === undefined) throw new Error(`nothing to pick from: ${purpose}`);
      return value;
    },
    bytes: (purpose, length) => Uint8Array.from({ length }, () => Math.floor(unit(purpose) * 256)),
    trace(who, what, orderId = null) {
      mix(`${timeline.nowMs()}|${who}|${what}|${orderId}`);
      if (options.isRecorded) entries.push({ atMs: timeline.nowMs(), who, what, orderId });
    },
    probe(name) {
      probes.set(name, (probes.get(name) ?? 0) + 1);
    },
    fail(invariant, detail, orderId = null) {
      if (violations.length >= MAX_VIOLATIONS) return;
      violations.push({ invariant, detail, orderId, atMs: timeline.nowMs() });
      world.trace("judge", `VIOLATION ${invariant}: ${detail}`, orderId);
    },
    violations,
    probes,
    entries,
    traceHash: () => hash >>> 0,
  };
  return world;
}
