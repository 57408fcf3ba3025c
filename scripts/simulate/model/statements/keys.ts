/** Idempotency keys and commands outside the group commit. */
import type { Statements } from "../../../../src/db/access.ts";
import type { Synchronous } from "../../model-contract.ts";
import { decodeHex, int2, int4, text, textArgument, uuidArgument } from "../casts.ts";
import { uniqueViolation } from "../errors.ts";
import { recordset } from "../recordset.ts";
import type { Command } from "../rows.ts";
import { addToIndex, putRow, type Store } from "../store.ts";
import { NO_UNDO } from "../undo.ts";

type KeyStatements = Pick<
  Synchronous<Statements>,
  "findKey" | "storeAnswers" | "insertAnsweredKey" | "freeKey" | "insertCommand" | "findCommandResult"
>;

const answers = recordset({ n: int4, merchant_id: int4, key: text, status: int2, body: text });

/** Stores commands, or throws before the first when one of their ids is taken. */
export function insertCommands(store: Store, commands: readonly Command[]): void {
  const ids = new Set<string>();
  for (const { commandId } of commands) {
    if (ids.has(commandId) || store.commands.has(commandId)) throw uniqueViolation("commands", "commands_pkey");
    ids.add(commandId);
  }
  for (const command of commands) {
    putRow(store.commands, command.commandId, command, NO_UNDO);
    addToIndex(store.unhandledCommands, command, NO_UNDO);
  }
}

export function createKeyStatements(store: Store): KeyStatements {
  return {
    findKey({ merchantId, key }) {
      const row = store.keys.get(`${merchantId}/${textArgument(key)}`);
      if (row === undefined) return null;
      const { requestHash, subject, status, answer } = row;
      return { requestHash, subject, answer: answer === null || status === null ? null : { status, body: answer } };
    },
    storeAnswers(given) {
      const rows = given.map(({ merchantId, key, status, body }, n) => ({
        n,
        merchant_id: merchantId,
        key,
        status,
        body,
      }));
      rows.sort((a, b) => a.merchant_id - b.merchant_id || (a.key < b.key ? -1 : 1));
      const written = new Set<number | null>();
      for (const { n, merchant_id, key, status, body } of answers.read(JSON.stringify(rows))) {
        const row = store.keys.get(`${merchant_id}/${key}`);
        if (row === undefined || row.answer !== null) continue;
        row.status = status;
        row.answer = body;
        written.add(n);
      }
      return given.map((_, n) => written.has(n));
    },
    insertAnsweredKey({ merchantId, key, requestHash, subject, status, body }) {
      const given = {
        merchantId,
        key: textArgument(key),
        requestHash: textArgument(requestHash),
        subject: textArgument(subject),
        status: int2(status),
        answer: textArgument(body),
        createdAtMs: store.nowMs(),
      };
      const row = { ...given, requestHash: decodeHex(given.requestHash) ?? "" };
      const name = `${merchantId}/${row.key}`;
      if (!store.keys.has(name)) store.keys.set(name, row);
    },
    freeKey({ merchantId, key }, subject) {
      const name = `${merchantId}/${textArgument(key)}`;
      const meant = textArgument(subject);
      const row = store.keys.get(name);
      if (row?.answer === null && row.subject === meant) store.keys.delete(name);
    },
    insertCommand({ commandId, actorKind, merchantId, actorId, event }, { key, requestHash, subject }) {
      const createdAtMs = store.nowMs();
      const given = {
        merchantId,
        key: textArgument(key),
        requestHash: textArgument(requestHash),
        subject: textArgument(subject),
        status: null,
        answer: null,
        createdAtMs,
      };
      const command = {
        commandId: uuidArgument(commandId),
        merchantId,
        actorKind: textArgument(actorKind),
        actorId: uuidArgument(actorId),
        command: JSON.parse(JSON.stringify(event)),
        createdAtMs,
        handledAtMs: null,
        result: null,
      };
      const row = { ...given, requestHash: decodeHex(given.requestHash) ?? "" };
      const name = `${merchantId}/${row.key}`;
      if (store.keys.has(name)) return false;
      insertCommands(store, [command]);
      store.keys.set(name, row);
      return true;
    },
    findCommandResult(commandId) {
      const command = store.commands.get(uuidArgument(commandId));
      if (command === undefined || command.handledAtMs === null) return null;
      const result = command.result as { readonly kind?: string } | null;
      return { kind: result?.kind ?? null };
    },
  };
}
