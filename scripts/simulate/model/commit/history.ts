/** What a step leaves behind for ever: transitions, attempts, observations and the outbox. */
import { bool, decodeBase64, int2, int4, json, text, timestamptz, uuid } from "../casts.ts";
import { required, uniqueViolation } from "../errors.ts";
import { compareNullable, compareNumbers, compareText } from "../order.ts";
import { recordset } from "../recordset.ts";
import { type Attempt, joinKey, keyOf, type Observation, type OutboxEvent, type Transition } from "../rows.ts";
import { addToIndex, listInOrder, listRow, type Store } from "../store.ts";
import type { UndoLog } from "../undo.ts";
import { isAccepted, type Refused } from "./judge.ts";

const bySeq = (one: { readonly seq: number }, other: { readonly seq: number }): number => one.seq - other.seq;
const byAttempt = (one: { readonly attempt: number }, other: { readonly attempt: number }): number =>
  one.attempt - other.attempt;

const transitions = recordset({
  item: int4,
  merchant_id: int4,
  actor_id: uuid,
  seq: int4,
  actor_kind: text,
  step_id: uuid,
  from_state: text,
  to_state: text,
  event: json,
  at: timestamptz,
  node: uuid,
  trace: text,
});

export function insertTransitions(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const table = "transitions";
  for (const row of transitions.read(section)) {
    if (!isAccepted(refused, row.item)) continue;
    const transition: Transition = {
      merchantId: required(row.merchant_id, table, "merchant_id"),
      actorId: required(row.actor_id, table, "actor_id"),
      seq: required(row.seq, table, "seq"),
      actorKind: required(row.actor_kind, table, "actor_kind"),
      stepId: required(row.step_id, table, "step_id"),
      fromState: required(row.from_state, table, "from_state"),
      toState: required(row.to_state, table, "to_state"),
      event: required(row.event, table, "event"),
      atMs: required(row.at, table, "at"),
      node: required(row.node, table, "node"),
      trace: row.trace,
    };
    const key = keyOf(transition.merchantId, transition.actorId);
    if (store.transitions.get(key)?.some(({ seq }) => seq === transition.seq)) {
      throw uniqueViolation(table, "transitions_merchant_id_actor_id_seq_pk");
    }
    undo.touch(key);
    listInOrder(store.transitions, key, { row: transition, compare: bySeq }, undo);
  }
}

const attempts = recordset({
  item: int4,
  merchant_id: int4,
  actor_id: uuid,
  attempt: int4,
  operation: text,
  operation_number: int2,
  psp: text,
  idempotency_key: text,
  request: text,
  at: timestamptz,
  node: uuid,
});

export function insertAttempts(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const table = "attempts";
  for (const row of attempts.read(section)) {
    if (!isAccepted(refused, row.item)) continue;
    const key = keyOf(required(row.merchant_id, table, "merchant_id"), required(row.actor_id, table, "actor_id"));
    const attempt: Attempt = {
      attempt: required(row.attempt, table, "attempt"),
      operation: required(row.operation, table, "operation"),
      operationNumber: required(row.operation_number, table, "operation_number"),
      psp: required(row.psp, table, "psp"),
      idempotencyKey: required(row.idempotency_key, table, "idempotency_key"),
      request: row.request,
      atMs: required(row.at, table, "at"),
      node: required(row.node, table, "node"),
    };
    if (store.attempts.get(key)?.some((other) => other.attempt === attempt.attempt)) {
      throw uniqueViolation(table, "attempts_merchant_id_actor_id_attempt_pk");
    }
    undo.touch(key);
    listInOrder(store.attempts, key, { row: attempt, compare: byAttempt }, undo);
  }
}

const observations = recordset({
  item: int4,
  merchant_id: int4,
  actor_id: uuid,
  attempt: int4,
  source: text,
  actor_kind: text,
  fact: json,
  http_status: int2,
  body: text,
  latency_ms: int4,
  at: timestamptz,
  node: uuid,
  is_handled: bool,
});

/** Those of refused items too: what was learnt from a PSP is money. One that is known already is let be. */
export function insertObservations(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const table = "observations";
  const rows = observations.read(section).map((row) => ({ ...row, bytes: decodeBase64(row.body) }));
  rows.sort(
    (a, b) =>
      compareNullable(a.merchant_id, b.merchant_id, compareNumbers) ||
      compareNullable(a.actor_id, b.actor_id, compareText) ||
      compareNullable(a.attempt, b.attempt, compareNumbers),
  );
  for (const row of rows) {
    const isHandled = row.is_handled === true && isAccepted(refused, row.item);
    const observation: Observation = {
      merchantId: required(row.merchant_id, table, "merchant_id"),
      actorId: required(row.actor_id, table, "actor_id"),
      attempt: required(row.attempt, table, "attempt"),
      source: required(row.source, table, "source"),
      actorKind: required(row.actor_kind, table, "actor_kind"),
      fact: required(row.fact, table, "fact"),
      httpStatus: row.http_status,
      bodyBase64: required(row.bytes, table, "body"),
      latencyMs: required(row.latency_ms, table, "latency_ms"),
      atMs: required(row.at, table, "at"),
      node: required(row.node, table, "node"),
      handledAtMs: isHandled ? row.at : null,
    };
    const key = keyOf(observation.merchantId, observation.actorId);
    if (findObservation(store, key, observation) !== undefined) continue;
    undo.touch(key);
    listInOrder(store.observations, key, { row: observation, compare: byAttempt }, undo);
    if (observation.handledAtMs === null) addToIndex(store.unhandledObservations, observation, undo);
  }
}

export function findObservation(
  store: Store,
  key: string,
  { attempt, source }: { readonly attempt: number | null; readonly source: string | null },
): Observation | undefined {
  return store.observations.get(key)?.find((other) => other.attempt === attempt && other.source === source);
}

const events = recordset({
  item: int4,
  merchant_id: int4,
  id: uuid,
  type: text,
  subject_id: uuid,
  order_version: int4,
  data: json,
  created_at: timestamptz,
});

export function insertEvents(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const table = "events";
  for (const row of events.read(section)) {
    if (!isAccepted(refused, row.item)) continue;
    const event: OutboxEvent = {
      merchantId: required(row.merchant_id, table, "merchant_id"),
      id: required(row.id, table, "id"),
      type: required(row.type, table, "type"),
      subjectId: required(row.subject_id, table, "subject_id"),
      orderVersion: row.order_version,
      data: row.data,
      createdAtMs: required(row.created_at, table, "created_at"),
    };
    insertEvent(store, event, undo);
  }
}

export function insertEvent(store: Store, event: OutboxEvent, undo: UndoLog): void {
  const key = joinKey(event.merchantId, event.id);
  if (store.eventIds.has(key)) throw uniqueViolation("events", "events_merchant_id_id_pk");
  store.eventIds.add(key);
  store.events.push(event);
  undo.push(() => {
    store.eventIds.delete(key);
    store.events.pop();
  });
  listRow(store.eventsOfSubject, keyOf(event.merchantId, event.subjectId), event, undo);
}
