/**
 * The exhaustive mode: for each canonical flow a process dies at every seam in turn, and then, for each of these deaths, once
 * more at every seam that comes after it. Nothing is left to chance.
 */
import { type Fault, type FaultPlan, NO_FAULTS } from "./faults.ts";
import { type RunOptions, runSeed } from "./run-seed.ts";

export interface Flow {
  readonly name: string;
  readonly token: string;
  /** These strike every time until the run heals. */
  readonly faults: readonly Fault[];
  readonly nodes: number;
  /** Default 1: what its buyer and operator decide. */
  readonly seed?: number;
  /** An edge of the chart without which the flow is not what its name says. */
  readonly reaches?: string;
  /** Default: a second, and nine. */
  readonly safetyMs?: number;
  readonly flowMs?: number;
}

/** Nodes are told to stop once a second, operators look every four. */
const ONE_STOP_MS = 1_500;
const ONE_DECISION_MS = 4_500;
/** A hosted page of the simulation waits twenty seconds for its buyer. */
const EXPIRED_MS = 24_000;
/** Seeds in which buyer, shop and operator decide as the flow's name says; `reaches` holds them to it. */
const SEED_OF = { absentBuyer: 12, quickCancel: 5, retryingOperator: 5, resolvingOperator: 14 } as const;

const PARKED = {
  token: "sim_wrong_amount",
  faults: ["operator_acts"],
  safetyMs: ONE_DECISION_MS,
  flowMs: 14_000,
} as const;

const FLOWS_OF_ONE: readonly Omit<Flow, "nodes">[] = [
  { name: "paid at once", token: "pm_card_visa", faults: [] },
  { name: "declined", token: "pm_card_chargeDeclined", faults: [] },
  { name: "declined for now, tried again", token: "pm_card_chargeDeclinedProcessingError", faults: [] },
  { name: "confirmed by the buyer", token: "pm_card_threeDSecure2Required", faults: [] },
  { name: "paid through the hosted page", token: "hosted", faults: [] },
  { name: "pending, told by webhook", token: "sim_pending_success", faults: [] },
  { name: "pending, found by polling", token: "sim_pending_no_webhook", faults: [] },
  { name: "charged, answer lost", token: "pm_card_visa", faults: ["psp_timeout_after"] },
  { name: "call lost, sent again", token: "pm_card_visa", faults: ["psp_timeout_before", "notice_missing"] },
  { name: "told to come back later", token: "pm_card_visa", faults: ["psp_429"] },
  { name: "another amount, parked", token: "sim_wrong_amount", faults: [] },
  { name: "late success", token: "sim_late_success", faults: [] },
  { name: "clicked twice", token: "pm_card_visa", faults: ["client_double", "client_twin"] },
  {
    name: "canceled before the buyer came",
    token: "hosted",
    faults: ["client_cancel"],
    reaches: "NOT_STARTED → FAILED on order.cancel",
  },
  {
    name: "canceled between two tries",
    token: "pm_card_chargeDeclinedProcessingError",
    faults: ["client_cancel"],
    seed: SEED_OF.quickCancel,
    reaches: "EXECUTING.retrying → FAILED on order.cancel",
  },
  {
    name: "the buyer never comes",
    token: "hosted",
    faults: [],
    seed: SEED_OF.absentBuyer,
    flowMs: EXPIRED_MS,
    reaches: "NOT_STARTED → FAILED on timer.fired",
  },
  {
    name: "parked, retried",
    ...PARKED,
    seed: SEED_OF.retryingOperator,
    reaches: "EXECUTING.parked → EXECUTING.resolving on order.retry",
  },
  {
    name: "parked, resolved",
    ...PARKED,
    seed: SEED_OF.resolvingOperator,
    reaches: "EXECUTING.parked → SUCCESS on order.resolve",
  },
  { name: "stopped in peace", token: "sim_pending_success", faults: ["node_stop"], safetyMs: ONE_STOP_MS },
];

/** Alone, a process starts again and takes up what it left; beside another, that one takes it over. */
export const FLOWS: readonly Flow[] = [1, 2].flatMap((nodes) =>
  FLOWS_OF_ONE.map((flow) => ({ ...flow, name: `${flow.name}, ${nodes === 1 ? "alone" : "two nodes"}`, nodes })),
);

export function optionsOf(flow: Flow, deaths: readonly number[]): RunOptions {
  const plan: FaultPlan = { ...NO_FAULTS, ...Object.fromEntries(flow.faults.map((fault) => [fault, 1])) };
  const { seed = 1, token, nodes, safetyMs, flowMs } = flow;
  return {
    seed,
    plan,
    nodes,
    checkouts: 1,
    token,
    deaths,
    ...(safetyMs === undefined ? {} : { safetyMs }),
    ...(flowMs === undefined ? {} : { flowMs }),
  };
}

/** How many seams the flow passes when nobody dies, or after the given deaths. */
export async function countSeams(flow: Flow, deaths: readonly number[] = []): Promise<readonly string[]> {
  return (await runSeed(optionsOf(flow, deaths))).seams;
}
