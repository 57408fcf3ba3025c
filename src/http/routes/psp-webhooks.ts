/** Where PSPs send their notices: the raw bytes go to the signature check untouched. */
import { createRoute, z } from "@hono/zod-openapi";
import type { WebhookService } from "../../payments/service.ts";
import { sendJson } from "../answers.ts";
import { readBytes } from "../body/read-bytes.ts";
import { jsonResponse, type RouteTable } from "../route-table.ts";
import { readPathId } from "../read-query.ts";
import { pspAccountPath } from "../schemas/parameters.ts";
import { problems } from "../schemas/problem.ts";

/** PSPs send whole objects with their history; the largest seen are some tens of kilobytes. */
const MAX_NOTICE_BYTES = 262_144;

const receiveWebhook = createRoute({
  method: "post",
  path: "/psp/{psp_account}/webhooks",
  tags: ["PSP webhooks"],
  summary: "A PSP's signed notice",
  description: "A repeat within the tolerance, an unknown type and an unknown order are all stored and answered 200.",
  request: { params: pspAccountPath, body: { content: { "application/json": { schema: z.unknown() } } } },
  responses: {
    200: jsonResponse(z.strictObject({ received: z.literal(true) }), "The notice is stored."),
    ...problems([
      "webhook-signature-invalid",
      "webhook-timestamp-out-of-tolerance",
      "not-found",
      "body-too-large",
      "invalid-json",
      "card-data-refused",
      "invalid-character",
      "invalid-request",
      "internal-error",
      "temporarily-unavailable",
      "webhook-not-configured",
    ]),
  },
});

export function addPspWebhookRoutes(table: RouteTable, { webhooks }: { webhooks: WebhookService }): void {
  table.add(receiveWebhook, async (c) => {
    const body = await readBytes(c.req.raw, MAX_NOTICE_BYTES);
    await webhooks.receive(readPathId(c, "psp_account"), body, c.req.header());
    return sendJson(c, { received: true });
  });
}
