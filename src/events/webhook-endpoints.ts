/** What merchants do with their endpoints and deliveries; the one place that shows a signing secret. */
import { Refusal } from "../core/errors.ts";
import { newUuid } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import type { EventReads, EventStatements } from "../db/event-access.ts";
import type { EndpointRow } from "../db/queries/list-webhook-endpoints.ts";
import type { EndpointChanges } from "../db/statements/webhook-endpoints.ts";
import { toWebhookSecret } from "./signing.ts";
import { checkWebhookUrl } from "./url-guard.ts";

/** Far more than a shop has services. */
export const MAX_ENDPOINTS_PER_MERCHANT = 5_000;
/** Put on their way by one call. */
export const MAX_REDELIVERED = 10_000;
export const DEFAULT_OVERLAP_HOURS = 24;
export const MAX_OVERLAP_HOURS = 168;
const HOUR_MS = 60 * 60 * 1_000;

export interface EndpointWithSecret {
  readonly endpoint: EndpointRow;
  readonly secret: string;
}

export interface EndpointRequest {
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
}

export interface RedeliveryRequest {
  readonly from: Date | null;
  readonly to: Date | null;
  /** `missing`: events of the endpoint's types that were never on their way there. */
  readonly status: "parked" | "delivered" | "canceled" | "missing";
}

/** Throws `not-found`, `webhook-url-forbidden`, `invalid-state`. Ids are UUIDs. */
export interface WebhookEndpoints {
  create(merchantId: number, request: EndpointRequest): Promise<EndpointWithSecret>;
  find(merchantId: number, id: string): Promise<EndpointRow>;
  change(merchantId: number, id: string, changes: EndpointChanges): Promise<EndpointRow>;
  remove(merchantId: number, id: string): Promise<EndpointRow>;
  rotate(merchantId: number, id: string, overlapHours: number): Promise<EndpointWithSecret>;
  redeliver(merchantId: number, deliveryId: string): Promise<void>;
  /** How many were put on their way. */
  redeliverRange(merchantId: number, id: string, request: RedeliveryRequest): Promise<number>;
}

export interface WebhookEndpointsDeps {
  readonly statements: Pick<
    EventStatements,
    | "insertEndpoint"
    | "updateEndpoint"
    | "deleteEndpoint"
    | "rotateSecret"
    | "redeliverOne"
    | "redeliverRange"
    | "deliverMissing"
  >;
  readonly reads: Pick<EventReads, "findEndpoint">;
  readonly signingKey: Uint8Array;
  readonly allowPrivate: boolean;
  readonly ports: Ports;
  /** Something became due. */
  readonly onDue: () => void;
}

export function createWebhookEndpoints(deps: WebhookEndpointsDeps): WebhookEndpoints {
  const { statements, reads, signingKey, ports } = deps;

  async function find(merchantId: number, id: string): Promise<EndpointRow> {
    const endpoint = await reads.findEndpoint(merchantId, id);
    if (endpoint === null) throw unknownEndpoint();
    return endpoint;
  }

  function checkUrl(text: string): string {
    const verdict = checkWebhookUrl(text, { allowPrivate: deps.allowPrivate });
    if (verdict.kind === "fine") return verdict.url;
    throw new Refusal("webhook-url-forbidden", verdict.reason, {
      errors: [{ pointer: "/url", code: "webhook-url-forbidden", detail: verdict.reason }],
    });
  }

  const toSecret = (merchantId: number, endpointId: string, generation: number): string =>
    toWebhookSecret(signingKey, { merchantId, endpointId, generation });

  return {
    async create(merchantId, { url, events, description }) {
      const id = newUuid(ports);
      const endpoint = { merchantId, id, url: checkUrl(url), events: [...new Set(events)], description };
      if (!(await statements.insertEndpoint(endpoint, MAX_ENDPOINTS_PER_MERCHANT))) {
        throw new Refusal(
          "invalid-state",
          `A merchant may have ${MAX_ENDPOINTS_PER_MERCHANT} webhook endpoints. Delete one that you no longer use.`,
          { extra: { current_state: "full", allowed: ["delete"] } },
        );
      }
      return { endpoint: await find(merchantId, id), secret: toSecret(merchantId, id, 1) };
    },

    find,

    async change(merchantId, id, { url, ...changes }) {
      const checked = url === undefined ? changes : { ...changes, url: checkUrl(url) };
      if (!(await statements.updateEndpoint({ merchantId, id }, checked))) throw unknownEndpoint();
      if (changes.enabled === true) deps.onDue();
      return find(merchantId, id);
    },

    async remove(merchantId, id) {
      const endpoint = await find(merchantId, id);
      if (!(await statements.deleteEndpoint({ merchantId, id }))) throw unknownEndpoint();
      return endpoint;
    },

    async rotate(merchantId, id, overlapHours) {
      const generation = await statements.rotateSecret({ merchantId, id }, overlapHours * HOUR_MS);
      if (generation === null) throw unknownEndpoint();
      return { endpoint: await find(merchantId, id), secret: toSecret(merchantId, id, generation) };
    },

    async redeliver(merchantId, deliveryId) {
      switch (await statements.redeliverOne(merchantId, deliveryId)) {
        case "unknown":
          throw new Refusal("not-found", "There is no delivery with this id. Take one from GET /v1/deliveries.");
        case "closed":
          throw closedEndpoint();
        case "ready":
          deps.onDue();
      }
    },

    async redeliverRange(merchantId, id, { from, to, status }) {
      const { enabled } = await find(merchantId, id);
      if (!enabled) throw closedEndpoint();
      const range = { merchantId, id, from, to, limit: MAX_REDELIVERED };
      const count =
        status === "missing"
          ? await statements.deliverMissing(range)
          : await statements.redeliverRange({ ...range, statuses: [status] });
      if (count > 0) deps.onDue();
      return count;
    },
  };
}

const unknownEndpoint = (): Refusal =>
  new Refusal("not-found", "There is no webhook endpoint with this id. Take one from GET /v1/webhook_endpoints.");

const closedEndpoint = (): Refusal =>
  new Refusal(
    "invalid-state",
    "The endpoint is disabled or deleted. Enable it first: PATCH /v1/webhook_endpoints/{id} with enabled true.",
    { extra: { current_state: "disabled", allowed: ["enable"] } },
  );
