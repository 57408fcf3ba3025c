/** What waits for somebody to work on it: due timers and durable mail, oldest first. */
import type { Statements } from "../../../../src/db/access.ts";
import type { Synchronous } from "../../model-contract.ts";
import { keyOf } from "../rows.ts";
import type { Store } from "../store.ts";
import { isLoadable, limitOf } from "./actors.ts";

type DueStatements = Pick<
  Synchronous<Statements>,
  "findDueTimers" | "findInboxMail" | "findObservationMail" | "findCommandMail"
>;

/** `fact ->> 'type' LIKE 'psp.%'`. */
function isFact(fact: unknown): boolean {
  if (typeof fact !== "object" || fact === null || Array.isArray(fact)) return false;
  const { type } = fact as { readonly type?: unknown };
  return typeof type === "string" && type.startsWith("psp.");
}

/** `received_at < limit`: times are whole milliseconds, and the limit may lie between two of them. */
const before = (limitMs: number): number => Math.ceil(limitMs) - 1;

export function createDueStatements(store: Store): DueStatements {
  return {
    findDueTimers(kind, limit) {
      const due = store.timersDue.first(
        limitOf(limit),
        store.nowMs(),
        (timer) =>
          timer.actorKind === kind.name && isLoadable(kind, store.orders.get(keyOf(timer.merchantId, timer.actorId))),
      );
      return due.map(({ merchantId, actorId, name, seq, dueAtMs }) => ({ merchantId, actorId, name, seq, dueAtMs }));
    },
    findInboxMail(kind, ageMs, limit) {
      const mail = store.unhandledNotices.first(
        limitOf(limit),
        before(store.nowMs() - ageMs),
        ({ actorKind, merchantId, actorId, fact }) =>
          actorKind === kind.name && isFact(fact) && isLoadable(kind, store.orders.get(keyOf(merchantId, actorId))),
      );
      return mail.map(({ psp, eventId, merchantId, actorId, actorKind, fact }) => ({
        psp,
        eventId,
        merchantId: merchantId ?? 0,
        actorId: actorId ?? "",
        actorKind: actorKind ?? "",
        payload: fact,
      }));
    },
    findObservationMail(kind, ageMs, limit) {
      const mail = store.unhandledObservations.first(
        limitOf(limit),
        before(store.nowMs() - ageMs),
        ({ actorKind, merchantId, actorId, fact }) =>
          actorKind === kind.name && isFact(fact) && isLoadable(kind, store.orders.get(keyOf(merchantId, actorId))),
      );
      return mail.map(({ merchantId, actorId, actorKind, attempt, source, fact }) => ({
        merchantId,
        actorId,
        actorKind,
        attempt,
        source,
        payload: fact,
      }));
    },
    findCommandMail(kind, limit) {
      const mail = store.unhandledCommands.first(
        limitOf(limit),
        Number.POSITIVE_INFINITY,
        ({ actorKind, merchantId, actorId }) =>
          actorKind === kind.name && isLoadable(kind, store.orders.get(keyOf(merchantId, actorId))),
      );
      return mail.map(({ commandId, merchantId, actorId, actorKind, command }) => ({
        commandId,
        merchantId,
        actorId,
        actorKind,
        payload: command,
      }));
    },
  };
}
