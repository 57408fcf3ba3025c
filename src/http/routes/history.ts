/** Why an order is where it is: its timeline, and an explanation in words. */
import { createRoute } from "@hono/zod-openapi";
import type { Ports } from "../../core/ports.ts";
import { msOfId } from "../../db/queries/uuid-range.ts";
import type { Reads } from "../../db/reads.ts";
import { sendJson } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { explanation, timeline } from "../schemas/history.ts";
import { paymentOrderPath } from "../schemas/parameters.ts";
import { readProblems } from "../schemas/problem.ts";
import { explainOrder } from "../views/explain-view.ts";
import { showTimeline } from "../views/history-view.ts";
import { requireOrder } from "./payments.ts";

const TAGS = ["Payments"];

const getTimeline = createRoute({
  method: "get",
  path: "/v1/payments/{payment_order_id}/timeline",
  tags: TAGS,
  summary: "Everything that happened to a payment order, oldest first",
  security: SECURITY,
  request: { params: paymentOrderPath },
  responses: { 200: jsonResponse(timeline, "The timeline."), ...readProblems("not-found") },
});

const getExplanation = createRoute({
  method: "get",
  path: "/v1/payments/{payment_order_id}/explain",
  tags: TAGS,
  summary: "What a payment order is doing, in words",
  security: SECURITY,
  request: { params: paymentOrderPath },
  responses: { 200: jsonResponse(explanation, "The explanation."), ...readProblems("not-found") },
});

export interface HistoryRouteDeps {
  readonly reads: Reads;
  readonly authentication: Authentication;
  readonly ports: Ports;
}

export function addHistoryRoutes(table: RouteTable, { reads, authentication, ports }: HistoryRouteDeps): void {
  const mayRead = authentication.requireScope("payments:read");

  table.add(getTimeline, mayRead, async (c) => {
    const order = await requireOrder(c, reads);
    const key = { merchantId: order.merchantId, actorId: order.id };
    const [transitions, attempts, notices, postings] = await Promise.all([
      reads.listTransitions(key),
      reads.listAttempts(key),
      reads.listNotices(key),
      reads.listOrderPostings(key),
    ]);
    const events = await reads.listOrderEvents({
      merchantId: order.merchantId,
      subjectIds: [order.id, order.paymentEventId],
      movedAt: transitions.map(({ stepId }) => new Date(msOfId(stepId))),
    });
    return sendJson(c, showTimeline({ currency: order.currency, transitions, attempts, notices, postings, events }));
  });

  table.add(getExplanation, mayRead, async (c) => {
    const order = await requireOrder(c, reads);
    const attempts = await reads.listAttempts({ merchantId: order.merchantId, actorId: order.id });
    return sendJson(c, explainOrder(order, attempts, { at: ports.clock.nowMs(), jitter: 0 }));
  });
}
