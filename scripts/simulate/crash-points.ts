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
}

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
];

/** Alone, a process starts again and takes up what it left; beside another, that one takes it over. */
export const FLOWS: readonly Flow[] = [1, 2].flatMap((nodes) =>
  FLOWS_OF_ONE.map((flow) => ({ ...flow, name: `${flow.name}, ${nodes === 1 ? "alone" : "two nodes"}`, nodes })),
);

const SEED = 1;

export function optionsOf(flow: Flow, deaths: readonly number[]): RunOptions {
  const plan: FaultPlan = { ...NO_FAULTS, ...Object.fromEntries(flow.faults.map((fault) => [fault, 1])) };
  return { seed: SEED, plan, nodes: flow.nodes, checkouts: 1, token: flow.token, deaths };
}

/** How many seams the flow passes when nobody dies, or after the given deaths. */
export async function countSeams(flow: Flow, deaths: readonly number[] = []): Promise<readonly string[]> {
  return (await runSeed(optionsOf(flow, deaths))).seams;
}
