/** What operators decided: a row before the act, another after it. Nothing here is ever changed. */
import { and, desc, eq, lt } from "../drizzle.ts";
import { type AUDIT_ACTIONS, auditLog, auditOutcomes } from "../schema/console.ts";
import { apiKeys } from "../schema/tenants.ts";
import type { Database } from "./database.ts";

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditIntent {
  readonly merchantId: number;
  readonly id: string;
  readonly apiKeyId: string;
  readonly via: "console" | "api";
  readonly action: AuditAction;
  readonly subject: string;
  readonly reason: string | null;
  readonly requestId: string;
  readonly node: string;
}

export interface AuditOutcome {
  readonly merchantId: number;
  readonly id: string;
  readonly status: number;
}

export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly keyName: string | null;
  readonly lastFour: string | null;
  readonly via: "console" | "api";
  readonly action: AuditAction;
  readonly subject: string;
  readonly reason: string | null;
  readonly status: number | null;
}

export async function insertAuditIntent(db: Database, intent: AuditIntent): Promise<void> {
  await db.insert(auditLog).values(intent);
}

export async function insertAuditOutcome(db: Database, outcome: AuditOutcome): Promise<void> {
  await db.insert(auditOutcomes).values(outcome);
}

/** Newest first. */
export async function listAudit(
  db: Database,
  page: { readonly merchantId: number; readonly beforeId: string | null; readonly limit: number },
): Promise<readonly AuditRow[]> {
  return await db
    .select({
      id: auditLog.id,
      at: auditLog.at,
      keyName: apiKeys.name,
      lastFour: apiKeys.lastFour,
      via: auditLog.via,
      action: auditLog.action,
      subject: auditLog.subject,
      reason: auditLog.reason,
      status: auditOutcomes.status,
    })
    .from(auditLog)
    .leftJoin(auditOutcomes, and(eq(auditOutcomes.merchantId, auditLog.merchantId), eq(auditOutcomes.id, auditLog.id)))
    .leftJoin(apiKeys, eq(apiKeys.apiKeyId, auditLog.apiKeyId))
    .where(
      and(
        eq(auditLog.merchantId, page.merchantId),
        page.beforeId === null ? undefined : lt(auditLog.id, page.beforeId),
      ),
    )
    .orderBy(desc(auditLog.id))
    .limit(page.limit);
}
