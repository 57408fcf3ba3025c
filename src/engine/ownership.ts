/**
 * This node's claim on its actors. A heartbeat on the database's clock keeps it; others may adopt only after it
 * has expired. Before each PSP call the sender asks until when it holds: a process that was paused longer than its claim
 * holds must not send, because another node may already be asking the PSP about the same order.
 */
import type { Ports } from "../core/ports.ts";
import type { Sql } from "../db/client.ts";

/** A node that has not beaten for this long is taken for dead. Long enough for a database restart, short for a buyer. */
export const OWNERSHIP_MS = 10_000;
export const HEARTBEAT_MS = 2_000;
/** Kept back from the claim for the time that a call needs to leave this machine. */
const SEND_MARGIN_MS = 2_000;

export interface Ownership {
  readonly node: string;
  /** Monotonic time until which the claim surely holds, a margin for the way out kept back. */
  sureUntilMs(): number;
  /** Beats once now; false when the database did not take it. */
  beat(): Promise<boolean>;
  /** Hands everything over: others may adopt at once. */
  resign(): Promise<void>;
  stop(): void;
}

export interface OwnershipOptions {
  readonly sql: Sql;
  readonly ports: Ports;
  readonly node: string;
  readonly name: string;
  readonly onFailure: (error: unknown) => void;
}

/** Registers the node and starts beating. Throws when the database can't be reached. */
export async function claimOwnership(options: OwnershipOptions): Promise<Ownership> {
  const { sql, ports, node, name } = options;
  let sureUntilMs = 0;
  let isBeating = false;

  async function beat(): Promise<boolean> {
    if (isBeating) return false;
    isBeating = true;
    // Counted from before the statement left: the database's stamp can only be later.
    const startedMs = ports.clock.monotonicMs();
    try {
      await sql`INSERT INTO nodes (node_id, name) VALUES (${node}, ${name})
        ON CONFLICT (node_id) DO UPDATE SET heartbeat_at = now(), stopped_at = NULL`;
      sureUntilMs = startedMs + OWNERSHIP_MS - SEND_MARGIN_MS;
      return true;
    } catch (error) {
      options.onFailure(error);
      return false;
    } finally {
      isBeating = false;
    }
  }

  if (!(await beat())) throw new Error("this node could not register itself in the table nodes");
  const timer = setInterval(() => void beat(), HEARTBEAT_MS);
  timer.unref();

  return {
    node,
    sureUntilMs: () => sureUntilMs,
    beat,
    async resign() {
      clearInterval(timer);
      sureUntilMs = 0;
      await sql`UPDATE nodes SET stopped_at = now() WHERE node_id = ${node}`;
    },
    stop: () => clearInterval(timer),
  };
}
