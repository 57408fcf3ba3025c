import { and, asc, eq } from "../drizzle.ts";
import { inbox } from "../schema/engine.ts";
import type { Database } from "./database.ts";
import { type ActorKey, MAX_HISTORY } from "./actor-key.ts";

export interface NoticeRow {
  readonly psp: string;
  readonly eventId: string;
  readonly type: string;
  readonly fact: unknown;
  readonly receivedAt: Date;
  readonly disposition: string | null;
}

/** PSP webhooks that named the actor, oldest first. */
export async function listNotices(db: Database, { merchantId, actorId }: ActorKey): Promise<readonly NoticeRow[]> {
  return await db
    .select({
      psp: inbox.psp,
      eventId: inbox.eventId,
      type: inbox.type,
      fact: inbox.fact,
      receivedAt: inbox.receivedAt,
      disposition: inbox.disposition,
    })
    .from(inbox)
    .where(and(eq(inbox.merchantId, merchantId), eq(inbox.actorId, actorId)))
    .orderBy(asc(inbox.receivedAt), asc(inbox.psp), asc(inbox.eventId))
    .limit(MAX_HISTORY);
}
