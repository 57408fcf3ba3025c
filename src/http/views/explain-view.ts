/** What an order is doing, in words for a person who does not know the chart. */
import type { ParkReason, PaymentOrderContext } from "../../../machines/payment-order-types.ts";
import { formatAmount } from "../../core/money.ts";
import type { Stamp } from "../../../machines/payment-order-types.ts";
import type { AttemptRow } from "../../db/queries/list-attempts.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";
import { showAttempt } from "./history-view.ts";
import { readOrderState } from "./order-view.ts";

const PARKED_BECAUSE: Readonly<Record<ParkReason, string>> = {
  retries_spent: "every allowed attempt to send it was used up",
  inquiries_spent: "the PSP never said what became of it",
  pending_too_long: "the PSP has been saying “pending” for too long",
  amount_mismatch: "the PSP took another amount than was asked for",
  currency_mismatch: "the PSP took another currency than was asked for",
  reference_conflict: "two successes are claimed for this order",
  charged_before: "an earlier charge was paid after all, so it must not be charged again; that money is in suspense",
  booked_elsewhere: "the PSP named a charge that is already booked for another order",
};

export function explainOrder(row: OrderRow, attempts: readonly AttemptRow[], stamp: Stamp) {
  const state = readOrderState(row);
  const context = state?.context ?? null;
  const dueAt = context?.timer?.dueAt;
  return {
    summary: summarize(row, context),
    state: row.phase === null ? row.status : `${row.status}.${row.phase}`,
    since: row.stateSince.toISOString(),
    waiting_for: waitingFor(row, context),
    next_at: dueAt === undefined ? null : new Date(dueAt).toISOString(),
    attempts: attempts.map(showAttempt),
    holder: row.owner === null ? null : (row.ownerName ?? row.owner),
    allowed_events: state === null ? [] : state.allowedEvents(stamp).map((event) => event.replace(/^order\./, "")),
  };
}

/** Why an order stands in a queue, and what moves it on; for `GET /v1/queues/…`. */
export function describeQueued(row: OrderRow): { readonly reason: string; readonly next_action: string } {
  const context = readOrderState(row)?.context ?? null;
  if (row.quarantinedAt !== null) {
    return {
      reason: row.quarantineReason ?? "quarantined",
      next_action:
        "An engineer removes the cause and gives it back: npm run recover -- --release with its payment_order_id.",
    };
  }
  const reason =
    context?.parked?.reason ?? (row.lateOpen > 0 && row.phase === null ? "late_success" : (row.phase ?? row.status));
  return { reason, next_action: nextAction(row, context) };
}

function summarize(row: OrderRow, context: PaymentOrderContext | null): string {
  const money = `${formatAmount(row.amount, row.currency)} ${row.currency}`;
  const subject = `The payment of ${money} to ${row.sellerAccount}`;
  if (row.quarantinedAt !== null || context === null)
    return `${subject} is set aside because its stored state can't be read.`;
  const isToldOfLate = context.parked?.reason === "charged_before";
  const late =
    context.late.length > 0 && !isToldOfLate
      ? " The PSP has also taken money that is not this order's; it is in suspense."
      : "";
  return `${subject} ${predicate(row, context)}.${late}`;
}

function predicate(row: OrderRow, context: PaymentOrderContext): string {
  switch (row.status) {
    case "NOT_STARTED":
      return "waits for the buyer to give a card on the hosted page";
    case "SUCCESS":
      return `succeeded: ${formatAmount(BigInt(context.captured), row.currency)} ${row.currency} are captured and booked`;
    case "FAILED":
      return `failed: ${context.failure?.message ?? "nothing was charged"} (${context.failure?.code ?? "unknown"})`;
    case "EXECUTING":
      return predicateOfPhase(row.phase, context);
  }
}

function predicateOfPhase(phase: string | null, context: PaymentOrderContext): string {
  switch (phase) {
    case "sending":
      return `is being sent to the PSP (send ${context.sends})`;
    case "pending":
      return context.nextActionUrl === null
        ? "is with the PSP, which has not decided yet"
        : "is with the PSP and waits for the buyer to confirm it";
    case "resolving":
      return "may or may not have been charged: the PSP is being asked before anything else is done";
    case "retrying":
      return `was surely not charged by send ${context.sends} and will be sent again`;
    case "authorized":
      return "is authorized: the PSP holds the money";
    case "parked":
      return `is parked because ${context.parked === null ? "facts disagree" : PARKED_BECAUSE[context.parked.reason]}`;
    default:
      return "is under way";
  }
}

function waitingFor(row: OrderRow, context: PaymentOrderContext | null): string | null {
  if (row.quarantinedAt !== null || context === null) return "an operator";
  switch (row.phase) {
    case null:
      return row.status === "NOT_STARTED" ? "the buyer" : null;
    case "sending":
      return "the PSP's answer";
    case "pending":
      return context.nextActionUrl === null
        ? "the PSP's webhook or the next poll"
        : "the buyer, then the PSP's webhook or the next poll";
    case "resolving":
      return context.call === null ? "the next inquiry or the PSP's webhook" : "the PSP's answer to the inquiry";
    case "retrying":
      return "the next send";
    case "authorized":
      return "capture, cancel or expiry";
    default:
      return "an operator's decision";
  }
}

function nextActionOfParked(context: PaymentOrderContext | null): string {
  if (context !== null && context.held !== null)
    return "The PSP holds the money: resolve it as succeeded, if it was paid.";
  if (context !== null && context.late.length > 0)
    return "Look at the PSP's dashboard. It can't be charged again: resolve it as failed, and give the money in suspense back at the PSP.";
  return "Look at the PSP's dashboard, then retry it, or resolve it as succeeded or failed.";
}

function nextAction(row: OrderRow, context: PaymentOrderContext | null): string {
  switch (row.phase) {
    case "retrying":
      return "None: it is sent again by itself. It can be canceled.";
    case "pending":
    case "resolving":
      return "None: the PSP is asked by itself until it answers.";
    case "parked":
      return nextActionOfParked(context);
    default:
      return row.lateOpen > 0 ? "Refund the late money at the PSP, or attach it to the order." : "None.";
  }
}
