/** What is not settled and where somebody may have to act. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Ports } from "../../core/ports.ts";
import type { Reads } from "../../db/reads.ts";
import { QUEUES, type QueueName } from "../../db/queries/list-queue.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";
import { sendJson } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { type Cursors, toPage } from "../cursors.ts";
import { notFound, readLimit, readQuery } from "../read-query.ts";
import { jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { paging, queuePath } from "../schemas/parameters.ts";
import { paymentOrder } from "../schemas/payments.ts";
import { readProblems } from "../schemas/problem.ts";
import { amount, currency, listOf, time } from "../schemas/values.ts";
import { describeQueued } from "../views/explain-view.ts";
import { showOrder } from "../views/order-view.ts";
import { showMoneyAtRisk, showQueueCounts } from "../views/queue-view.ts";

const TAGS = ["Queues"];

const moneyAtRisk = z.array(z.strictObject({ currency, amount }));

const queueCount = z
  .strictObject({
    queue: z.enum(QUEUES),
    count: z.int().min(0),
    oldest_at: time.nullable(),
    oldest_age_seconds: z.int().min(0).nullable(),
    money_at_risk: moneyAtRisk,
  })
  .openapi("QueueCount");

const queuedOrder = z
  .strictObject({
    since: time,
    reason: z.string().openapi({ example: "retries_spent" }),
    next_action: z.string().openapi({ description: "What somebody can do." }),
    money_at_risk: moneyAtRisk.openapi({
      description:
        "Its part of the queue's `money_at_risk`: what the PSP holds of it if that is known, else its amount; in `late` " +
        "what came too late, each currency once.",
    }),
    payment_order: paymentOrder,
  })
  .openapi("QueuedOrder");

const listQueues = createRoute({
  method: "get",
  path: "/v1/queues",
  tags: TAGS,
  summary: "How much stands in each queue",
  security: SECURITY,
  responses: {
    200: jsonResponse(z.strictObject({ data: z.array(queueCount) }), "All queues, empty ones too."),
    ...readProblems(),
  },
});

const pageQuery = z.strictObject(paging);

const getQueue = createRoute({
  method: "get",
  path: "/v1/queues/{queue}",
  tags: TAGS,
  summary: "The orders of a queue with reason and next action",
  security: SECURITY,
  request: { params: queuePath, query: pageQuery },
  responses: {
    200: jsonResponse(listOf(queuedOrder), "A page of the queue."),
    ...readProblems("not-found", "invalid-cursor", "unknown-field"),
  },
});

export interface QueueRouteDeps {
  readonly reads: Reads;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
  readonly ports: Ports;
}

export function addQueueRoutes(table: RouteTable, { reads, authentication, cursors, ports }: QueueRouteDeps): void {
  const mayRead = authentication.requireScope("payments:read");

  table.add(listQueues, mayRead, async (c) => {
    const rows = await reads.countQueues(c.get("caller").merchantId);
    return sendJson(c, { data: showQueueCounts(rows, ports.clock.nowMs()) });
  });

  table.add(getQueue, mayRead, async (c) => {
    const queue = QUEUES.find((name) => name === c.req.param("queue"));
    if (queue === undefined) throw notFound(`There is no such queue. The queues are ${QUEUES.join(", ")}.`);
    const query = readQuery(c, pageQuery);
    const { merchantId } = c.get("caller");
    const scope = { list: `queues/${queue}`, merchantId };
    const limit = readLimit(query.limit);
    const [since, id] = query.cursor === undefined ? [] : cursors.decode(scope, query.cursor);
    const before = since === undefined || id === undefined ? null : { since, id };
    const rows = await reads.listQueue({ merchantId, queue, before, limit: limit + 1 });
    const toCursor = (last: OrderRow): string => cursors.encode(scope, [last.stateSince.toISOString(), last.id]);
    return sendJson(c, toPage(rows, limit, { show: (row) => showQueued(row, queue), toCursor }));
  });
}

function showQueued(row: OrderRow, queue: QueueName) {
  return {
    since: row.stateSince.toISOString(),
    ...describeQueued(row),
    money_at_risk: showMoneyAtRisk(row, queue),
    payment_order: showOrder(row),
  };
}
