/** What this process did with events since it started, for the metrics. */
import type { DeliveryOutcome } from "./deliverer.ts";

export interface EventCounts {
  readonly relayed: number;
  readonly deliveriesMade: number;
  readonly attempts: Readonly<Record<DeliveryOutcome, number>>;
  readonly attemptMsTotal: number;
}

export interface EventCounter {
  read(): EventCounts;
  addRelayed(relayed: { readonly events: number; readonly deliveries: number }): void;
  addAttempt(outcome: DeliveryOutcome, latencyMs: number): void;
}

export function createEventCounter(): EventCounter {
  const attempts: Record<DeliveryOutcome, number> = { delivered: 0, failed: 0, parked: 0 };
  let relayed = 0;
  let deliveriesMade = 0;
  let attemptMsTotal = 0;
  return {
    read: () => ({ relayed, deliveriesMade, attempts: { ...attempts }, attemptMsTotal }),
    addRelayed({ events, deliveries }) {
      relayed += events;
      deliveriesMade += deliveries;
    },
    addAttempt(outcome, latencyMs) {
      attempts[outcome] += 1;
      attemptMsTotal += latencyMs;
    },
  };
}
