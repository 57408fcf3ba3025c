/** What merchants do with their endpoints and deliveries; the one place that shows a signing secret. */
import { Refusal } from "../core/errors.ts";
import { newUuid } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import type { EventReads, EventStatements } from "../db/event-access.ts";
import type { EndpointRow } from "../db/queries/list-webhook-endpoints.ts";
import type { EndpointChanges, RedeliveredRange } from "../db/statements/webhook-endpoints.ts";
import { MAX_WAIT_MS } from "./attempt-schedule.ts";
import { toWebhookSecret } from "./signing.ts";
import { checkWebhookUrl } from "./url-guard.ts";

/** Far more than a shop has services. */
export const MAX_ENDPOINTS_PER_MERCHANT = 5_000;
/** Put on their way by one call. */
export const MAX_REDELIVERED = 10_000;
export const DEFAULT_OVERLAP_HOURS = 24;
export const MAX_OVERLAP_HOURS = 168;
/** Earlier secrets that sign at the same time. */
const MAX_RETIRING_SECRETS = 5;
/** Ended with the deletion itself; of more the deliverers take care. */
const CANCELED_AT_ONCE = 1_000;
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
  readonly status: "due" | "parked" | "delivered" | "canceled" | "missing";
  /** Goes on after this delivery, the `lastId` of the call before; null for the beginning. */
  readonly afterId: string | null;
}

/** Throws `not-found`, `webhook-url-forbidden`, `invalid-state`. Ids are UUIDs. */
export interface WebhookEndpoints {
  create(merchantId: number, request: EndpointRequest): Promise<EndpointWithSecret>;
  find(merchantId: number, id: string): Promise<EndpointRow>;
  change(merchantId: number, id: string, changes: EndpointChanges): Promise<EndpointRow>;
  remove(merchantId: number, id: string): Promise<EndpointRow>;
  rotate(merchantId: number, id: string, overlapHours: number): Promise<EndpointWithSecret>;
  redeliver(merchantId: number, deliveryId: string): Promise<void>;
  /** How many were put on their way, at most `MAX_REDELIVERED`. */
  redeliverRange(merchantId: number, id: string, request: RedeliveryRequest): Promise<RedeliveredRange>;
}

export interface WebhookEndpointsDeps {
  readonly statements: Pick<
    EventStatements,
    | "insertEndpoint"
    | "updateEndpoint"
    | "deleteEndpoint"
    | "rotateSecret"
    | "endDeliveries"
    | "freeEndpoint"
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
      await statements.endDeliveries(CANCELED_AT_ONCE, MAX_WAIT_MS);
      return endpoint;
    },

    async rotate(merchantId, id, overlapHours) {
      const limits = { overlapMs: overlapHours * HOUR_MS, maxRetiring: MAX_RETIRING_SECRETS };
      const rotation = await statements.rotateSecret({ merchantId, id }, limits);
      if (rotation.kind !== "rotated") throw rotation.kind === "unknown" ? unknownEndpoint() : tooManySecrets();
      return { endpoint: await find(merchantId, id), secret: toSecret(merchantId, id, rotation.generation) };
    },

    async redeliver(merchantId, deliveryId) {
      const redelivery = await statements.redeliverOne(merchantId, deliveryId);
      switch (redelivery.kind) {
        case "unknown":
          throw new Refusal("not-found", "There is no delivery with this id. Take one from GET /v1/deliveries.");
        case "closed":
          throw closedEndpoint();
        case "ready":
          await statements.freeEndpoint({ merchantId, id: redelivery.endpointId });
          deps.onDue();
      }
    },

    async redeliverRange(merchantId, id, { from, to, status, afterId }) {
      const { enabled } = await find(merchantId, id);
      if (!enabled) throw closedEndpoint();
      const range = { merchantId, id, from, to, limit: MAX_REDELIVERED };
      const result =
        status === "missing"
          ? { count: await statements.deliverMissing(range), lastId: null }
          : await statements.redeliverRange({ ...range, status, afterId });
      await statements.freeEndpoint({ merchantId, id });
      if (result.count > 0) deps.onDue();
      return result;
    },
  };
}

const unknownEndpoint = (): Refusal =>
  new Refusal("not-found", "There is no webhook endpoint with this id. Take one from GET /v1/webhook_endpoints.");

const tooManySecrets = (): Refusal =>
  new Refusal(
    "invalid-state",
    `${MAX_RETIRING_SECRETS} earlier secrets of this endpoint still sign. Wait until one has ended, or end them all now: overlap_hours 0.`,
    { extra: { current_state: "rotating", allowed: ["overlap_hours 0"] } },
  );

const closedEndpoint = (): Refusal =>
  new Refusal(
    "invalid-state",
    "The endpoint is disabled or deleted. Enable it first: PATCH /v1/webhook_endpoints/{id} with enabled true.",
    { extra: { current_state: "disabled", allowed: ["enable"] } },
  );
