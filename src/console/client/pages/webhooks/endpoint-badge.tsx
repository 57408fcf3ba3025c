/** Whether an endpoint is served, and whether what is sent arrives. */
import type { WebhookEndpoint } from "../../api/webhook-types.ts";
import { Badge } from "../../ui/status.tsx";
import { Time } from "../../ui/values.tsx";

export function EndpointBadge({
  endpoint,
  failingSince,
}: {
  readonly endpoint: Pick<WebhookEndpoint, "enabled" | "disabled_reason">;
  readonly failingSince: string | null;
}) {
  if (endpoint.enabled && failingSince !== null) {
    return (
      <>
        <Badge tone="bad" icon="warning" text="failing" />
        <span class="under">
          since <Time at={failingSince} />
        </span>
      </>
    );
  }
  if (endpoint.enabled) return <Badge tone="good" icon="done" text="enabled" />;
  if (endpoint.disabled_reason === "gone") return <Badge tone="bad" icon="warning" text="disabled: it answered 410" />;
  return <Badge tone="quiet" icon="pause" text="disabled" />;
}
