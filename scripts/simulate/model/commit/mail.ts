/** Durable mail that a step takes, and the one deadline that its actor has. */
import { int4, json, text, timestamptz, uuid } from "../casts.ts";
import { postgresError, required } from "../errors.ts";
import { parseRecords, recordset } from "../recordset.ts";
import { keyOf, type Timer } from "../rows.ts";
import { addToIndex, changeRow, deleteTimer, dropFromIndex, putRow, type Store } from "../store.ts";
import { sortByMerchant } from "../order.ts";
import type { UndoLog } from "../undo.ts";
import { findObservation } from "./history.ts";
import { isAccepted, type Refused } from "./judge.ts";

const inboxMail = recordset({ item: int4, kind: text, psp: text, event_id: text, disposition: text });
const observationMail = recordset({
  item: int4,
  kind: text,
  merchant_id: int4,
  actor_id: uuid,
  attempt: int4,
  source: text,
});
const commandMail = recordset({ item: int4, kind: text, command_id: uuid, result: json });

/** Marks what is not marked yet; of two rows that name one mail the first counts. */
export function takeMail(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const handledAtMs = store.nowMs();
  const records = parseRecords(section);
  for (const { item, kind, psp, event_id, disposition } of inboxMail.cast(records)) {
    const notice = kind === "inbox" ? store.inbox.get(`${psp}/${event_id}`) : undefined;
    if (notice === undefined || notice.handledAtMs !== null || !isAccepted(refused, item)) continue;
    if (notice.actorId !== null) undo.touch(keyOf(notice.merchantId, notice.actorId));
    changeRow(notice, { handledAtMs, disposition }, undo);
    dropFromIndex(store.unhandledNotices, notice, undo);
  }
  for (const { item, kind, merchant_id, actor_id, attempt, source } of observationMail.cast(records)) {
    if (kind !== "observation") continue;
    const observation = findObservation(store, keyOf(merchant_id, actor_id), { attempt, source });
    if (observation === undefined || observation.handledAtMs !== null || !isAccepted(refused, item)) continue;
    undo.touch(keyOf(merchant_id, actor_id));
    changeRow(observation, { handledAtMs }, undo);
    dropFromIndex(store.unhandledObservations, observation, undo);
  }
  for (const { item, kind, command_id, result } of commandMail.cast(records)) {
    const command = kind === "command" && command_id !== null ? store.commands.get(command_id) : undefined;
    if (command === undefined || command.handledAtMs !== null || !isAccepted(refused, item)) continue;
    undo.touch(keyOf(command.merchantId, command.actorId));
    changeRow(command, { handledAtMs, result }, undo);
    dropFromIndex(store.unhandledCommands, command, undo);
  }
}

const cleared = recordset({ item: int4, merchant_id: int4, actor_id: uuid, name: text });
const set = recordset({
  item: int4,
  merchant_id: int4,
  actor_id: uuid,
  actor_kind: text,
  seq: int4,
  name: text,
  due_at: timestamptz,
});

export function writeTimers(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const table = "timers";
  const records = parseRecords(section);
  for (const { item, merchant_id, actor_id, name } of cleared.cast(records)) {
    if (name !== null || !isAccepted(refused, item)) continue;
    const key = keyOf(merchant_id, actor_id);
    undo.touch(key);
    deleteTimer(store, key, undo);
  }
  const rows = set.cast(records).filter(({ item, name }) => name !== null && isAccepted(refused, item));
  const written = new Set<string>();
  for (const row of sortByMerchant(rows, ({ actor_id }) => actor_id)) {
    const timer: Timer = {
      merchantId: required(row.merchant_id, table, "merchant_id"),
      actorId: required(row.actor_id, table, "actor_id"),
      actorKind: required(row.actor_kind, table, "actor_kind"),
      seq: required(row.seq, table, "seq"),
      name: required(row.name, table, "name"),
      dueAtMs: required(row.due_at, table, "due_at"),
    };
    const key = keyOf(timer.merchantId, timer.actorId);
    if (written.has(key)) throw postgresError("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time");
    written.add(key);
    undo.touch(key);
    deleteTimer(store, key, undo);
    putRow(store.timers, key, timer, undo);
    addToIndex(store.timersDue, timer, undo);
  }
}
