/** An order's history from six tables, in the order of time. */
import { toPublicId, toUuid } from "../../core/ids.ts";
import { formatAmount } from "../../core/money.ts";
import type { AttemptRow } from "../../db/queries/list-attempts.ts";
import type { NoticeRow } from "../../db/queries/list-notices.ts";
import type { OrderEventRow } from "../../db/queries/list-order-events.ts";
import type { OrderPostingRow } from "../../db/queries/list-order-postings.ts";
import type { TransitionRow } from "../../db/queries/list-transitions.ts";

export interface History {
  readonly currency: string;
  readonly transitions: readonly TransitionRow[];
  readonly attempts: readonly AttemptRow[];
  readonly notices: readonly NoticeRow[];
  readonly postings: readonly OrderPostingRow[];
  readonly events: readonly OrderEventRow[];
}

interface Entry {
  readonly at: string;
  readonly kind: string;
}

/** Of one instant: what caused a step, the step, what it wrote, what it set in motion. */
const RANK: Readonly<Record<string, number>> = {
  webhook: 0,
  operator: 1,
  transition: 2,
  posting: 3,
  attempt: 4,
  event: 5,
};

const OPERATOR_EVENTS: ReadonlySet<string> = new Set(["order.cancel", "order.retry", "order.resolve"]);

export function showTimeline(history: History): { readonly data: readonly Entry[] } {
  const entries: Entry[] = [
    ...history.notices.map(showNotice),
    ...history.transitions.flatMap((row) => showOperator(row, history.currency)),
    ...history.transitions.map(showTransition),
    ...history.postings.map(showPosting),
    ...history.attempts.map((row) => ({ at: row.at.toISOString(), kind: "attempt", ...showAttemptFields(row) })),
    ...history.events.map(showEvent),
  ];
  return { data: entries.toSorted((one, other) => compareText(one.at, other.at) || rankOf(one) - rankOf(other)) };
}

export function showAttempt(row: AttemptRow) {
  return { at: row.at.toISOString(), ...showAttemptFields(row) };
}

const rankOf = (entry: Entry): number => RANK[entry.kind] ?? 0;
const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function showAttemptFields(row: AttemptRow) {
  return {
    attempt: row.attempt,
    operation: row.operation,
    operation_number: row.operationNumber,
    psp: row.psp,
    idempotency_key: row.idempotencyKey,
    outcome: outcomeOf(row.fact),
    psp_reference: textOf(row.fact, "reference"),
    http_status: row.httpStatus,
    latency_ms: row.latencyMs,
    answered_at: row.answeredAt?.toISOString() ?? null,
  };
}

function showNotice(row: NoticeRow) {
  return {
    at: row.receivedAt.toISOString(),
    kind: "webhook",
    psp: row.psp,
    event_id: row.eventId,
    type: row.type,
    outcome: outcomeOf(row.fact),
    disposition: row.disposition,
  };
}

function showTransition(row: TransitionRow) {
  return {
    at: row.at.toISOString(),
    kind: "transition",
    seq: row.seq,
    from: row.fromState,
    to: row.toState,
    event: textOf(row.event, "type") ?? "unknown",
    node: row.nodeName,
  };
}

function showOperator(row: TransitionRow, currency: string) {
  const type = textOf(row.event, "type");
  if (type === null || !OPERATOR_EVENTS.has(type)) return [];
  const amount = textOf(row.event, "amount");
  return [
    {
      at: row.at.toISOString(),
      kind: "operator",
      command: type.slice("order.".length),
      outcome: textOf(row.event, "outcome"),
      amount: amount === null ? null : formatAmount(BigInt(amount), currency),
      reason: textOf(row.event, "reason"),
      psp_reference: textOf(row.event, "reference"),
    },
  ];
}

function showPosting(row: OrderPostingRow) {
  return {
    at: row.at.toISOString(),
    kind: "posting",
    rule: row.rule,
    debit_account: row.debitAccount,
    credit_account: row.creditAccount,
    amount: formatAmount(row.amount, row.currency),
    currency: row.currency,
    psp_reference: row.pspReference,
  };
}

function showEvent(row: OrderEventRow) {
  return {
    at: row.createdAt.toISOString(),
    kind: "event",
    id: toPublicId("evt", toUuid(row.id)),
    type: row.type,
    order_version: row.orderVersion,
  };
}

/** `psp.succeeded` → `succeeded`. */
function outcomeOf(fact: unknown): string | null {
  return textOf(fact, "type")?.replace(/^psp\./, "") ?? null;
}

function textOf(value: unknown, key: string): string | null {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
  const member: unknown = Reflect.get(value, key);
  return typeof member === "string" ? member : null;
}
