/** Actors of every kind as rows: read, adopted from the dead, given up, set aside. Outside the group commit. */
import type { Sql } from "../client.ts";

/**
 * Where actors of one kind lie. The table has the engine's columns (`merchant_id`, `id`, `machine_version`, `snapshot`,
 * `version`, `owner`, `fencing_token`, `quarantined_at`, `quarantine_reason`); the rest is its own.
 */
export interface ActorTable {
  readonly name: string;
  /** Name of the table; part of SQL text, so it is a constant of the code. */
  readonly table: string;
  /** Machine versions that this build restores. Others are left to the nodes that know them. */
  readonly machineVersions: readonly number[];
  /** The columns that the kind reads, from the table as `o` and what `join` adds. */
  readonly columns: string;
  readonly join: string;
}

/** Which actor of a kind: the internal UUID within its merchant. */
export interface ActorId {
  readonly merchantId: number;
  readonly id: string;
}

/** As the kind's `columns` name it. */
export type ActorRow = Record<string, unknown>;

/** A node, and how long the heartbeat of another may be silent before its actors are anybody's. */
export interface Adopter {
  readonly node: string;
  readonly ownershipMs: number;
}

/** PostgreSQL array literal of values that need no quoting (numbers, UUIDs). */
const toArray = (values: readonly (string | number)[]): string => `{${values.join(",")}}`;
const merchantsOf = (ids: readonly ActorId[]): string => toArray(ids.map(({ merchantId }) => merchantId));
const idsOf = (ids: readonly ActorId[]): string => toArray(ids.map(({ id }) => id));
export const versionsOf = ({ machineVersions }: ActorTable): string => toArray(machineVersions);

/** Actors that this build restores: $1 is the list of machine versions it knows. */
export const LOADABLE = "o.quarantined_at IS NULL AND o.machine_version = ANY ($1::smallint[])";

/**
 * The open actors of a kind, whose name is $2, through the indexes that hold open actors alone: reading every order that
 * ever was took longer than a statement may, and no node could start.
 */
export const toOpenActors = ({ table }: ActorTable): string => `(
  SELECT merchant_id, id FROM ${table} WHERE owner IS NOT NULL
  UNION
  SELECT merchant_id, id FROM ${table} WHERE phase IN ('retrying', 'pending', 'resolving', 'parked', 'authorized')
  UNION
  SELECT merchant_id, actor_id FROM timers WHERE actor_kind = $2)`;

/** Owned by a node that resigned or has not beaten for the ownership time; $2 is this node, $3 that time in ms. */
const ORPHANED = `o.owner IN (
  SELECT n.node_id FROM nodes n
  WHERE n.node_id <> $2::uuid AND (n.stopped_at IS NOT NULL OR n.heartbeat_at < now() - $3::float8 * interval '1 ms'))`;

export async function loadActors(sql: Sql, kind: ActorTable, ids: readonly ActorId[]): Promise<readonly ActorRow[]> {
  return sql.unsafe<ActorRow[]>(
    `SELECT ${kind.columns}
     FROM unnest($2::int[], $3::uuid[]) AS wanted(merchant_id, id)
     JOIN ${kind.table} o ON o.merchant_id = wanted.merchant_id AND o.id = wanted.id
     ${kind.join}
     WHERE ${LOADABLE}`,
    [versionsOf(kind), merchantsOf(ids), idsOf(ids)],
    { prepare: true },
  );
}

/** Counts the actors that `adoptActors` would take. */
export async function countOrphans(sql: Sql, kind: ActorTable, { node, ownershipMs }: Adopter): Promise<number> {
  const [row] = await sql.unsafe<{ count: string }[]>(
    `SELECT count(*) FROM ${kind.table} o WHERE ${ORPHANED} AND ${LOADABLE}`,
    [versionsOf(kind), node, ownershipMs],
  );
  return Number(row?.count ?? 0);
}

/** Takes up to `limit` actors from owners that are gone, by bumping their fencing tokens. Safe in parallel. */
export async function adoptActors(
  sql: Sql,
  kind: ActorTable,
  { node, ownershipMs }: Adopter,
  limit: number,
): Promise<readonly ActorRow[]> {
  return sql.unsafe<ActorRow[]>(
    `WITH orphaned AS MATERIALIZED (
       SELECT o.merchant_id, o.id FROM ${kind.table} o WHERE ${ORPHANED} AND ${LOADABLE}
       LIMIT $4::int
       FOR UPDATE OF o SKIP LOCKED
     ), adopted AS (
       UPDATE ${kind.table} o SET owner = $2::uuid, fencing_token = o.fencing_token + 1
       FROM orphaned a WHERE o.merchant_id = a.merchant_id AND o.id = a.id
       RETURNING o.*
     )
     SELECT ${kind.columns} FROM adopted o ${kind.join}`,
    [versionsOf(kind), node, ownershipMs, limit],
    { prepare: true },
  );
}

/** The actors that are this node's; on a healthy node those in its memory. */
export async function listOwnedActors(sql: Sql, kind: ActorTable, node: string): Promise<readonly ActorId[]> {
  return sql.unsafe<ActorId[]>(
    `SELECT o.merchant_id AS "merchantId", o.id FROM ${kind.table} o WHERE o.owner = $2::uuid AND ${LOADABLE}`,
    [versionsOf(kind), node],
  );
}

/** Takes actors anew that are this node's already, as `adoptActors` takes another's. */
export async function reclaimActors(
  sql: Sql,
  kind: ActorTable,
  node: string,
  ids: readonly ActorId[],
): Promise<readonly ActorRow[]> {
  return sql.unsafe<ActorRow[]>(
    `WITH reclaimed AS (
       UPDATE ${kind.table} o SET fencing_token = o.fencing_token + 1
       FROM unnest($3::int[], $4::uuid[]) AS lost(merchant_id, id)
       WHERE o.merchant_id = lost.merchant_id AND o.id = lost.id AND o.owner = $2::uuid AND ${LOADABLE}
       RETURNING o.*
     )
     SELECT ${kind.columns} FROM reclaimed o ${kind.join}`,
    [versionsOf(kind), node, merchantsOf(ids), idsOf(ids)],
  );
}

/** Gives up an actor that this node owns and has nothing to do for, unless it has moved on since that version. */
export async function releaseActor(
  sql: Sql,
  kind: ActorTable,
  held: ActorId & { readonly node: string; readonly version: number },
): Promise<void> {
  await sql.unsafe(
    `UPDATE ${kind.table} SET owner = NULL
     WHERE merchant_id = $2::int AND id = $3::uuid AND owner = $1::uuid AND version = $4::int`,
    [held.node, held.merchantId, held.id, held.version],
  );
}

/** An actor as a node saw it that could not go on with it. */
export interface BrokenActor extends ActorId {
  readonly node: string;
  readonly version: number;
  readonly reason: string;
}

/**
 * Sets aside what can't be restored, beside the untouched snapshot and with the reason. Not what has moved on since, and
 * not what another node holds: it may well read what this one can't.
 */
export async function quarantineActor(
  sql: Sql,
  kind: ActorTable,
  { merchantId, id, node, version, reason }: BrokenActor,
): Promise<void> {
  await sql.unsafe(
    `WITH set_aside AS (
       UPDATE ${kind.table} SET quarantined_at = now(), quarantine_reason = $3, owner = NULL, fencing_token = fencing_token + 1
       WHERE merchant_id = $1::int AND id = $2::uuid AND quarantined_at IS NULL
         AND version = $4::int AND (owner IS NULL OR owner = $5::uuid)
       RETURNING merchant_id, id
     )
     DELETE FROM timers t USING set_aside s WHERE t.merchant_id = s.merchant_id AND t.actor_id = s.id`,
    [merchantId, id, reason, version, node],
  );
}

/** The stored bytes of a charge, for sending them again; null when there are none. */
export async function findStoredRequest(
  sql: Sql,
  { merchantId, id }: ActorId,
  operationNumber: number,
): Promise<string | null> {
  const [row] = await sql.unsafe<{ request: string }[]>(
    `SELECT request FROM attempts
     WHERE merchant_id = $1::int AND actor_id = $2::uuid AND operation = 'charge' AND operation_number = $3::smallint
       AND request IS NOT NULL
     ORDER BY attempt LIMIT 1`,
    [merchantId, id, operationNumber],
  );
  return row?.request ?? null;
}

export interface ForgottenActor {
  readonly id: string;
  readonly version: number;
  /** Of all such actors, not only those listed. */
  readonly total: number;
}

/** Open actors of machine versions before the oldest that this build knows. */
export async function listForgottenActors(
  sql: Sql,
  kind: ActorTable,
  limit: number,
): Promise<readonly ForgottenActor[]> {
  return sql.unsafe<ForgottenActor[]>(
    `SELECT o.id, o.machine_version AS version, count(*) OVER ()::int AS total
     FROM ${toOpenActors(kind)} open JOIN ${kind.table} o ON o.merchant_id = open.merchant_id AND o.id = open.id
     WHERE o.machine_version < $1::int
     LIMIT $3::int`,
    [Math.min(...kind.machineVersions), kind.name, limit],
  );
}
