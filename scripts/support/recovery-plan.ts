/**
 * What a recovery would do, found without writing anything: the orders that nobody works on although somebody
 * should, and what each one's machine would decide. A dry run is the decision without commit and act.
 */
import type { Sql } from "../../src/db/client.ts";
import { LOADABLE } from "../../src/db/statements/actors.ts";
import { findInboxMail, findObservationMail } from "../../src/db/statements/due.ts";
import type { ActorEvent, ActorKind, ActorRef, ActorState } from "../../src/engine/actor.ts";
import { refName } from "../../src/engine/actor.ts";
import type { ActorStore } from "../../src/engine/actor-store.ts";
import { readCommand, readFact } from "../../src/engine/facts.ts";
import type { JudgedNodes } from "./judge-nodes.ts";

export interface FoundOrder {
  readonly ref: ActorRef;
  /** Why it needs somebody: `node gone`, `poll due`, `webhook waits`, … */
  readonly reason: string;
  /** What the sweeper would tell it; null when this build can't read the stored mail. */
  readonly event: ActorEvent | null;
}

export interface RecoveryPlan {
  readonly orders: readonly FoundOrder[];
  /** Set aside earlier, because they could not be restored: recovery leaves them to an operator. */
  readonly quarantined: number;
  /** Of a machine version that this build does not know: left to the nodes that do. */
  readonly foreign: number;
}

export interface PlanRow {
  readonly found: string;
  readonly reason: string;
  readonly becomes: string;
  readonly orders: number;
  readonly charges: number;
  readonly inquiries: number;
}

/** A live node fires timers each 250 ms and hands mail out each second: only what is later than this is neglected. */
const LIVE_GRACE_MS = 5_000;
const MAX_ROWS = 1_000_000;
const LOAD_CHUNK = 1_000;

const arrayOf = (values: readonly (string | number)[]): string => `{${values.join(",")}}`;

export async function readPlan(sql: Sql, kinds: Iterable<ActorKind>, nodes: JudgedNodes): Promise<RecoveryPlan> {
  const found = new Map<string, FoundOrder>();
  const graceMs = nodes.alive.length > 0 ? LIVE_GRACE_MS : 0;
  const stamp = { at: Date.now(), jitter: 0.5 };
  let quarantined = 0;
  let foreign = 0;
  const add = (order: FoundOrder): void => {
    const name = refName(order.ref);
    if (!found.has(name)) found.set(name, order);
  };
  for (const kind of kinds) {
    const refOf = (row: { merchantId: number; actorId: string }): ActorRef => ({
      kind: kind.name,
      merchantId: row.merchantId,
      id: row.actorId,
    });
    const [orphans, timers, inbox, observations, commands, left] = await Promise.all([
      findOrphans(sql, kind, nodes.gone),
      findLateTimers(sql, kind, graceMs),
      findInboxMail(sql, kind, graceMs, MAX_ROWS),
      findObservationMail(sql, kind, graceMs, MAX_ROWS),
      findLateCommands(sql, kind, graceMs),
      countLeftOut(sql, kind, nodes.gone),
    ]);
    for (const row of orphans)
      add({ ref: refOf(row), reason: "node gone", event: { type: "order.adopted", ...stamp } });
    for (const row of timers) {
      const { name } = row;
      const isKnown = name === "retry" || name === "poll" || name === "inquiry" || name === "expiry";
      add({ ref: refOf(row), reason: `${name} due`, event: isKnown ? { type: "timer.fired", name, ...stamp } : null });
    }
    for (const row of inbox) add({ ref: refOf(row), reason: "webhook waits", event: readFact(row.payload) });
    for (const row of observations) add({ ref: refOf(row), reason: "PSP answer waits", event: readFact(row.payload) });
    for (const row of commands) add({ ref: refOf(row), reason: "command waits", event: readCommand(row.payload) });
    quarantined += left.quarantined;
    foreign += left.foreign;
  }
  return { orders: [...found.values()], quarantined, foreign };
}

type FoundRow = { readonly merchantId: number; readonly actorId: string };

function findOrphans(sql: Sql, kind: ActorKind, gone: readonly string[]) {
  return sql.unsafe<FoundRow[]>(
    `SELECT o.merchant_id AS "merchantId", o.id AS "actorId" FROM ${kind.table} o
     WHERE o.owner = ANY ($2::uuid[]) AND ${LOADABLE}`,
    [arrayOf(kind.machineVersions), arrayOf(gone)],
  );
}

function findLateTimers(sql: Sql, kind: ActorKind, graceMs: number) {
  return sql.unsafe<(FoundRow & { readonly name: string })[]>(
    `SELECT t.merchant_id AS "merchantId", t.actor_id AS "actorId", t.name
     FROM timers t JOIN ${kind.table} o ON o.merchant_id = t.merchant_id AND o.id = t.actor_id
     WHERE t.actor_kind = $2 AND t.due_at <= now() - $3::float8 * interval '1 ms' AND ${LOADABLE}`,
    [arrayOf(kind.machineVersions), kind.name, graceMs],
  );
}

function findLateCommands(sql: Sql, kind: ActorKind, graceMs: number) {
  return sql.unsafe<(FoundRow & { readonly payload: unknown })[]>(
    `SELECT c.merchant_id AS "merchantId", c.actor_id AS "actorId", c.command AS payload
     FROM commands c JOIN ${kind.table} o ON o.merchant_id = c.merchant_id AND o.id = c.actor_id
     WHERE c.handled_at IS NULL AND c.actor_kind = $2 AND c.created_at <= now() - $3::float8 * interval '1 ms' AND ${LOADABLE}`,
    [arrayOf(kind.machineVersions), kind.name, graceMs],
  );
}

async function countLeftOut(sql: Sql, kind: ActorKind, gone: readonly string[]) {
  const [row] = await sql.unsafe<{ quarantined: number; foreign: number }[]>(
    `SELECT count(*) FILTER (WHERE o.quarantined_at IS NOT NULL)::int AS quarantined,
       count(*) FILTER (WHERE o.quarantined_at IS NULL AND o.owner = ANY ($2::uuid[])
         AND NOT (o.machine_version = ANY ($1::smallint[])))::int AS "foreign"
     FROM ${kind.table} o`,
    [arrayOf(kind.machineVersions), arrayOf(gone)],
  );
  return row ?? { quarantined: 0, foreign: 0 };
}

/** Reads the states of orders, a chunk at a time. Those that can't be restored are left out. */
export async function loadStates(
  store: Pick<ActorStore, "load">,
  kinds: ReadonlyMap<string, ActorKind>,
  refs: readonly ActorRef[],
): Promise<Map<string, ActorState>> {
  const states = new Map<string, ActorState>();
  for (const kind of kinds.values()) {
    const own = refs.filter((ref) => ref.kind === kind.name);
    for (let start = 0; start < own.length; start += LOAD_CHUNK) {
      const { actors } = await store.load(kind, own.slice(start, start + LOAD_CHUNK));
      for (const { state } of actors) states.set(refName(state.ref), state);
    }
  }
  return states;
}

/** What each found order's machine would do, summed up. Pure: nothing is written and nobody is called. */
export function foresee(orders: readonly FoundOrder[], states: ReadonlyMap<string, ActorState>): readonly PlanRow[] {
  const rows = new Map<string, PlanRow>();
  for (const { ref, reason, event } of orders) {
    const state = states.get(refName(ref));
    const found = state?.name ?? "unreadable";
    const decision = state === undefined || event === null ? null : state.decide(event);
    const becomes = state === undefined ? "set aside" : (decision?.next.name ?? "left: unreadable mail");
    const key = JSON.stringify([found, reason, becomes]);
    const row = rows.get(key) ?? { found, reason, becomes, orders: 0, charges: 0, inquiries: 0 };
    const calls = decision?.calls ?? [];
    rows.set(key, {
      ...row,
      orders: row.orders + 1,
      charges: row.charges + calls.filter((call) => call.kind === "charge").length,
      inquiries: row.inquiries + calls.filter((call) => call.kind === "inquiry").length,
    });
  }
  return [...rows.values()].sort((a, b) => a.found.localeCompare(b.found) || a.reason.localeCompare(b.reason));
}
