import { and, asc, eq } from "../drizzle.ts";
import { attempts, observations } from "../schema/engine.ts";
import type { Database } from "./database.ts";
import { type ActorKey, MAX_HISTORY } from "./actor-key.ts";

export interface AttemptRow {
  readonly attempt: number;
  readonly operation: string;
  readonly operationNumber: number;
  readonly psp: string;
  readonly idempotencyKey: string;
  readonly at: Date;
  /** What came back; null while nothing did. Never the answer's body. */
  readonly fact: unknown;
  readonly httpStatus: number | null;
  readonly latencyMs: number | null;
  readonly answeredAt: Date | null;
}

/** Every call to a PSP for one actor with what was learnt from it, oldest first. */
export async function listAttempts(db: Database, { merchantId, actorId }: ActorKey): Promise<readonly AttemptRow[]> {
  return await db
    .select({
      attempt: attempts.attempt,
      operation: attempts.operation,
      operationNumber: attempts.operationNumber,
      psp: attempts.psp,
      idempotencyKey: attempts.idempotencyKey,
      at: attempts.at,
      fact: observations.fact,
      httpStatus: observations.httpStatus,
      latencyMs: observations.latencyMs,
      answeredAt: observations.at,
    })
    .from(attempts)
    .leftJoin(
      observations,
      and(
        eq(observations.merchantId, attempts.merchantId),
        eq(observations.actorId, attempts.actorId),
        eq(observations.attempt, attempts.attempt),
      ),
    )
    .where(and(eq(attempts.merchantId, merchantId), eq(attempts.actorId, actorId)))
    .orderBy(asc(attempts.attempt), asc(observations.at), asc(observations.source))
    .limit(MAX_HISTORY);
}
