/** Merchant events, webhook endpoints and deliveries as they stand in the document. */
import { z } from "@hono/zod-openapi";
import { EVENT_TYPES, isEventPattern } from "../../events/event-types.ts";
import { MAX_WEBHOOK_URL_CHARS } from "../../events/url-guard.ts";
import { DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS, MAX_REDELIVERED } from "../../events/webhook-endpoints.ts";
import { instantParameter, paging } from "./parameters.ts";
import { paymentEvent, paymentOrder } from "./payments.ts";
import { clientId, time } from "./values.ts";

const MAX_PATTERNS = 50;
const MAX_DESCRIPTION_CHARS = 500;

const eventId = z.string().openapi({ example: "evt_01JQZ8K3W5X9V7T2M4N6P8R0S1" });
const endpointId = z.string().openapi({ example: "whe_01JQZ8K3W5X9V7T2M4N6P8R0S1" });
const deliveryId = z.string().openapi({ example: "dlv_01JQZ8K3W5X9V7T2M4N6P8R0S1" });
const param = (name: string, schema: z.ZodString) =>
  z.object({ [name]: schema.openapi({ param: { name, in: "path" } }) });

export const eventPath = param("event_id", eventId);
export const endpointPath = param("endpoint_id", endpointId);
export const deliveryPath = param("delivery_id", deliveryId);

export const event = z
  .strictObject({
    id: eventId.openapi({ description: "The same in every webhook, list and stream: know by it what you have had." }),
    type: z.enum(EVENT_TYPES),
    created_at: time,
    data: z.strictObject({ object: z.union([paymentOrder, paymentEvent]) }),
    order_version: z.int().nullable().openapi({
      description: "`version` of the payment order: of two events of one order the higher one is the newer.",
    }),
  })
  .openapi("Event");

export const eventsQuery = z.strictObject({
  type: z.enum(EVENT_TYPES).optional(),
  payment_order_id: clientId.optional().openapi({ description: "Events of this order and of its payment event." }),
  ...paging,
});

export const streamHeaders = z.object({
  "last-event-id": z.string().max(100).optional().openapi({
    description: "The id of the last event that you got: the stream goes on behind it. Without it, it begins now.",
  }),
});

const patterns = z
  .array(
    z
      .string()
      .refine(isEventPattern, `Use "*", "payment_order.*", "payment_event.*" or a type: ${EVENT_TYPES.join(", ")}.`),
  )
  .min(1)
  .max(MAX_PATTERNS)
  .openapi({ description: "Types, or patterns such as `payment_order.*` and `*`.", example: ["payment_order.*"] });
const url = z
  .string()
  .min(1)
  .max(MAX_WEBHOOK_URL_CHARS)
  .openapi({ description: "On the public internet, https.", example: "https://shop.example.com/florin" });
const description = z.string().max(MAX_DESCRIPTION_CHARS).nullable();

export const endpointRequest = z
  .strictObject({ url, events: patterns, description: description.optional() })
  .openapi("WebhookEndpointRequest");

export const endpointChange = z
  .strictObject({
    url: url.optional(),
    events: patterns.optional(),
    description: description.optional(),
    enabled: z
      .boolean()
      .optional()
      .openapi({ description: "A disabled endpoint is told nothing new; what is due waits." }),
  })
  .openapi("WebhookEndpointChange", { example: { enabled: false } });

export const rotateRequest = z
  .strictObject({
    overlap_hours: z
      .int()
      .min(0)
      .max(MAX_OVERLAP_HOURS)
      .optional()
      .openapi({
        description: `How long the old secret signs too; ${DEFAULT_OVERLAP_HOURS} when missing. 0 ends all earlier ones at once.`,
      }),
  })
  .openapi("RotateRequest");

const endpointFields = {
  object: z.literal("webhook_endpoint"),
  endpoint_id: endpointId,
  url: z.string(),
  events: z.array(z.string()),
  description: z.string().nullable(),
  enabled: z.boolean(),
  disabled_reason: z.enum(["merchant", "gone"]).nullable().openapi({ description: "`gone`: it answered 410." }),
  previous_secret_until: time.nullable().openapi({ description: "Until then an earlier secret signs too." }),
  not_before: time
    .nullable()
    .openapi({ description: "Nothing is sent before: the endpoint asked for it with `Retry-After`." }),
  due: z.int().min(0).openapi({ description: "Deliveries that wait for an attempt; counted up to 10,000." }),
  parked: z.int().min(0).openapi({ description: "Deliveries whose attempts are spent; counted up to 10,000." }),
  oldest_due_at: time.nullable().openapi({ description: "When the oldest of them was put on its way." }),
  created_at: time,
  updated_at: time,
} as const;

export const endpoint = z.strictObject(endpointFields).openapi("WebhookEndpoint");
export const endpointWithSecret = z
  .strictObject({
    ...endpointFields,
    secret: z.string().openapi({ description: "Shown this once.", pattern: "^whsec_" }),
  })
  .openapi("WebhookEndpointWithSecret");

export const DELIVERY_STATUSES = ["due", "delivered", "parked", "canceled"] as const;

const deliveryFields = {
  object: z.literal("delivery"),
  delivery_id: deliveryId,
  endpoint_id: endpointId,
  url: z.string(),
  event_id: eventId,
  event_type: z.string(),
  status: z.enum(DELIVERY_STATUSES).openapi({
    description:
      "`due` waits for its next attempt, `parked` has spent them or has waited for four days, `canceled` lost its endpoint.",
  }),
  attempts: z.int().min(0),
  is_sending: z.boolean(),
  next_attempt_at: time.nullable(),
  last_attempt_at: time.nullable(),
  last_status: z.int().nullable().openapi({ description: "HTTP status; null when no answer came." }),
  last_latency_ms: z.int().nullable(),
  last_error: z.string().nullable().openapi({ example: "http_500" }),
  created_at: time,
  delivered_at: time.nullable(),
} as const;

export const delivery = z.strictObject(deliveryFields).openapi("Delivery");
export const deliveryWithAttempts = z
  .strictObject({
    ...deliveryFields,
    history: z
      .array(
        z.strictObject({
          attempt: z.int().min(1),
          at: time,
          status: z.int().nullable(),
          latency_ms: z.int().min(0),
          error: z.string().nullable(),
          response_excerpt: z.string().nullable(),
        }),
      )
      .openapi({ description: "Oldest first." }),
  })
  .openapi("DeliveryWithAttempts");

export const deliveriesQuery = z.strictObject({
  status: z.enum(DELIVERY_STATUSES).optional(),
  payment_order_id: clientId.optional(),
  event_id: eventId.optional(),
  ...paging,
});

export const endpointDeliveriesQuery = z.strictObject({ status: z.enum(DELIVERY_STATUSES).optional(), ...paging });

export const redeliverRequest = z
  .strictObject({
    from: instantParameter.optional().openapi({ description: "Events from this time on." }),
    to: instantParameter.optional().openapi({ description: "Events before this time." }),
    status: z.enum(["due", "parked", "delivered", "canceled", "missing"]).optional().openapi({
      description:
        "`parked` when it is left out. `due`: what waits for its next attempt. `missing`: events that were never on their way to this endpoint.",
    }),
    cursor: z.string().optional().openapi({ description: "`next_cursor` of the answer before." }),
  })
  .openapi("RedeliverRequest", { example: { from: "2026-01-31T00:00:00.000Z", status: "parked" } });

export const redelivered = z
  .strictObject({
    redelivered: z.int().min(0),
    has_more: z
      .boolean()
      .openapi({ description: `One call takes ${MAX_REDELIVERED}: send it again, with the cursor, for more.` }),
    next_cursor: z.string().nullable(),
  })
  .openapi("Redelivered");
