/** Actors of every kind as rows: read, adopted from the dead, given up, set aside. Outside the group commit. */
import type { Sql } from "../db/client.ts";
import type { ActorKind, ActorRef, LoadResult, StoredActor, UnreadableActor } from "./actor.ts";
import { OWNERSHIP_MS } from "./ownership.ts";

export interface ActorStore {
  /** Reads actors by reference; those that don't exist or that this build can't know are left out. */
  load(kind: ActorKind, refs: readonly ActorRef[]): Promise<LoadResult>;
  /** Counts the actors that `adopt` would take. */
  countOrphans(kind: ActorKind): Promise<number>;
  /** Takes up to `limit` actors from owners that are gone, by bumping their fencing tokens. Safe in parallel. */
  adopt(kind: ActorKind, limit: number): Promise<LoadResult>;
  /** The actors that are this node's; on a healthy node those in its memory. */
  listOwned(kind: ActorKind): Promise<readonly ActorRef[]>;
  /** Takes actors anew that are this node's already, as `adopt` takes another's. */
  reclaim(kind: ActorKind, refs: readonly ActorRef[]): Promise<LoadResult>;
  /** Gives up an actor that this node owns and has nothing to do for, unless it has moved on since that version. */
  release(kind: ActorKind, ref: ActorRef, version: number): Promise<void>;
  quarantine(kind: ActorKind, unreadable: UnreadableActor): Promise<void>;
  /** The stored bytes of an operation, for sending them again. Throws when there are none. */
  loadRequest(ref: ActorRef, operationNumber: number): Promise<string>;
}

const MAX_REASON_LENGTH = 1_000;

/** PostgreSQL array literal of values that need no quoting (numbers, UUIDs). */
const toArray = (values: readonly (string | number)[]): string => `{${values.join(",")}}`;
const merchantsOf = (refs: readonly ActorRef[]): string => toArray(refs.map((ref) => ref.merchantId));
const idsOf = (refs: readonly ActorRef[]): string => toArray(refs.map((ref) => ref.id));

/** Actors that this build restores: $1 is the list of machine versions it knows. */
export const LOADABLE = "o.quarantined_at IS NULL AND o.machine_version = ANY ($1::smallint[])";

/** Owned by a node that resigned or has not beaten for the ownership time; $2 is this node, $3 that time in ms. */
const ORPHANED = `o.owner IN (
  SELECT n.node_id FROM nodes n
  WHERE n.node_id <> $2::uuid AND (n.stopped_at IS NOT NULL OR n.heartbeat_at < now() - $3::float8 * interval '1 ms'))`;

export function createActorStore({ sql, node }: { readonly sql: Sql; readonly node: string }): ActorStore {
  function toResult(kind: ActorKind, rows: readonly Record<string, unknown>[]): LoadResult {
    const actors: StoredActor[] = [];
    const unreadable: UnreadableActor[] = [];
    for (const row of rows) {
      const result = kind.restore(row);
      if ("reason" in result) unreadable.push(result);
      else actors.push(result);
    }
    return { actors, unreadable };
  }

  return {
    async load(kind, refs) {
      const rows = await sql.unsafe<Record<string, unknown>[]>(
        `SELECT ${kind.columns}
         FROM unnest($2::int[], $3::uuid[]) AS wanted(merchant_id, id)
         JOIN ${kind.table} o ON o.merchant_id = wanted.merchant_id AND o.id = wanted.id
         ${kind.join}
         WHERE ${LOADABLE}`,
        [toArray(kind.machineVersions), merchantsOf(refs), idsOf(refs)],
        { prepare: true },
      );
      return toResult(kind, rows);
    },

    async countOrphans(kind) {
      const [row] = await sql.unsafe<{ count: string }[]>(
        `SELECT count(*) FROM ${kind.table} o WHERE ${ORPHANED} AND ${LOADABLE}`,
        [toArray(kind.machineVersions), node, OWNERSHIP_MS],
      );
      return Number(row?.count ?? 0);
    },

    async adopt(kind, limit) {
      const rows = await sql.unsafe<Record<string, unknown>[]>(
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
        [toArray(kind.machineVersions), node, OWNERSHIP_MS, limit],
        { prepare: true },
      );
      return toResult(kind, rows);
    },

    async listOwned(kind) {
      const rows = await sql.unsafe<{ merchantId: number; id: string }[]>(
        `SELECT o.merchant_id AS "merchantId", o.id FROM ${kind.table} o WHERE o.owner = $2::uuid AND ${LOADABLE}`,
        [toArray(kind.machineVersions), node],
      );
      return rows.map(({ merchantId, id }) => ({ kind: kind.name, merchantId, id }));
    },

    async reclaim(kind, refs) {
      const rows = await sql.unsafe<Record<string, unknown>[]>(
        `WITH reclaimed AS (
           UPDATE ${kind.table} o SET fencing_token = o.fencing_token + 1
           FROM unnest($3::int[], $4::uuid[]) AS lost(merchant_id, id)
           WHERE o.merchant_id = lost.merchant_id AND o.id = lost.id AND o.owner = $2::uuid AND ${LOADABLE}
           RETURNING o.*
         )
         SELECT ${kind.columns} FROM reclaimed o ${kind.join}`,
        [toArray(kind.machineVersions), node, merchantsOf(refs), idsOf(refs)],
      );
      return toResult(kind, rows);
    },

    async release(kind, ref, version) {
      await sql.unsafe(
        `UPDATE ${kind.table} SET owner = NULL
         WHERE merchant_id = $2::int AND id = $3::uuid AND owner = $1::uuid AND version = $4::int`,
        [node, ref.merchantId, ref.id, version],
      );
    },

    async quarantine(kind, { ref, reason }) {
      await sql.unsafe(
        `WITH set_aside AS (
           UPDATE ${kind.table} SET quarantined_at = now(), quarantine_reason = $3, owner = NULL, fencing_token = fencing_token + 1
           WHERE merchant_id = $1::int AND id = $2::uuid AND quarantined_at IS NULL
           RETURNING merchant_id, id
         )
         DELETE FROM timers t USING set_aside s WHERE t.merchant_id = s.merchant_id AND t.actor_id = s.id`,
        [ref.merchantId, ref.id, reason.slice(0, MAX_REASON_LENGTH)],
      );
    },

    async loadRequest(ref, operationNumber) {
      const [row] = await sql.unsafe<{ request: string }[]>(
        `SELECT request FROM attempts
         WHERE merchant_id = $1::int AND actor_id = $2::uuid AND operation = 'charge' AND operation_number = $3::smallint
           AND request IS NOT NULL
         ORDER BY attempt LIMIT 1`,
        [ref.merchantId, ref.id, operationNumber],
      );
      if (row === undefined) throw new Error(`no stored request for operation ${operationNumber} of order ${ref.id}`);
      return row.request;
    },
  };
}
