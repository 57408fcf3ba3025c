/** Reading a buyer's checkout. */
import { createRoute } from "@hono/zod-openapi";
import type { Reads } from "../../db/reads.ts";
import { sendJson } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { notFound, readPathId } from "../read-query.ts";
import { jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { checkoutPath } from "../schemas/parameters.ts";
import { paymentEvent } from "../schemas/payments.ts";
import { readProblems } from "../schemas/problem.ts";
import { showCheckout } from "../views/order-view.ts";

const getCheckout = createRoute({
  method: "get",
  path: "/v1/checkouts/{checkout_id}",
  tags: ["Payments"],
  summary: "Read a payment event",
  security: SECURITY,
  request: { params: checkoutPath },
  responses: { 200: jsonResponse(paymentEvent, "The payment event."), ...readProblems("not-found") },
});

export function addCheckoutRoutes(
  table: RouteTable,
  { reads, authentication }: { reads: Reads; authentication: Authentication },
): void {
  table.add(getCheckout, authentication.requireScope("payments:read"), async (c) => {
    const row = await reads.findCheckout(c.get("caller").merchantId, readPathId(c, "checkout_id"));
    if (row === null) throw notFound();
    return sendJson(c, showCheckout(row));
  });
}
