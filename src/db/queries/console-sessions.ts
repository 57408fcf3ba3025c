/** Who is signed in at the console. A session lives as long as its key does, wherever that is revoked. */
import { and, eq, gt, isNull, lt, sql } from "../drizzle.ts";
import { consoleSessions } from "../schema/console.ts";
import { apiKeys, merchants } from "../schema/tenants.ts";
import type { Database } from "./database.ts";

export interface SessionRow {
  readonly apiKeyId: string;
  readonly keyName: string;
  readonly scopes: readonly string[];
  readonly merchantId: number;
  readonly merchantName: string;
  readonly mode: "test" | "live";
  readonly role: "operator" | "reader";
  readonly expiresAt: Date;
}

export interface NewSession {
  readonly tokenHash: Uint8Array;
  readonly apiKeyId: string;
  readonly role: "operator" | "reader";
  readonly lifeMs: number;
}

/** However busy, after this somebody shows the key again. */
const MAX_AGE_DAYS = 7;
const MAX_PURGED = 1_000;

const untilAfter = (lifeMs: number) => sql`now() + ${lifeMs}::float8 * interval '1 millisecond'`;

export async function insertSession(db: Database, session: NewSession): Promise<void> {
  const { tokenHash, apiKeyId, role, lifeMs } = session;
  await db.insert(consoleSessions).values({ tokenHash, apiKeyId, role, expiresAt: untilAfter(lifeMs) });
}

/** Null when there is none, when it is over, and when its key was revoked. */
export async function findSession(db: Database, tokenHash: Uint8Array): Promise<SessionRow | null> {
  const rows = await db
    .select({
      apiKeyId: consoleSessions.apiKeyId,
      keyName: apiKeys.name,
      scopes: apiKeys.scopes,
      merchantId: apiKeys.merchantId,
      merchantName: merchants.name,
      mode: merchants.mode,
      role: consoleSessions.role,
      expiresAt: consoleSessions.expiresAt,
    })
    .from(consoleSessions)
    .innerJoin(apiKeys, eq(apiKeys.apiKeyId, consoleSessions.apiKeyId))
    .innerJoin(merchants, eq(merchants.merchantId, apiKeys.merchantId))
    .where(
      and(
        eq(consoleSessions.tokenHash, tokenHash),
        gt(consoleSessions.expiresAt, sql`now()`),
        isNull(apiKeys.revokedAt),
      ),
    )
    .limit(1);
  return rows[0] ?? null;
}

/** Puts off the end of a session that is in use; returns the new end, or null when it is over. */
export async function extendSession(db: Database, tokenHash: Uint8Array, lifeMs: number): Promise<Date | null> {
  const [row] = await db
    .update(consoleSessions)
    .set({
      expiresAt: sql`least(${untilAfter(lifeMs)}, ${consoleSessions.createdAt} + ${MAX_AGE_DAYS}::int * interval '1 day')`,
    })
    .where(and(eq(consoleSessions.tokenHash, tokenHash), gt(consoleSessions.expiresAt, sql`now()`)))
    .returning({ expiresAt: consoleSessions.expiresAt });
  return row?.expiresAt ?? null;
}

export async function deleteSession(db: Database, tokenHash: Uint8Array): Promise<void> {
  await db.delete(consoleSessions).where(eq(consoleSessions.tokenHash, tokenHash));
}

/** Sessions that are over, a bounded number at a time. */
export async function deleteEndedSessions(db: Database): Promise<void> {
  const ended = db
    .select({ tokenHash: consoleSessions.tokenHash })
    .from(consoleSessions)
    .where(lt(consoleSessions.expiresAt, sql`now()`))
    .limit(MAX_PURGED);
  await db.delete(consoleSessions).where(sql`${consoleSessions.tokenHash} IN (${ended})`);
}
