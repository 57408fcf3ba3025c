/** What the page of one payment needs beyond the public API: the log for a replay, and what was said to PSPs and by them. */
import { fromPublicId } from "../../core/ids.ts";
import { formatAmount } from "../../core/money.ts";
import { Refusal } from "../../core/errors.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { CallAnswerRow, CallRow, NoticeBodyRow } from "../../db/queries/list-calls.ts";
import type { TransitionRow } from "../../db/queries/list-transitions.ts";
import type { FoundOrder } from "../../db/queries/search-orders.ts";
import type { Reads } from "../../db/reads.ts";
import { sendJson } from "../../http/answers.ts";
import type { HttpContext } from "../../http/http-env.ts";
import { notFound, readPathId } from "../../http/read-query.ts";
import { readOrderState } from "../../http/views/order-view.ts";
import { PAYMENT_ORDER_MACHINE } from "../../../machines/payment-order.ts";
import type { HistoryStep, OrderCalls, OrderHistory, PspCall, PspNoticeSeen, SearchResult } from "../contract.ts";
import type { ConsoleRouter } from "./console-router.ts";
import { redactText, showBody } from "./redact.ts";
import type { ConsoleSession } from "./sessions.ts";

const MAX_FOUND = 50;
const MAX_SEARCH_CHARS = 255;

export interface OrderRouteDeps {
  readonly reads: Reads;
  readonly queries: ConsoleQueries;
  /** All PSP accounts. */
  readonly psps: readonly string[];
}

export function addOrderRoutes(router: ConsoleRouter, { reads, queries, psps }: OrderRouteDeps): void {
  async function requireOrder(c: HttpContext, { merchantId }: ConsoleSession) {
    const row = await reads.findPaymentOrder(merchantId, readPathId(c, "payment_order_id"));
    if (row === null) throw notFound("There is no payment order with this id. Check the id and who has signed in.");
    return row;
  }

  router.signedIn("GET", "/console/api/payments/:payment_order_id/history", "payments:read", async (c, session) => {
    const row = await requireOrder(c, session);
    const state = readOrderState(row);
    if (state === null) {
      throw new Refusal("invalid-state", "The order's stored state can't be read here, so its log can't be replayed.", {
        extra: { current_state: "quarantined", allowed: [] },
      });
    }
    const { amount, platformFee, currency, psp, policy, settleTimeMs, keyLifetimeMs } = state.context;
    const transitions = await reads.listTransitions({ merchantId: row.merchantId, actorId: row.id });
    return sendJson(c, {
      machine: PAYMENT_ORDER_MACHINE,
      input: { amount, platformFee, currency, psp, policy, settleTimeMs, keyLifetimeMs },
      transitions: transitions.map(showStep),
    } satisfies OrderHistory);
  });

  router.signedIn("GET", "/console/api/payments/:payment_order_id/calls", "payments:read", async (c, session) => {
    const row = await requireOrder(c, session);
    const key = { merchantId: row.merchantId, actorId: row.id };
    const [calls, answers, notices] = await Promise.all([
      queries.listCalls(key),
      queries.listCallAnswers(key),
      queries.listNoticeBodies(key),
    ]);
    const byAttempt = Map.groupBy(answers, ({ attempt }) => attempt);
    return sendJson(c, {
      calls: calls.map((call) => showCall(call, byAttempt.get(call.attempt) ?? [])),
      notices: notices.map(showNotice),
    } satisfies OrderCalls);
  });

  router.signedIn("GET", "/console/api/search", "payments:read", async (c, session) => {
    const text = (c.req.query("q") ?? "").trim().slice(0, MAX_SEARCH_CHARS);
    const found =
      text === ""
        ? []
        : await queries.searchOrders({
            merchantId: session.merchantId,
            text,
            eventUuid: fromPublicId("evt", text),
            psps,
            limit: MAX_FOUND,
          });
    return sendJson(c, { data: found.map(showFound) } satisfies SearchResult);
  });
}

function showFound({ paymentOrderId, checkoutId, amount, ...order }: FoundOrder): SearchResult["data"][number] {
  return {
    ...order,
    payment_order_id: paymentOrderId,
    checkout_id: checkoutId,
    amount: formatAmount(amount, order.currency),
  };
}

const UNREADABLE = { type: "unreadable" } as const;

function isEvent(value: unknown): value is HistoryStep["event"] {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** What an operator or a PSP wrote into an event is shown redacted; a replay needs none of it. */
function redactEvent(event: HistoryStep["event"]): HistoryStep["event"] {
  const entries = Object.entries(event).map(
    ([name, value]) => [name, typeof value === "string" ? redactText(value) : value] as const,
  );
  return { ...Object.fromEntries(entries), type: event.type };
}

function showStep({ seq, at, fromState, toState, event, nodeName }: TransitionRow): HistoryStep {
  return {
    seq,
    at: at.toISOString(),
    from: fromState,
    to: toState,
    event: isEvent(event) ? redactEvent(event) : UNREADABLE,
    node: nodeName ?? "",
  };
}

function showCall(call: CallRow, answers: readonly CallAnswerRow[]): PspCall {
  return {
    attempt: call.attempt,
    operation: call.operation,
    operation_number: call.operationNumber,
    psp: call.psp,
    idempotency_key: call.idempotencyKey,
    at: call.at.toISOString(),
    node: call.node,
    request: call.request === null ? null : showBody(call.request),
    answers: answers.map((answer) => ({
      source: answer.source === "inquiry" ? "inquiry" : "answer",
      at: answer.at.toISOString(),
      outcome: isEvent(answer.fact) ? answer.fact.type.replace(/^psp\./, "") : "unreadable",
      http_status: answer.httpStatus,
      latency_ms: answer.latencyMs,
      body: showBody(answer.body),
    })),
  };
}

function showNotice({ eventId, type, receivedAt, disposition, body }: NoticeBodyRow): PspNoticeSeen {
  return { event_id: eventId, type, received_at: receivedAt.toISOString(), disposition, body: showBody(body) };
}
