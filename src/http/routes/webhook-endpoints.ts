/** Where a merchant wants to be told, by signed webhooks. */
import { createRoute, z } from "@hono/zod-openapi";
import { fromPublicId } from "../../core/ids.ts";
import type { EventsService } from "../../events/merchant-events.ts";
import { DEFAULT_OVERLAP_HOURS, type EndpointWithSecret, MAX_REDELIVERED } from "../../events/webhook-endpoints.ts";
import { sendJson, sendJsonText } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { readBody } from "../body/field-errors.ts";
import { readJson, readOptionalJson } from "../body/read-json.ts";
import { type Cursors, toFilteredList, toPage } from "../cursors.ts";
import type { HttpContext } from "../http-env.ts";
import { notFound, readLimit, readQuery } from "../read-query.ts";
import { jsonRequest, jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import {
  endpoint,
  endpointChange,
  endpointPath,
  endpointRequest,
  endpointWithSecret,
  redeliverRequest,
  redelivered,
  rotateRequest,
} from "../schemas/events.ts";
import { paging } from "../schemas/parameters.ts";
import { readProblems, writeProblems } from "../schemas/problem.ts";
import { listOf } from "../schemas/values.ts";
import { showEndpoint } from "../views/event-view.ts";

const TAGS = ["Webhooks"];
const COLLECTION = "/v1/webhook_endpoints";
const ONE = `${COLLECTION}/{endpoint_id}`;

const create = createRoute({
  method: "post",
  path: COLLECTION,
  tags: TAGS,
  summary: "Add a webhook endpoint; its secret is shown this once",
  description:
    "Events go there by POST, signed as Standard Webhooks 1.0.0, at least once: know by `webhook-id` what you have had, " +
    "and by `order_version` what is newer. Answer 2xx within 15 seconds.",
  security: SECURITY,
  request: { body: jsonRequest(endpointRequest) },
  responses: {
    201: jsonResponse(endpointWithSecret, "The endpoint with its secret.", ["Location"]),
    ...writeProblems("webhook-url-forbidden", "invalid-state"),
  },
});

const pageQuery = z.strictObject(paging);

const list = createRoute({
  method: "get",
  path: COLLECTION,
  tags: TAGS,
  summary: "List webhook endpoints, newest first",
  security: SECURITY,
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(listOf(endpoint), "A page of endpoints."),
    ...readProblems("invalid-cursor", "unknown-field"),
  },
});

const get = createRoute({
  method: "get",
  path: ONE,
  tags: TAGS,
  summary: "Read a webhook endpoint",
  security: SECURITY,
  request: { params: endpointPath },
  responses: { 200: jsonResponse(endpoint, "The endpoint."), ...readProblems("not-found") },
});

const change = createRoute({
  method: "patch",
  path: ONE,
  tags: TAGS,
  summary: "Change, disable or enable a webhook endpoint",
  security: SECURITY,
  request: { params: endpointPath, body: jsonRequest(endpointChange) },
  responses: {
    200: jsonResponse(endpoint, "The endpoint as it is now."),
    ...writeProblems("not-found", "webhook-url-forbidden"),
  },
});

const remove = createRoute({
  method: "delete",
  path: ONE,
  tags: TAGS,
  summary: "Delete a webhook endpoint; what was on its way there is canceled",
  security: SECURITY,
  request: { params: endpointPath },
  responses: { 200: jsonResponse(endpoint, "The endpoint as it was."), ...readProblems("not-found") },
});

const rotate = createRoute({
  method: "post",
  path: `${ONE}/rotate`,
  tags: TAGS,
  summary: "Replace the signing secret; the old one signs along for a while",
  security: SECURITY,
  request: { params: endpointPath, body: jsonRequest(rotateRequest, false) },
  responses: {
    200: jsonResponse(endpointWithSecret, "The endpoint with its new secret."),
    ...writeProblems("not-found", "invalid-state"),
  },
});

const redeliver = createRoute({
  method: "post",
  path: `${ONE}/redeliver`,
  tags: TAGS,
  summary: "Send a range of events to a webhook endpoint again",
  security: SECURITY,
  request: { params: endpointPath, body: jsonRequest(redeliverRequest, false) },
  responses: {
    200: jsonResponse(redelivered, "How many are on their way."),
    ...writeProblems("not-found", "invalid-state", "invalid-cursor"),
  },
});

export interface WebhookEndpointRouteDeps {
  readonly events: EventsService;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
}

export function addWebhookEndpointRoutes(
  table: RouteTable,
  { events: { reads, endpoints }, authentication, cursors }: WebhookEndpointRouteDeps,
): void {
  const mayRead = authentication.requireScope("payments:read");
  const mayWrite = authentication.requireScope("webhooks:write");

  table.add(create, mayWrite, async (c) => {
    const { url, events, description = null } = readBody(endpointRequest, (await readJson(c.req.raw)).value);
    const created = showWithSecret(await endpoints.create(c.get("caller").merchantId, { url, events, description }));
    const location = `${COLLECTION}/${created.endpoint_id}`;
    return sendJsonText(c, { status: 201, body: JSON.stringify(created), headers: { location } });
  });

  table.add(list, mayRead, async (c) => {
    const query = readQuery(c, pageQuery);
    const { merchantId } = c.get("caller");
    const scope = { list: "webhook_endpoints", merchantId };
    const limit = readLimit(query.limit);
    const beforeId = query.cursor === undefined ? null : (cursors.decode(scope, query.cursor)[0] ?? null);
    const rows = await reads.listEndpoints({ merchantId, beforeId, limit: limit + 1 });
    return sendJson(c, toPage(rows, limit, { show: showEndpoint, toCursor: ({ id }) => cursors.encode(scope, [id]) }));
  });

  table.add(get, mayRead, async (c) =>
    sendJson(c, showEndpoint(await endpoints.find(c.get("caller").merchantId, readEndpointId(c)))),
  );

  table.add(change, mayWrite, async (c) => {
    const { url, events, description, enabled } = readBody(endpointChange, (await readJson(c.req.raw)).value);
    const changes = {
      ...(url === undefined ? {} : { url }),
      ...(events === undefined ? {} : { events }),
      ...(description === undefined ? {} : { description }),
      ...(enabled === undefined ? {} : { enabled }),
    };
    return sendJson(c, showEndpoint(await endpoints.change(c.get("caller").merchantId, readEndpointId(c), changes)));
  });

  table.add(remove, mayWrite, async (c) =>
    sendJson(c, showEndpoint(await endpoints.remove(c.get("caller").merchantId, readEndpointId(c)))),
  );

  table.add(rotate, mayWrite, async (c) => {
    const request = readBody(rotateRequest, (await readOptionalJson(c.req.raw)).value);
    const hours = request.overlap_hours ?? DEFAULT_OVERLAP_HOURS;
    return sendJson(c, showWithSecret(await endpoints.rotate(c.get("caller").merchantId, readEndpointId(c), hours)));
  });

  table.add(redeliver, mayWrite, async (c) => {
    const {
      from,
      to,
      status = "parked",
      cursor,
    } = readBody(redeliverRequest, (await readOptionalJson(c.req.raw)).value);
    const { merchantId } = c.get("caller");
    const id = readEndpointId(c);
    const scope = { list: toFilteredList(`redeliver/${id}`, { status, from, to }), merchantId };
    const { count, lastId } = await endpoints.redeliverRange(merchantId, id, {
      afterId: cursor === undefined ? null : (cursors.decode(scope, cursor)[0] ?? null),
      from: from === undefined ? null : new Date(from),
      to: to === undefined ? null : new Date(to),
      status,
    });
    const hasMore = count >= MAX_REDELIVERED;
    const nextCursor = hasMore && lastId !== null ? cursors.encode(scope, [lastId]) : null;
    return sendJson(c, { redelivered: count, has_more: hasMore, next_cursor: nextCursor });
  });
}

export function readEndpointId(c: HttpContext): string {
  const id = fromPublicId("whe", c.req.param("endpoint_id") ?? "");
  if (id === null) throw notFound();
  return id;
}

const showWithSecret = ({ endpoint: row, secret }: EndpointWithSecret) => ({ ...showEndpoint(row), secret });
