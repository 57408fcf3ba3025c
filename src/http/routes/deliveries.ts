/** Each event on its way to each endpoint: how it went, and once more. */
import { createRoute } from "@hono/zod-openapi";
import { fromPublicId } from "../../core/ids.ts";
import type { DeliveryRow } from "../../db/queries/list-deliveries.ts";
import type { EventsService } from "../../events/merchant-events.ts";
import { sendJson } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { readBody } from "../body/field-errors.ts";
import { readOptionalJson } from "../body/read-json.ts";
import { type Cursors, toFilteredList, toPage } from "../cursors.ts";
import type { HttpContext } from "../http-env.ts";
import { notFound, readLimit, readQuery } from "../read-query.ts";
import { jsonRequest, jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import {
  deliveriesQuery,
  delivery,
  deliveryPath,
  deliveryWithAttempts,
  endpointDeliveriesQuery,
  endpointPath,
} from "../schemas/events.ts";
import { MAX_PAGE } from "../schemas/parameters.ts";
import { emptyRequest } from "../schemas/payments.ts";
import { readProblems, writeProblems } from "../schemas/problem.ts";
import { listOf } from "../schemas/values.ts";
import { showDelivery, showDeliveryWithAttempts } from "../views/event-view.ts";
import { readEndpointId } from "./webhook-endpoints.ts";

const TAGS = ["Webhooks"];

const list = createRoute({
  method: "get",
  path: "/v1/deliveries",
  tags: TAGS,
  summary: "List webhook deliveries, newest first",
  security: SECURITY,
  request: { query: deliveriesQuery },
  responses: {
    200: jsonResponse(listOf(delivery), "A page of deliveries."),
    ...readProblems("invalid-cursor", "unknown-field"),
  },
});

const listOfEndpoint = createRoute({
  method: "get",
  path: "/v1/webhook_endpoints/{endpoint_id}/deliveries",
  tags: TAGS,
  summary: "List the deliveries of a webhook endpoint, newest first",
  security: SECURITY,
  request: { params: endpointPath, query: endpointDeliveriesQuery },
  responses: {
    200: jsonResponse(listOf(delivery), "A page of deliveries."),
    ...readProblems("not-found", "invalid-cursor", "unknown-field"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/deliveries/{delivery_id}",
  tags: TAGS,
  summary: "Read a webhook delivery with all its attempts",
  security: SECURITY,
  request: { params: deliveryPath },
  responses: { 200: jsonResponse(deliveryWithAttempts, "The delivery."), ...readProblems("not-found") },
});

const redeliver = createRoute({
  method: "post",
  path: "/v1/deliveries/{delivery_id}/redeliver",
  tags: TAGS,
  summary: "Send an event to its webhook endpoint again, at once",
  security: SECURITY,
  request: { params: deliveryPath, body: jsonRequest(emptyRequest, false) },
  responses: {
    200: jsonResponse(deliveryWithAttempts, "The delivery, due now."),
    ...writeProblems("not-found", "invalid-state"),
  },
});

export interface DeliveryRouteDeps {
  readonly events: EventsService;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
}

export function addDeliveryRoutes(
  table: RouteTable,
  { events: { reads, endpoints }, authentication, cursors }: DeliveryRouteDeps,
): void {
  const mayRead = authentication.requireScope("payments:read");
  const mayWrite = authentication.requireScope("webhooks:write");

  interface Asked {
    readonly list: string;
    readonly merchantId: number;
    readonly limit: string | undefined;
    readonly cursor: string | undefined;
    readonly filter: Omit<Parameters<typeof reads.listDeliveries>[0], "merchantId" | "beforeId" | "limit">;
  }

  async function answerPage(c: HttpContext, { list: name, merchantId, filter, ...asked }: Asked): Promise<Response> {
    const scope = { list: name, merchantId };
    const limit = readLimit(asked.limit);
    const beforeId = asked.cursor === undefined ? null : (cursors.decode(scope, asked.cursor)[0] ?? null);
    const rows = await reads.listDeliveries({ ...filter, merchantId, beforeId, limit: limit + 1 });
    const toCursor = ({ id }: DeliveryRow): string => cursors.encode(scope, [id]);
    return sendJson(c, toPage(rows, limit, { show: showDelivery, toCursor }));
  }

  /** The events that a query names; undefined when it names none. */
  async function findEventIds(
    merchantId: number,
    asked: { readonly orderId: string | undefined; readonly eventId: string | undefined },
  ): Promise<readonly string[] | undefined> {
    if (asked.eventId !== undefined) {
      const id = fromPublicId("evt", asked.eventId);
      return id === null ? [] : [id];
    }
    if (asked.orderId === undefined) return undefined;
    const order = await reads.findOrderMoments(merchantId, asked.orderId);
    if (order === null) return [];
    const events = await reads.listEvents({ merchantId, type: null, order, before: null, limit: MAX_PAGE });
    return events.map(({ id }) => id);
  }

  table.add(list, mayRead, async (c) => {
    const query = readQuery(c, deliveriesQuery);
    const { merchantId } = c.get("caller");
    const eventIds = await findEventIds(merchantId, { orderId: query.payment_order_id, eventId: query.event_id });
    const filter = {
      ...(query.status === undefined ? {} : { status: query.status }),
      ...(eventIds === undefined ? {} : { eventIds }),
    };
    const name = toFilteredList("deliveries", query);
    return answerPage(c, { list: name, merchantId, limit: query.limit, cursor: query.cursor, filter });
  });

  table.add(listOfEndpoint, mayRead, async (c) => {
    const query = readQuery(c, endpointDeliveriesQuery);
    const { merchantId } = c.get("caller");
    const { id: endpointId } = await endpoints.find(merchantId, readEndpointId(c));
    const filter = { endpointId, ...(query.status === undefined ? {} : { status: query.status }) };
    const name = toFilteredList(`deliveries/${endpointId}`, query);
    return answerPage(c, { list: name, merchantId, limit: query.limit, cursor: query.cursor, filter });
  });

  async function answerOne(c: HttpContext, id: string): Promise<Response> {
    const row = await reads.findDelivery(c.get("caller").merchantId, id);
    if (row === null) throw notFound();
    return sendJson(c, showDeliveryWithAttempts(row));
  }

  table.add(get, mayRead, (c) => answerOne(c, readDeliveryId(c)));

  table.add(redeliver, mayWrite, async (c) => {
    readBody(emptyRequest, (await readOptionalJson(c.req.raw)).value);
    const id = readDeliveryId(c);
    await endpoints.redeliver(c.get("caller").merchantId, id);
    return answerOne(c, id);
  });
}

function readDeliveryId(c: HttpContext): string {
  const id = fromPublicId("dlv", c.req.param("delivery_id") ?? "");
  if (id === null) throw notFound();
  return id;
}
