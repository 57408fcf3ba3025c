import { and, asc, eq } from "../drizzle.ts";
import { journalEntries, postings } from "../schema/ledger.ts";
import type { Database } from "./database.ts";
import { type ActorKey, MAX_HISTORY } from "./actor-key.ts";

export interface OrderPostingRow {
  readonly seq: number;
  readonly rule: string;
  readonly pspReference: string | null;
  readonly debitAccount: string;
  readonly creditAccount: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly at: Date;
}

/** What one actor wrote into the books, oldest first. */
export async function listOrderPostings(
  db: Database,
  { merchantId, actorId }: ActorKey,
): Promise<readonly OrderPostingRow[]> {
  return await db
    .select({
      seq: postings.seq,
      rule: journalEntries.rule,
      pspReference: journalEntries.pspReference,
      debitAccount: postings.debitAccount,
      creditAccount: postings.creditAccount,
      amount: postings.amount,
      currency: postings.currency,
      at: postings.at,
    })
    .from(postings)
    .innerJoin(
      journalEntries,
      and(
        eq(journalEntries.merchantId, postings.merchantId),
        eq(journalEntries.actorId, postings.actorId),
        eq(journalEntries.seq, postings.seq),
      ),
    )
    .where(and(eq(postings.merchantId, merchantId), eq(postings.actorId, actorId)))
    .orderBy(asc(postings.seq), asc(postings.leg))
    .limit(MAX_HISTORY);
}
