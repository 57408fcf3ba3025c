/** Path, query and header parameters of the document, and how queries are read. */
import { z } from "@hono/zod-openapi";
import { MAX_WAIT_SECONDS } from "../../payments/service.ts";

export const MAX_PAGE = 100;
export const DEFAULT_PAGE = 20;

export const paging = {
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, `Give a number from 1 to ${MAX_PAGE}.`)
    .optional()
    .openapi({ type: "integer", minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE }),
  cursor: z.string().max(8_000).optional().openapi({ description: "`next_cursor` of the page before." }),
} as const;

/** RFC 3339 with an offset; milliseconds are optional on the way in. */
export const instantParameter = z
  .string()
  .regex(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/,
    "Give a time of RFC 3339, such as 2026-01-31T12:00:00Z.",
  )
  .refine((text) => !Number.isNaN(Date.parse(text)), "There is no such time.")
  .openapi({ format: "date-time", example: "2026-01-31T12:00:00.000Z" });

const param = (name: string, description: string, example: string) =>
  z.string().openapi({ param: { name, in: "path" }, description, example });

export const paymentOrderPath = z.object({ payment_order_id: param("payment_order_id", "Yours or ours.", "po_1") });
export const checkoutPath = z.object({ checkout_id: param("checkout_id", "Yours or ours.", "chk_1") });
export const sellerPath = z.object({ seller_account: param("seller_account", "Your id of the seller.", "s1") });
export const accountPath = z.object({ account: param("account", "A ledger account.", "seller:s1:payable") });
export const queuePath = z.object({
  queue: z
    .enum(["retrying", "pending", "resolving", "parked", "late"])
    .openapi({ param: { name: "queue", in: "path" } }),
});
export const apiKeyPath = z.object({
  api_key_id: param("api_key_id", "As it was answered when it was made.", "key_01"),
});
export const pspAccountPath = z.object({ psp_account: param("psp_account", "The PSP account.", "simulator") });

export const onceHeaders = z.object({
  "idempotency-key": z.string().openapi({
    description: "1 to 255 printable ASCII characters, quoted or not; the same for every repeat.",
    example: "7a0d6c1e",
  }),
});

export const createHeaders = onceHeaders.extend({
  prefer: z
    .string()
    .optional()
    .openapi({
      description: `\`wait=N\` waits up to N seconds (at most ${MAX_WAIT_SECONDS}) until every order is terminal, parked, authorized or needs the buyer.`,
      example: "wait=10",
    }),
});
