import { and, asc, eq } from "../drizzle.ts";
import { nodes, transitions } from "../schema/engine.ts";
import type { Database } from "./database.ts";
import type { ActorKey } from "./actor-key.ts";
import { MAX_HISTORY } from "./actor-key.ts";

export interface TransitionRow {
  readonly seq: number;
  /** UUIDv7, made when the step was written down; its events' ids are made at the same moment. */
  readonly stepId: string;
  readonly fromState: string;
  readonly toState: string;
  readonly event: unknown;
  readonly at: Date;
  readonly nodeName: string | null;
}

/** Every step of one actor, oldest first. */
export async function listTransitions(
  db: Database,
  { merchantId, actorId }: ActorKey,
): Promise<readonly TransitionRow[]> {
  return await db
    .select({
      seq: transitions.seq,
      stepId: transitions.stepId,
      fromState: transitions.fromState,
      toState: transitions.toState,
      event: transitions.event,
      at: transitions.at,
      nodeName: nodes.name,
    })
    .from(transitions)
    .leftJoin(nodes, eq(nodes.nodeId, transitions.node))
    .where(and(eq(transitions.merchantId, merchantId), eq(transitions.actorId, actorId)))
    .orderBy(asc(transitions.seq))
    .limit(MAX_HISTORY);
}
