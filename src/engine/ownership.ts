/**
 * This node's claim on its actors. A heartbeat on the database's clock keeps it; others may adopt only after it
 * has expired. Before each PSP call the sender asks until when it holds: a process that was paused longer than its claim
 * holds must not send, because another node may already be asking the PSP about the same order.
 */
import { type Ports, withinTime } from "../core/ports.ts";
import type { Heart } from "../db/access.ts";

/** A node that has not beaten for this long is taken for dead. Long enough for a database restart, short for a buyer. */
export const OWNERSHIP_MS = 10_000;
export const HEARTBEAT_MS = 2_000;
/** Two beats must fit into the ownership time, even when the first connection hangs. */
const BEAT_DEADLINE_MS = 4_000;
/** Kept back from the claim for the time that a call needs to leave this machine. */
const SEND_MARGIN_MS = 2_000;

export interface Ownership {
  readonly node: string;
  /**
   * Which claim this is. A claim that lapsed is not the one that came after: meanwhile others may have adopted what was
   * this node's. Ask before a step is committed, and act on it only under the same claim.
   */
  claim(): number;
  /** Monotonic time until which that claim surely holds, a margin for the way out kept back; 0 when it has lapsed. */
  sureUntilMs(claim: number): number;
  /** Beats once now; false when the database did not take it. */
  beat(): Promise<boolean>;
  /** Hands everything over: others may adopt at once. Closes the connection. */
  resign(): Promise<void>;
  stop(): void;
}

export interface OwnershipOptions {
  /** Opens a connection for the heartbeat alone; called again when one does not answer. */
  readonly openHeart: () => Heart;
  readonly ports: Ports;
  readonly node: string;
  readonly name: string;
  readonly onFailure: (error: unknown) => void;
}

/** Registers the node and starts beating. Throws when the database can't be reached. */
export async function claimOwnership(options: OwnershipOptions): Promise<Ownership> {
  const { openHeart, ports, node, name } = options;
  let heart = openHeart();
  let sureUntilMs = 0;
  /** Others may adopt from here on, unless a beat came before. */
  let lapsesAtMs = Number.POSITIVE_INFINITY;
  let claim = 1;
  let isBeating = false;
  let isResigned = false;

  async function beat(): Promise<boolean> {
    if (isBeating) return false;
    isBeating = true;
    // Counted from before the statement left: the database's stamp can only be later.
    const startedMs = ports.clock.monotonicMs();
    const beating = heart;
    try {
      await withinTime(ports, BEAT_DEADLINE_MS, beating.beat(node, name), () => {
        // Packets that nobody answers would hold this connection for a quarter of an hour.
        heart = openHeart();
        void beating.end(0);
        throw new Error(`no answer to the heartbeat within ${BEAT_DEADLINE_MS} ms`);
      });
      // Under way when the node resigned: others may have adopted what was its own.
      if (isResigned) return false;
      // The beat was stamped by now at the latest: after the last one had lapsed, perhaps.
      if (ports.clock.monotonicMs() >= lapsesAtMs) claim += 1;
      lapsesAtMs = startedMs + OWNERSHIP_MS;
      sureUntilMs = startedMs + OWNERSHIP_MS - SEND_MARGIN_MS;
      return true;
    } catch (error) {
      options.onFailure(error);
      return false;
    } finally {
      isBeating = false;
    }
  }

  if (!(await beat())) {
    await heart.end(0);
    throw new Error("this node could not register itself in the table nodes");
  }
  const stopBeating = ports.timers.every(HEARTBEAT_MS, () => void beat());

  return {
    node,
    claim: () => claim,
    sureUntilMs: (asked) => (asked === claim ? sureUntilMs : 0),
    beat,
    async resign() {
      stopBeating();
      isResigned = true;
      sureUntilMs = 0;
      try {
        await heart.stopNode(node);
      } finally {
        await heart.end(2);
      }
    },
    stop: stopBeating,
  };
}
