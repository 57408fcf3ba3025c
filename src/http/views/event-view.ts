/** Endpoints and deliveries as merchants see them. */
import { toPublicId, toUuid } from "../../core/ids.ts";
import type { AttemptRow, DeliveryRow, DeliveryWithAttempts } from "../../db/queries/list-deliveries.ts";
import type { EndpointRow } from "../../db/queries/list-webhook-endpoints.ts";

const toTime = (at: Date | null): string | null => at?.toISOString() ?? null;

export function showEndpoint(row: EndpointRow) {
  return {
    object: "webhook_endpoint",
    endpoint_id: toPublicId("whe", toUuid(row.id)),
    url: row.url,
    events: row.events,
    description: row.description,
    enabled: row.enabled,
    disabled_reason: row.disabledReason,
    previous_secret_until: toTime(row.previousSecretUntil),
    not_before: toTime(row.notBefore),
    due: row.due,
    parked: row.parked,
    oldest_due_at: toTime(row.oldestDueAt),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

export function showDelivery(row: DeliveryRow) {
  const isSending = row.status === "due" && row.isClaimed;
  return {
    object: "delivery",
    delivery_id: toPublicId("dlv", toUuid(row.id)),
    endpoint_id: toPublicId("whe", toUuid(row.endpointId)),
    url: row.url,
    event_id: toPublicId("evt", toUuid(row.eventId)),
    event_type: row.eventType,
    status: row.status,
    attempts: row.attempts,
    is_sending: isSending,
    // While it is being sent its due time is that of a claim, which is nobody's business.
    next_attempt_at: row.status === "due" && !isSending ? row.nextAttemptAt.toISOString() : null,
    last_attempt_at: toTime(row.lastAttemptAt),
    last_status: row.lastStatus,
    last_latency_ms: row.lastLatencyMs,
    last_error: row.lastError,
    created_at: row.createdAt.toISOString(),
    delivered_at: toTime(row.deliveredAt),
  };
}

export function showDeliveryWithAttempts(row: DeliveryWithAttempts) {
  return { ...showDelivery(row), history: row.history.map(showAttempt) };
}

function showAttempt({ attempt, at, status, latencyMs, error, excerpt }: AttemptRow) {
  return { attempt, at: at.toISOString(), status, latency_ms: latencyMs, error, response_excerpt: excerpt };
}
