/** What was really said between us and a PSP about one order: bodies too, cut to a length that a page can show. */
import { sql } from "../drizzle.ts";
import type { ActorKey } from "./actor-key.ts";
import type { Database } from "./database.ts";

/** The first bytes of a body, and how many it has. */
export interface BodyExcerpt {
  readonly bytes: Uint8Array;
  readonly length: number;
}

export interface CallRow {
  readonly attempt: number;
  readonly operation: string;
  readonly operationNumber: number;
  readonly psp: string;
  readonly idempotencyKey: string;
  readonly at: Date;
  readonly node: string;
  readonly request: BodyExcerpt | null;
}

export interface CallAnswerRow {
  readonly attempt: number;
  readonly source: string;
  readonly at: Date;
  readonly fact: unknown;
  readonly httpStatus: number | null;
  readonly latencyMs: number;
  readonly body: BodyExcerpt;
}

export interface NoticeBodyRow {
  readonly eventId: string;
  readonly type: string;
  readonly receivedAt: Date;
  readonly disposition: string | null;
  readonly body: BodyExcerpt;
}

/** A stubborn order has some dozens; of one with more, its last ones matter. */
const MAX_CALLS = 200;
const MAX_EXCERPT_BYTES = 16_384;

type Row = Readonly<Record<string, unknown>>;

const at = (ms: unknown): Date => new Date(Number(ms));

function toExcerpt(base64: unknown, length: unknown): BodyExcerpt {
  return { bytes: Buffer.from(String(base64), "base64"), length: Number(length) };
}

export async function listCalls(db: Database, { merchantId, actorId }: ActorKey): Promise<readonly CallRow[]> {
  const rows = await db.execute<Row>(sql`
    SELECT a.attempt, a.operation, a.operation_number, a.psp, a.idempotency_key,
      (extract(epoch FROM a.at) * 1000)::bigint::text AS at_ms, coalesce(n.name, a.node::text) AS node,
      encode(substring(convert_to(a.request, 'UTF8') FOR ${MAX_EXCERPT_BYTES}), 'base64') AS request, octet_length(a.request) AS length
    FROM attempts a LEFT JOIN nodes n ON n.node_id = a.node
    WHERE a.merchant_id = ${merchantId} AND a.actor_id = ${actorId}
    ORDER BY a.attempt DESC LIMIT ${MAX_CALLS}`);
  return rows
    .map((row) => ({
      attempt: Number(row.attempt),
      operation: String(row.operation),
      operationNumber: Number(row.operation_number),
      psp: String(row.psp),
      idempotencyKey: String(row.idempotency_key),
      at: at(row.at_ms),
      node: String(row.node),
      request: row.request === null ? null : toExcerpt(row.request, row.length),
    }))
    .toReversed();
}

/** Oldest first; answers to the calls that `listCalls` gives. */
export async function listCallAnswers(
  db: Database,
  { merchantId, actorId }: ActorKey,
): Promise<readonly CallAnswerRow[]> {
  const rows = await db.execute<Row>(sql`
    SELECT attempt, source, (extract(epoch FROM at) * 1000)::bigint::text AS at_ms, fact, http_status, latency_ms,
      encode(substring(body FOR ${MAX_EXCERPT_BYTES}), 'base64') AS body, octet_length(body) AS length
    FROM observations
    WHERE merchant_id = ${merchantId} AND actor_id = ${actorId}
    ORDER BY attempt DESC, at DESC LIMIT ${2 * MAX_CALLS}`);
  return rows
    .map((row) => ({
      attempt: Number(row.attempt),
      source: String(row.source),
      at: at(row.at_ms),
      fact: row.fact,
      httpStatus: row.http_status === null ? null : Number(row.http_status),
      latencyMs: Number(row.latency_ms),
      body: toExcerpt(row.body, row.length),
    }))
    .toReversed();
}

/** PSP webhooks that named the order, oldest first. */
export async function listNoticeBodies(
  db: Database,
  { merchantId, actorId }: ActorKey,
): Promise<readonly NoticeBodyRow[]> {
  const rows = await db.execute<Row>(sql`
    SELECT event_id, type, (extract(epoch FROM received_at) * 1000)::bigint::text AS at_ms, disposition,
      encode(substring(body FOR ${MAX_EXCERPT_BYTES}), 'base64') AS body, octet_length(body) AS length
    FROM inbox
    WHERE merchant_id = ${merchantId} AND actor_id = ${actorId}
    ORDER BY received_at DESC LIMIT ${MAX_CALLS}`);
  return rows
    .map((row) => ({
      eventId: String(row.event_id),
      type: String(row.type),
      receivedAt: at(row.at_ms),
      disposition: row.disposition === null ? null : String(row.disposition),
      body: toExcerpt(row.body, row.length),
    }))
    .toReversed();
}
