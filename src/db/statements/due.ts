/** What waits in the database for somebody to work on it: due timers and durable mail. One statement each, read-only. */
import type { Sql } from "../client.ts";
import { type ActorTable, LOADABLE, versionsOf } from "./actors.ts";

export interface DueTimer {
  readonly merchantId: number;
  readonly actorId: string;
  readonly name: string;
  readonly seq: number;
  readonly dueAtMs: number;
}

interface MailRow {
  readonly merchantId: number;
  readonly actorId: string;
  readonly actorKind: string;
  readonly payload: unknown;
}

export interface InboxRow extends MailRow {
  readonly psp: string;
  readonly eventId: string;
}

export interface ObservationRow extends MailRow {
  readonly attempt: number;
  readonly source: string;
}

export interface CommandRow extends MailRow {
  readonly commandId: string;
}

/** Timers of actors that this build restores, earliest first. */
export async function findDueTimers(sql: Sql, kind: ActorTable, limit: number): Promise<readonly DueTimer[]> {
  return sql.unsafe<DueTimer[]>(
    `SELECT t.merchant_id AS "merchantId", t.actor_id AS "actorId", t.name, t.seq,
       (extract(epoch FROM t.due_at) * 1000)::float8 AS "dueAtMs"
     FROM timers t JOIN ${kind.table} o ON o.merchant_id = t.merchant_id AND o.id = t.actor_id
     WHERE t.due_at <= now() AND t.actor_kind = $2 AND ${LOADABLE}
     ORDER BY t.due_at LIMIT $3::int`,
    [versionsOf(kind), kind.name, limit],
    { prepare: true },
  );
}

/** What can't be read stays for an engineer; it must not stand at the head of the line for ever. */
const isFact = (column: string): string => `${column} ->> 'type' LIKE 'psp.%'`;

/** Webhooks that nobody has taken. Those younger than `ageMs` are still on their way to their actor. */
export async function findInboxMail(
  sql: Sql,
  kind: ActorTable,
  ageMs: number,
  limit: number,
): Promise<readonly InboxRow[]> {
  return sql.unsafe<InboxRow[]>(
    `SELECT i.psp, i.event_id AS "eventId", i.merchant_id AS "merchantId", i.actor_id AS "actorId", i.actor_kind AS "actorKind", i.fact AS payload
     FROM inbox i JOIN ${kind.table} o ON o.merchant_id = i.merchant_id AND o.id = i.actor_id
     WHERE i.handled_at IS NULL AND i.actor_kind = $2 AND ${isFact("i.fact")} AND i.received_at < now() - $3::float8 * interval '1 ms' AND ${LOADABLE}
     ORDER BY i.received_at LIMIT $4::int`,
    [versionsOf(kind), kind.name, ageMs, limit],
    { prepare: true },
  );
}

export async function findObservationMail(
  sql: Sql,
  kind: ActorTable,
  ageMs: number,
  limit: number,
): Promise<readonly ObservationRow[]> {
  return sql.unsafe<ObservationRow[]>(
    `SELECT b.merchant_id AS "merchantId", b.actor_id AS "actorId", b.actor_kind AS "actorKind", b.attempt, b.source, b.fact AS payload
     FROM observations b JOIN ${kind.table} o ON o.merchant_id = b.merchant_id AND o.id = b.actor_id
     WHERE b.handled_at IS NULL AND b.actor_kind = $2 AND ${isFact("b.fact")} AND b.at < now() - $3::float8 * interval '1 ms' AND ${LOADABLE}
     ORDER BY b.at LIMIT $4::int`,
    [versionsOf(kind), kind.name, ageMs, limit],
    { prepare: true },
  );
}

export async function findCommandMail(sql: Sql, kind: ActorTable, limit: number): Promise<readonly CommandRow[]> {
  return sql.unsafe<CommandRow[]>(
    `SELECT c.command_id AS "commandId", c.merchant_id AS "merchantId", c.actor_id AS "actorId", c.actor_kind AS "actorKind", c.command AS payload
     FROM commands c JOIN ${kind.table} o ON o.merchant_id = c.merchant_id AND o.id = c.actor_id
     WHERE c.handled_at IS NULL AND c.actor_kind = $2 AND ${LOADABLE}
     ORDER BY c.created_at LIMIT $3::int`,
    [versionsOf(kind), kind.name, limit],
    { prepare: true },
  );
}
