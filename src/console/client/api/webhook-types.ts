/** Merchant events and webhooks as the document describes them; types only. */
import type { z } from "@hono/zod-openapi";
import type {
  delivery,
  deliveryWithAttempts,
  endpoint,
  endpointWithSecret,
  event,
  redelivered,
} from "../../../http/schemas/events.ts";

export type MerchantEvent = z.infer<typeof event>;
export type WebhookEndpoint = z.infer<typeof endpoint>;
export type EndpointWithSecret = z.infer<typeof endpointWithSecret>;
export type Delivery = z.infer<typeof delivery>;
export type DeliveryWithAttempts = z.infer<typeof deliveryWithAttempts>;
export type Redelivered = z.infer<typeof redelivered>;
