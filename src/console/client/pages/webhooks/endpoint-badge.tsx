/** Whether an endpoint is served. */
import type { WebhookEndpoint } from "../../api/webhook-types.ts";
import { Badge } from "../../ui/status.tsx";

export function EndpointBadge({
  endpoint,
}: {
  readonly endpoint: Pick<WebhookEndpoint, "enabled" | "disabled_reason">;
}) {
  if (endpoint.enabled) return <Badge tone="good" icon="done" text="enabled" />;
  if (endpoint.disabled_reason === "gone") return <Badge tone="bad" icon="warning" text="disabled: it answered 410" />;
  return <Badge tone="quiet" icon="pause" text="disabled" />;
}
