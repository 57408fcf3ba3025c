/** PSP notices and what hosted pages bring: durable mail outside the group commit. */
import type { Statements } from "../../../../src/db/access.ts";
import type { Synchronous } from "../../model-contract.ts";
import { decodeBase64, int4, json, text, textArgument, uuid, uuidArgument } from "../casts.ts";
import { required } from "../errors.ts";
import { compareNullable, compareText } from "../order.ts";
import { recordset } from "../recordset.ts";
import { joinKey, keyOf, type Notice, type Order } from "../rows.ts";
import { addToIndex, dropFromIndex, listRow, putRow, type Store } from "../store.ts";
import { NO_UNDO, Undo } from "../undo.ts";
import { insertCommands } from "./keys.ts";

type MailStatements = Pick<
  Synchronous<Statements>,
  "insertNotices" | "closeUnmatchedNotice" | "findOrderId" | "findPaymentEvent" | "keepFirstToken"
>;

const notices = recordset({
  psp: text,
  event_id: text,
  type: text,
  merchant_id: int4,
  actor_kind: text,
  actor_id: uuid,
  fact: json,
  body: text,
});
const starts = recordset({ command_id: uuid, actor_kind: text, actor_id: uuid, command: json });

/** The names of those that are new. */
function insertNotices(store: Store, section: string, undo: Undo): Set<string> {
  const table = "inbox";
  const rows = notices.read(section).map((row) => ({ ...row, bytes: decodeBase64(row.body) }));
  rows.sort(
    (a, b) => compareNullable(a.psp, b.psp, compareText) || compareNullable(a.event_id, b.event_id, compareText),
  );
  const receivedAtMs = store.nowMs();
  const inserted = new Set<string>();
  for (const row of rows) {
    const isUnmatched = row.actor_id === null;
    const notice: Notice = {
      psp: required(row.psp, table, "psp"),
      eventId: required(row.event_id, table, "event_id"),
      type: required(row.type, table, "type"),
      merchantId: row.merchant_id,
      actorKind: row.actor_kind,
      actorId: row.actor_id,
      fact: row.fact,
      body: Buffer.from(required(row.bytes, table, "body"), "base64"),
      receivedAtMs,
      handledAtMs: isUnmatched ? receivedAtMs : null,
      disposition: isUnmatched ? "unmatched" : null,
    };
    const name = `${notice.psp}/${notice.eventId}`;
    if (store.inbox.has(name)) continue;
    putRow(store.inbox, name, notice, undo);
    listRow(store.noticesOfActor, keyOf(notice.merchantId, notice.actorId), notice, undo);
    if (!isUnmatched) addToIndex(store.unhandledNotices, notice, undo);
    inserted.add(name);
  }
  return inserted;
}

/** The node of the first transition that any of these orders has, asked in their order. */
function findCreator(store: Store, orders: readonly Order[]): string | null {
  const sorted = [...orders].sort((a, b) => a.ordinal - b.ordinal || compareText(a.id, b.id));
  for (const { key } of sorted) {
    const first = store.transitions.get(key)?.find(({ seq }) => seq === 1);
    if (first !== undefined) return first.node;
  }
  return null;
}

export function createMailStatements(store: Store): MailStatements {
  return {
    insertNotices(given) {
      const rows = given.map(({ psp, eventId, type, actor, fact, body }) => ({
        psp,
        event_id: eventId,
        type,
        merchant_id: actor?.merchantId ?? null,
        actor_kind: actor?.kind ?? null,
        actor_id: actor?.id ?? null,
        fact,
        body: Buffer.from(body).toString("base64"),
      }));
      const undo = new Undo();
      try {
        const inserted = insertNotices(store, JSON.stringify(rows), undo);
        return given.map(({ psp, eventId }) => inserted.delete(`${psp}/${eventId}`));
      } catch (error) {
        undo.rollBack();
        throw error;
      }
    },
    closeUnmatchedNotice(psp, eventId) {
      const notice = store.inbox.get(`${textArgument(psp)}/${textArgument(eventId)}`);
      if (notice === undefined || notice.handledAtMs !== null) return;
      if (store.orders.has(keyOf(notice.merchantId, notice.actorId))) return;
      notice.handledAtMs = store.nowMs();
      notice.disposition = "unmatched";
      dropFromIndex(store.unhandledNotices, notice, NO_UNDO);
    },
    findOrderId: (merchantId, paymentOrderId) =>
      store.orderNames.get(joinKey(merchantId, textArgument(paymentOrderId)))?.id ?? null,
    findPaymentEvent(merchantId, checkoutId) {
      const event = store.checkouts.get(joinKey(merchantId, textArgument(checkoutId)));
      if (event === undefined) return null;
      const orders = store.ordersOfEvent.get(keyOf(merchantId, event.id));
      const creator = findCreator(store, orders ?? []);
      const node = creator === null ? undefined : store.nodes.get(creator);
      return {
        id: event.id,
        contentHash: event.contentHash,
        buyerInfo: event.buyerInfo,
        metadata: event.metadata,
        createdAt: new Date(event.createdAtMs),
        ageMs: store.nowMs() - event.createdAtMs,
        creator,
        creatorSilentMs: node === undefined || node.stoppedAtMs !== null ? null : store.nowMs() - node.heartbeatAtMs,
        // As PostgreSQL has it: the aggregate of no rows is NULL.
        orderIds: orders?.map(({ id }) => id) ?? (null as unknown as readonly string[]),
      };
    },
    keepFirstToken({ merchantId, eventId, token }, hosted) {
      const kept = textArgument(token);
      const event = store.paymentEvents.get(keyOf(merchantId, uuidArgument(eventId)));
      if (event === undefined || event.paymentMethodToken !== null) return false;
      const rows = hosted.map(({ commandId, actorKind, actorId, event: command }) => ({
        command_id: commandId,
        actor_kind: actorKind,
        actor_id: actorId,
        command,
      }));
      const createdAtMs = store.nowMs();
      const commands = starts.read(JSON.stringify(rows)).map((row) => ({
        commandId: required(row.command_id, "commands", "command_id"),
        merchantId,
        actorKind: required(row.actor_kind, "commands", "actor_kind"),
        actorId: required(row.actor_id, "commands", "actor_id"),
        command: required(row.command, "commands", "command"),
        createdAtMs,
        handledAtMs: null,
        result: null,
      }));
      insertCommands(store, commands);
      event.paymentMethodToken = kept;
      return commands.length > 0;
    },
  };
}
