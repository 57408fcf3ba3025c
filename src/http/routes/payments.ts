/** Pay-in: creating and reading payment orders, and the commands on them. */
import { createRoute, z } from "@hono/zod-openapi";
import { type FieldError, Refusal } from "../../core/errors.ts";
import type { Reads } from "../../db/reads.ts";
import type { PaymentOrderFilter } from "../../db/queries/list-payment-orders.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";
import type { OperatorCommand, PaymentsService, StoredAnswer } from "../../payments/service.ts";
import { sendJson, sendJsonText } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { readBody, toFieldRefusal } from "../body/field-errors.ts";
import { readAmount, readCheckout } from "../body/read-checkout.ts";
import { readJson, readOptionalJson } from "../body/read-json.ts";
import { type Cursors, toFilteredList, toPage } from "../cursors.ts";
import type { HttpContext } from "../http-env.ts";
import { notFound, readLimit, readPathId, readQuery } from "../read-query.ts";
import { readIdempotencyKey, readWaitSeconds, toIdempotentCall } from "../request-headers.ts";
import { jsonRequest, jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { createHeaders, instantParameter, onceHeaders, paging, paymentOrderPath } from "../schemas/parameters.ts";
import {
  captureRequest,
  emptyRequest,
  orderPhase,
  orderStatus,
  paymentEvent,
  paymentOrder,
  paymentRequest,
  resolveRequest,
} from "../schemas/payments.ts";
import { onceProblems, readProblems } from "../schemas/problem.ts";
import { clientId, listOf } from "../schemas/values.ts";
import { showOrder } from "../views/order-view.ts";

export interface PaymentRouteDeps {
  readonly reads: Reads;
  readonly payments: PaymentsService;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
  readonly psps: readonly string[];
}

const TAGS = ["Payments"];

const createPayment = createRoute({
  method: "post",
  path: "/v1/payments",
  tags: TAGS,
  summary: "Create a payment event with its payment orders",
  description:
    "Each order is executed once, however often the request is repeated. The same `checkout_id` with the same content under " +
    "another key answers 200 with the existing payment event.",
  security: SECURITY,
  request: { headers: createHeaders, body: jsonRequest(paymentRequest) },
  responses: {
    201: jsonResponse(paymentEvent, "The payment event.", ["Location", "Idempotent-Replayed", "Preference-Applied"]),
    200: jsonResponse(paymentEvent, "The checkout exists with the same content.", [
      "Location",
      "Idempotent-Replayed",
      "Preference-Applied",
    ]),
    ...onceProblems(
      "invalid-amount",
      "amount-out-of-range",
      "invalid-currency",
      "not-supported",
      "checkout-conflict",
      "payment-order-conflict",
    ),
  },
});

const paymentQuery = z.strictObject({
  status: orderStatus.optional(),
  phase: orderPhase.optional(),
  seller_account: clientId.optional(),
  checkout_id: clientId.optional(),
  psp_reference: z.string().min(1).max(255).optional(),
  created_gte: instantParameter.optional(),
  created_lt: instantParameter.optional(),
  ...paging,
});

const listPayments = createRoute({
  method: "get",
  path: "/v1/payments",
  tags: TAGS,
  summary: "List payment orders, newest first",
  security: SECURITY,
  request: { query: paymentQuery },
  responses: {
    200: jsonResponse(listOf(paymentOrder), "A page of payment orders."),
    ...readProblems("invalid-cursor", "unknown-field"),
  },
});

const getPayment = createRoute({
  method: "get",
  path: "/v1/payments/{payment_order_id}",
  tags: TAGS,
  summary: "Read a payment order",
  description: "Reading an order that waits for its PSP also asks the PSP, at most every few seconds.",
  security: SECURITY,
  request: { params: paymentOrderPath },
  responses: { 200: jsonResponse(paymentOrder, "The payment order."), ...readProblems("not-found") },
});

function commandRoute(name: string, summary: string, schema: z.ZodType) {
  return createRoute({
    method: "post",
    path: `/v1/payments/{payment_order_id}/${name}`,
    tags: TAGS,
    summary,
    security: SECURITY,
    request: { params: paymentOrderPath, headers: onceHeaders, body: jsonRequest(schema, name === "resolve") },
    responses: {
      200: jsonResponse(paymentOrder, "The payment order.", ["Idempotent-Replayed"]),
      ...onceProblems("not-found", "invalid-state", "not-supported", "invalid-amount", "amount-out-of-range"),
    },
  });
}

const capturePayment = commandRoute("capture", "Capture authorized money (not supported yet)", captureRequest);
const cancelPayment = commandRoute("cancel", "Cancel a payment order that the PSP does not have", emptyRequest);
const retryPayment = commandRoute(
  "retry",
  "Operator: try a parked order again; asks the PSP first when an outcome is unknown",
  emptyRequest,
);
const resolvePayment = commandRoute("resolve", "Operator: decide a parked order", resolveRequest);

export function addPaymentRoutes(table: RouteTable, deps: PaymentRouteDeps): void {
  const { reads, payments, authentication, cursors, psps } = deps;
  const [mayRead, mayWrite, mayOperate] = [
    authentication.requireScope("payments:read"),
    authentication.requireScope("payments:write"),
    authentication.requireScope("operator"),
  ];

  table.add(createPayment, mayWrite, async (c) => {
    const key = readIdempotencyKey(c);
    const body = await readJson(c.req.raw);
    const request = readCheckout(body.value);
    const waitSeconds = readWaitSeconds(c);
    const answer = await payments.create(toIdempotentCall(c, key, body.text), request, (waitSeconds ?? 0) * 1_000);
    return sendCreated(c, answer, waitSeconds);
  });

  table.add(listPayments, mayRead, async (c) => {
    const query = readQuery(c, paymentQuery);
    const scope = { list: toFilteredList("payments", query), merchantId: c.get("caller").merchantId };
    const limit = readLimit(query.limit);
    const beforeId = query.cursor === undefined ? null : (cursors.decode(scope, query.cursor)[0] ?? null);
    const filter = toFilter(query, psps);
    const rows = await reads.listPaymentOrders({ merchantId: scope.merchantId, filter, beforeId, limit: limit + 1 });
    return sendJson(c, toPage(rows, limit, { show: showOrder, toCursor: (last) => cursors.encode(scope, [last.id]) }));
  });

  table.add(getPayment, mayRead, async (c) => {
    const row = await requireOrder(c, reads);
    if (row.status === "EXECUTING") payments.askOnRead(row.merchantId, row.paymentOrderId);
    return sendJson(c, showOrder(row));
  });

  table.add(capturePayment, mayWrite, async (c) => {
    readIdempotencyKey(c);
    readBody(captureRequest, (await readOptionalJson(c.req.raw)).value);
    await requireOrder(c, reads);
    throw new Refusal("not-supported", "Capture does not exist yet: every payment is captured automatically.");
  });

  table.add(cancelPayment, mayWrite, (c) => command(c, () => ({ kind: "cancel" })));
  table.add(retryPayment, mayOperate, (c) => command(c, () => ({ kind: "retry" })));
  table.add(resolvePayment, mayOperate, async (c) => {
    const key = readIdempotencyKey(c);
    const body = await readJson(c.req.raw);
    const decision = readBody(resolveRequest, body.value);
    const row = await requireOrder(c, reads);
    const amountMinor = decision.amount === undefined ? null : requireAmount(decision.amount, row.currency);
    const { outcome, reason, psp_reference: pspReference = null } = decision;
    const call = toIdempotentCall(c, key, body.text);
    return sendStored(
      c,
      await payments.command(call, row.paymentOrderId, { kind: "resolve", outcome, amountMinor, reason, pspReference }),
    );
  });

  async function command(c: HttpContext, toCommand: () => OperatorCommand): Promise<Response> {
    const key = readIdempotencyKey(c);
    const paymentOrderId = readPathId(c, "payment_order_id");
    const body = await readOptionalJson(c.req.raw);
    readBody(emptyRequest, body.value);
    return sendStored(c, await payments.command(toIdempotentCall(c, key, body.text), paymentOrderId, toCommand()));
  }
}

export async function requireOrder(c: HttpContext, reads: Reads): Promise<OrderRow> {
  const row = await reads.findPaymentOrder(c.get("caller").merchantId, readPathId(c, "payment_order_id"));
  if (row === null) throw notFound();
  return row;
}

function requireAmount(text: string, currency: string): bigint {
  const errors: FieldError[] = [];
  const minor = readAmount({ pointer: "/amount", text, currency, minMinor: 1n }, errors);
  if (errors.length > 0) throw toFieldRefusal(errors);
  return minor;
}

function toFilter(query: z.infer<typeof paymentQuery>, psps: readonly string[]): PaymentOrderFilter {
  const { status, phase, seller_account, checkout_id, psp_reference, created_gte, created_lt } = query;
  return {
    ...(status === undefined ? {} : { status }),
    ...(phase === undefined ? {} : { phase }),
    ...(seller_account === undefined ? {} : { sellerAccount: seller_account }),
    ...(checkout_id === undefined ? {} : { checkoutId: checkout_id }),
    ...(psp_reference === undefined ? {} : { pspReference: { reference: psp_reference, psps } }),
    ...(created_gte === undefined ? {} : { createdFrom: new Date(created_gte) }),
    ...(created_lt === undefined ? {} : { createdBefore: new Date(created_lt) }),
  };
}

function sendCreated(c: HttpContext, answer: StoredAnswer, waitSeconds: number | null): Response {
  const checkoutId = CHECKOUT_ID.exec(answer.body)?.[1];
  const headers = {
    ...(checkoutId === undefined ? {} : { location: `/v1/checkouts/${checkoutId}` }),
    ...(waitSeconds === null ? {} : { "preference-applied": `wait=${waitSeconds}` }),
    ...replayHeader(answer),
  };
  return sendJsonText(c, { status: answer.status, body: answer.body, headers });
}

function sendStored(c: HttpContext, answer: StoredAnswer): Response {
  return sendJsonText(c, { status: answer.status, body: answer.body, headers: replayHeader(answer) });
}

const replayHeader = (answer: StoredAnswer): Record<string, string> =>
  answer.isReplay ? { "idempotent-replayed": "true" } : {};

/** The id stands near the start of a stored answer; reading it there is cheaper than parsing the whole. */
const CHECKOUT_ID = /^\{"object":"payment_event","checkout_id":"([A-Za-z0-9_-]{1,64})"/;
