/**
 * A lease keeps nodes from doing the same work at the same time, and carries wake-ups. It only saves work:
 * PostgreSQL decides who may write, so every implementation may lie, forget or be gone, and nothing breaks.
 */
import type { Ports } from "../../core/ports.ts";

/** `taken`: ours now. `held`: another node has it. `unavailable`: the lease store can't tell; go on without. */
export type LeaseVerdict =
  | { readonly kind: "taken" }
  | { readonly kind: "held"; readonly holder: string }
  | { readonly kind: "unavailable" };

export interface Leases {
  /** Takes a lease for this node, or finds who has it. Calls of one turn of the event loop go out as a group. */
  take(name: string): Promise<LeaseVerdict>;
  /** Returns a lease that this node has taken; one that is not ours is left alone. Grouped; never throws. */
  giveBack(name: string): void;
  /** Tells a node that mail waits for the actor of that name. May be lost; the sweeper finds the mail too. */
  wake(node: string, name: string): void;
  /** Calls `listener` for each wake-up that is meant for this node. Returns a function that stops it. */
  onWake(listener: (name: string) => void): () => void;
  /** Whether the store answers now; for `/readyz` and metrics. */
  isAvailable(): boolean;
  close(): Promise<void>;
}

export interface LeaseOptions {
  readonly node: string;
  readonly ttlMs: number;
  readonly ports: Ports;
  /** Hears when the store goes away and comes back; not every failed command. */
  readonly onAvailability?: (isAvailable: boolean, reason: string) => void;
}

/** How a node opens its leases, once it knows its own name. */
export type OpenLeases = (options: LeaseOptions) => Leases;
