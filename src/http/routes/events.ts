/** What happened, for merchants: a list, one event, and a stream of what is new. */
import { createRoute, z } from "@hono/zod-openapi";
import { fromPublicId } from "../../core/ids.ts";
import type { EventRow, EventsOfOrder } from "../../db/queries/list-events.ts";
import { toEventText } from "../../events/event-text.ts";
import { MAX_STREAMS_PER_KEY } from "../../events/event-streams.ts";
import type { EventsService } from "../../events/merchant-events.ts";
import { sendEventStream, sendJsonText } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { type Cursors, toFilteredList, toPage } from "../cursors.ts";
import { notFound, readLimit, readQuery } from "../read-query.ts";
import { jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { event, eventPath, eventsQuery, streamHeaders } from "../schemas/events.ts";
import { readProblems } from "../schemas/problem.ts";
import { listOf } from "../schemas/values.ts";

const TAGS = ["Events"];

const list = createRoute({
  method: "get",
  path: "/v1/events",
  tags: TAGS,
  summary: "List events, newest first",
  security: SECURITY,
  request: { query: eventsQuery },
  responses: {
    200: jsonResponse(listOf(event), "A page of events."),
    ...readProblems("invalid-cursor", "unknown-field"),
  },
});

const stream = createRoute({
  method: "get",
  path: "/v1/events/stream",
  tags: TAGS,
  summary: "Listen to events as they happen (Server-Sent Events)",
  description:
    "Every frame has the event's `id` and, as `data`, the event in one line. Come back with `Last-Event-ID` and nothing " +
    `is left out; know by the id what you have had. A key may have ${MAX_STREAMS_PER_KEY} streams open at a time.`,
  security: SECURITY,
  request: { headers: streamHeaders },
  responses: {
    200: {
      description: "Frames without end.",
      content: { "text/event-stream": { schema: z.string().openapi({ example: "id: evt_…\ndata: {…}\n\n" }) } },
    },
    ...readProblems("invalid-cursor"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/events/{event_id}",
  tags: TAGS,
  summary: "Read an event",
  security: SECURITY,
  request: { params: eventPath },
  responses: { 200: jsonResponse(event, "The event."), ...readProblems("not-found") },
});

export interface EventRouteDeps {
  readonly events: EventsService;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
}

export function addEventRoutes(table: RouteTable, { events, authentication, cursors }: EventRouteDeps): void {
  const { reads, streams } = events;
  const mayRead = authentication.requireScope("payments:read");
  authentication.onRevoked((apiKeyId) => streams.endOf(apiKeyId));

  table.add(list, mayRead, async (c) => {
    const query = readQuery(c, eventsQuery);
    const { merchantId } = c.get("caller");
    const scope = { list: toFilteredList("events", query), merchantId };
    const limit = readLimit(query.limit);
    const order = query.payment_order_id === undefined ? null : await findOrder(merchantId, query.payment_order_id);
    const rows = await reads.listEvents({
      merchantId,
      type: query.type ?? null,
      order,
      before: query.cursor === undefined ? null : Number(cursors.decode(scope, query.cursor)[0]),
      limit: limit + 1,
    });
    const toCursor = (last: EventRow): string => cursors.encode(scope, [String(last.position)]);
    const { data, ...page } = toPage(rows, limit, { show: toEventText, toCursor });
    // The events are texts already, and stay the bytes that webhooks have.
    return sendJsonText(c, { status: 200, body: `{"data":[${data.join(",")}],${JSON.stringify(page).slice(1)}` });
  });

  async function findOrder(merchantId: number, paymentOrderId: string): Promise<EventsOfOrder> {
    return (await reads.findOrderMoments(merchantId, paymentOrderId)) ?? { subjectIds: [], movedAt: [] };
  }

  table.add(stream, mayRead, async (c) => {
    // Hono answers HEAD by way of GET, and nobody would ever read that stream to its end.
    if (c.req.raw.method === "HEAD") return sendEventStream(c, null);
    const { merchantId, apiKeyId } = c.get("caller");
    const body = await streams.open({
      merchantId,
      apiKeyId,
      lastEventId: c.req.header("last-event-id") ?? null,
      mayGoOn: () => authentication.isStillGood(c),
    });
    return sendEventStream(c, body);
  });

  table.add(get, mayRead, async (c) => {
    const id = fromPublicId("evt", c.req.param("event_id") ?? "");
    const row = id === null ? null : await reads.findEvent(c.get("caller").merchantId, id);
    if (row === null) throw notFound();
    return sendJsonText(c, { status: 200, body: toEventText(row) });
  });
}
