/**
 * Everything that may go wrong in a simulated run. Each seed draws its own faults and how often each strikes; a fault has
 * a stream of chance of its own, so leaving one out of a run leaves the draws of the others as they are.
 */
import { createSeededUnit } from "../../src/core/seeded-random.ts";

export const FAULTS = {
  psp_refused: "the PSP refuses the connection: surely nothing was sent",
  psp_timeout_before: "a charge gets lost on the way: no effect, no answer",
  psp_timeout_after: "a charge takes effect, the answer never comes",
  psp_late_effect: "a charge takes effect after the caller gave up, within the PSP's settle time",
  psp_reset_after: "a charge takes effect, the connection is reset",
  psp_500_before: "the PSP answers 500 without effect",
  psp_500_after: "the PSP answers 500, and the charge was made",
  psp_429: "the PSP asks to come back later",
  psp_garbage: "a charge is made, the answer can't be read",
  psp_wrong_reference: "the PSP's first answer names the charge of another order, or is its answer altogether",
  psp_key_in_use: "the PSP says that the key is being worked on",
  psp_down: "the PSP is gone for seconds",
  inquiry_lost: "an inquiry gets no answer",
  inquiry_500: "an inquiry is answered 500",
  inquiry_not_yet: "an inquiry does not find a charge that was just made",
  inquiry_slow: "an inquiry's answer takes long",
  notice_lost: "an attempt to deliver a webhook gets lost",
  notice_missing: "a webhook is never sent",
  notice_copies: "a webhook comes several times at once",
  notice_late: "a webhook comes late, and so out of order",
  notice_forged: "somebody forges a webhook",
  notice_stale: "an old webhook is sent again with its old stamp",
  db_lost_before: "the connection is lost before a statement arrives",
  db_lost_after: "the connection is lost after a statement was carried out",
  db_late: "the connection is lost, and the old backend carries the statement out later",
  db_conflict: "a serialization failure or a deadlock",
  db_hang: "the server gives a statement up after its timeout",
  db_mute: "a statement is carried out, and its connection says nothing any more",
  db_restart: "the database restarts",
  db_slow: "statements take long",
  lease_down: "the lease store is gone for a while",
  lease_flush: "the lease store forgets everything",
  lease_expiry: "a lease expires early",
  lease_lying: "the lease store grants everything to everyone",
  node_crash: "a node is killed and started again",
  node_pause: "a node is paused beyond its lease and its ownership, and wakes up",
  node_stop: "a node is stopped in peace and started again",
  machine_version: "an order belongs to a newer machine version for a while",
  clock_skew: "the nodes' clocks differ",
  clock_jump: "a node's clock jumps",
  client_lost: "a request or its answer gets lost between client and node",
  client_double: "a buyer clicks twice: two keys, one checkout",
  client_twin: "a client sends the same request twice at once",
  client_repeat: "a client repeats an old request",
  client_cancel: "a merchant cancels",
  client_look: "somebody reads an order again and again",
  operator_acts: "an operator retries or resolves parked orders",
  node_pause_news: "a node is paused between a commit and the news of it, about as long as its ownership lasts",
  psp_late_success: "a soft decline turns to a success by itself, while the order is tried again",
} as const;

export type Fault = keyof typeof FAULTS;

/** How often each fault strikes when it may, in [0, 1); 0 for never. */
export type FaultPlan = Readonly<Record<Fault, number>>;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

const SHARE_OF_FAULTS = 0.4;
const CALM_RUNS = 0.04;
/** From 1 in 100 to 1 in 4, evenly on a logarithmic scale. */
const [LOWEST_EXPONENT, HIGHEST_EXPONENT] = [-2, -0.6];

/** FNV-1a: another seed for each purpose. */
export function deriveSeed(seed: number, purpose: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < purpose.length; index += 1) {
    hash = Math.imul(hash ^ purpose.charCodeAt(index), 0x01000193);
  }
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ seed;
}

export const NO_FAULTS = Object.fromEntries(FAULT_NAMES.map((fault) => [fault, 0])) as FaultPlan;

/** `isLying`: the lease store lies in every run, whatever the seed says. */
export function drawFaults(seed: number, options: { readonly isLying: boolean }): FaultPlan {
  const unit = createSeededUnit(deriveSeed(seed, "swarm"));
  const isCalm = unit() < CALM_RUNS;
  const plan = Object.fromEntries(
    FAULT_NAMES.map((fault) => {
      const [isOn, exponent] = [unit() < SHARE_OF_FAULTS, unit()];
      const rate = 10 ** (LOWEST_EXPONENT + exponent * (HIGHEST_EXPONENT - LOWEST_EXPONENT));
      return [fault, isOn && !isCalm ? rate : 0];
    }),
  ) as Record<Fault, number>;
  if (options.isLying) plan.lease_lying = 1;
  return plan;
}
