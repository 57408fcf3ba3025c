/** The history of one actor as the HTTP front reads it. */
import { MAX_HISTORY } from "../../../../src/db/queries/actor-key.ts";
import type { AttemptRow } from "../../../../src/db/queries/list-attempts.ts";
import { firstIdAt } from "../../../../src/db/queries/uuid-range.ts";
import type { Reads } from "../../../../src/db/reads.ts";
import type { Synchronous } from "../../model-contract.ts";
import { uuidArgument } from "../casts.ts";
import { compareText } from "../order.ts";
import { keyOf, type OutboxEvent } from "../rows.ts";
import type { Store } from "../store.ts";

type HistoryReads = Pick<
  Synchronous<Reads>,
  "listTransitions" | "listAttempts" | "listNotices" | "listOrderEvents" | "listOrderPostings"
>;

/** As `list-order-events.ts` has it. */
const SLACK_MS = 500;

/** Whether the id was made about when one of these steps was taken. */
function isNear({ id }: OutboxEvent, movedAt: readonly Date[]): boolean {
  return movedAt.some((at) => {
    const ms = at.getTime();
    return id >= firstIdAt(ms - SLACK_MS) && id < firstIdAt(ms + SLACK_MS);
  });
}

export function createHistoryReads(store: Store): HistoryReads {
  return {
    listTransitions({ merchantId, actorId }) {
      const rows = store.transitions.get(keyOf(merchantId, uuidArgument(actorId))) ?? [];
      return rows.slice(0, MAX_HISTORY).map(({ seq, stepId, fromState, toState, event, atMs, node }) => ({
        seq,
        stepId,
        fromState,
        toState,
        event,
        at: new Date(atMs),
        nodeName: store.nodes.get(node)?.name ?? null,
      }));
    },
    listAttempts({ merchantId, actorId }) {
      const key = keyOf(merchantId, uuidArgument(actorId));
      const observations = store.observations.get(key) ?? [];
      const rows = (store.attempts.get(key) ?? []).flatMap((attempt): AttemptRow[] => {
        const { operation, operationNumber, psp, idempotencyKey, atMs } = attempt;
        const call = { attempt: attempt.attempt, operation, operationNumber, psp, idempotencyKey, at: new Date(atMs) };
        const learnt = observations
          .filter((observation) => observation.attempt === attempt.attempt)
          .sort((a, b) => a.atMs - b.atMs || compareText(a.source, b.source));
        if (learnt.length === 0) return [{ ...call, fact: null, httpStatus: null, latencyMs: null, answeredAt: null }];
        return learnt.map(({ fact, httpStatus, latencyMs, atMs: answeredAtMs }) => ({
          ...call,
          fact,
          httpStatus,
          latencyMs,
          answeredAt: new Date(answeredAtMs),
        }));
      });
      return rows.slice(0, MAX_HISTORY);
    },
    listNotices({ merchantId, actorId }) {
      const rows = [...(store.noticesOfActor.get(keyOf(merchantId, uuidArgument(actorId))) ?? [])];
      rows.sort(
        (a, b) => a.receivedAtMs - b.receivedAtMs || compareText(a.psp, b.psp) || compareText(a.eventId, b.eventId),
      );
      return rows.slice(0, MAX_HISTORY).map(({ psp, eventId, type, fact, receivedAtMs, disposition }) => ({
        psp,
        eventId,
        type,
        fact,
        receivedAt: new Date(receivedAtMs),
        disposition,
      }));
    },
    listOrderEvents({ merchantId, subjectIds, movedAt }) {
      if (movedAt.length === 0) return [];
      const subjects = new Set(subjectIds.map(uuidArgument));
      return [...subjects]
        .flatMap((subject) => store.eventsOfSubject.get(keyOf(merchantId, subject)) ?? [])
        .filter((event) => isNear(event, movedAt))
        .sort((a, b) => compareText(a.id, b.id))
        .slice(0, MAX_HISTORY)
        .map(({ id, type, orderVersion, createdAtMs }) => ({
          id,
          type,
          orderVersion,
          createdAt: new Date(createdAtMs),
        }));
    },
    listOrderPostings({ merchantId, actorId }) {
      const key = keyOf(merchantId, uuidArgument(actorId));
      const entries = store.entries.get(key) ?? [];
      return (store.postings.get(key) ?? []).slice(0, MAX_HISTORY).map((posting) => {
        const entry = entries.find(({ seq }) => seq === posting.seq);
        const { seq, debitAccount, creditAccount, amount, currency, atMs } = posting;
        return {
          seq,
          rule: entry?.rule ?? "",
          pspReference: entry?.pspReference ?? null,
          debitAccount,
          creditAccount,
          amount,
          currency,
          at: new Date(atMs),
        };
      });
    },
  };
}
