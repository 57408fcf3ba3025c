/** Pay-in as it stands in the document: what clients send and what they get. */
import { z } from "@hono/zod-openapi";
import { amount, clientId, currency, metadata, time, webUrl } from "./values.ts";

/** An order each for the sellers of one cart; a larger cart is several checkouts. */
export const MAX_ORDERS = 100;
export const MAX_DESCRIPTION_CHARS = 500;
const MAX_REASON_CHARS = 500;
const MAX_NAME_CHARS = 200;
const MAX_EMAIL_CHARS = 254;

const buyerInfo = z
  .strictObject({
    id: clientId.optional(),
    email: z
      .string()
      .max(MAX_EMAIL_CHARS)
      .regex(/^[^\s@]+@[^\s@]+$/, "Give an email address.")
      .optional(),
    name: z.string().min(1).max(MAX_NAME_CHARS).optional(),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "Give a country of ISO 3166-1: two upper-case letters.")
      .optional(),
  })
  .openapi("BuyerInfo", { example: { id: "b1", email: "b@example.com", name: "B", country: "DE" } });

const paymentMethod = z
  .union([
    z.strictObject({
      token: z
        .string()
        .regex(/^[\x21-\x7e]{1,255}$/, "Give the PSP's token: 1 to 255 printable ASCII characters.")
        .openapi({ example: "pm_card_visa" }),
    }),
    z.strictObject({ type: z.literal("hosted_page") }),
  ])
  .openapi("PaymentMethod", {
    description: "A token of the PSP, or the hosted page where the buyer gives the card to the PSP's own form.",
  });

const paymentOrderRequest = z
  .strictObject({
    payment_order_id: clientId.optional().openapi({ description: "Generated when missing." }),
    seller_account: clientId.openapi({ example: "s1" }),
    amount,
    currency,
    platform_fee: amount.optional().openapi({ description: "Our commission, part of the amount.", example: "3.00" }),
    description: z.string().max(MAX_DESCRIPTION_CHARS).optional(),
    metadata: metadata.optional(),
  })
  .openapi("PaymentOrderRequest");

export const paymentRequest = z
  .strictObject({
    checkout_id: clientId.optional().openapi({ description: "Generated when missing.", example: "chk_1" }),
    buyer_info: buyerInfo.optional(),
    payment_method: paymentMethod,
    capture_method: z
      .enum(["automatic", "manual"])
      .optional()
      .openapi({ description: "`manual` is refused until capture exists." }),
    payment_orders: z.array(paymentOrderRequest).min(1).max(MAX_ORDERS),
    return_url: webUrl.optional(),
    metadata: metadata.optional(),
  })
  .openapi("PaymentRequest", {
    example: {
      checkout_id: "chk_1",
      buyer_info: { id: "b1", email: "b@example.com", name: "B", country: "DE" },
      payment_method: { token: "pm_card_visa" },
      capture_method: "automatic",
      payment_orders: [
        {
          payment_order_id: "po_1",
          seller_account: "s1",
          amount: "100.00",
          currency: "USD",
          platform_fee: "3.00",
          description: "Two books",
          metadata: {},
        },
      ],
      return_url: "https://shop.example/done",
      metadata: {},
    },
  });

export type PaymentRequestBody = z.infer<typeof paymentRequest>;

export const emptyRequest = z.strictObject({}).openapi("EmptyRequest");

export const captureRequest = z.strictObject({ amount: amount.optional() }).openapi("CaptureRequest");

export const resolveRequest = z
  .strictObject({
    outcome: z.enum(["succeeded", "failed"]),
    amount: amount.optional().openapi({ description: "In the order's currency; the order's amount when missing." }),
    reason: z.string().min(1).max(MAX_REASON_CHARS),
    psp_reference: z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, "Give 1 to 255 printable ASCII characters.")
      .optional(),
  })
  .openapi("ResolveRequest", {
    example: { outcome: "succeeded", reason: "The PSP's dashboard shows the charge.", psp_reference: "ch_17" },
  });

export const orderStatus = z.enum(["NOT_STARTED", "EXECUTING", "SUCCESS", "FAILED"]);
export const orderPhase = z.enum(["sending", "pending", "resolving", "retrying", "authorized", "parked"]);

export const paymentOrder = z
  .strictObject({
    object: z.literal("payment_order"),
    payment_order_id: z.string().openapi({ example: "po_1" }),
    checkout_id: z.string().openapi({ example: "chk_1" }),
    seller_account: z.string().openapi({ example: "s1" }),
    amount,
    currency,
    platform_fee: amount,
    status: orderStatus,
    phase: orderPhase.nullable().openapi({ description: "The branch inside EXECUTING." }),
    psp: z.string().openapi({ example: "simulator" }),
    psp_reference: z.string().nullable(),
    attempts: z.int().min(0).openapi({ description: "How often the charge was sent." }),
    failure: z
      .strictObject({
        code: z.string().openapi({ example: "card_declined" }),
        message: z.string(),
        decline_code: z.string().optional(),
        retryable: z.boolean(),
      })
      .nullable(),
    next_action: z
      .strictObject({ type: z.literal("redirect"), url: z.string() })
      .nullable()
      .openapi({ description: "Where the buyer has to go." }),
    next_check_at: time.nullable(),
    amount_captured: amount,
    amount_refunded: amount,
    ledger_updated: z.boolean(),
    wallet_updated: z.boolean(),
    version: z.int().min(1),
    description: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    created_at: time,
    updated_at: time,
  })
  .openapi("PaymentOrder");

export const paymentEvent = z
  .strictObject({
    object: z.literal("payment_event"),
    checkout_id: z.string().openapi({ example: "chk_1" }),
    status: z.enum(["NOT_STARTED", "EXECUTING", "SUCCESS", "FAILED", "PARTIAL"]),
    is_payment_done: z.boolean(),
    buyer_info: z.union([buyerInfo, z.null()]),
    payment_orders: z.array(paymentOrder),
    metadata: z.record(z.string(), z.string()),
    created_at: time,
  })
  .openapi("PaymentEvent");
