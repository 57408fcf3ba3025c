/** One endpoint: its state, its secret, and every delivery to it. */
import type { EndpointsHealth } from "../../../contract.ts";
import type { Page as ListPage } from "../../api/types.ts";
import type { Delivery, WebhookEndpoint } from "../../api/webhook-types.ts";
import { useResource } from "../../state/resource.ts";
import { navigate, to, withQuery } from "../../state/router.ts";
import { mayOperate, sessionStore } from "../../state/session.ts";
import { useStore } from "../../state/use-store.ts";
import { formatCount } from "../../ui/format.ts";
import { Page, Panel } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Age, CopyId, Time } from "../../ui/values.tsx";
import { DeliveryTable } from "./deliveries.tsx";
import { EndpointActions } from "./endpoint-actions.tsx";
import { EndpointBadge } from "./endpoint-badge.tsx";

const REFRESH_MS = 3_000;

export function EndpointPage({ id, query }: { readonly id: string; readonly query: URLSearchParams }) {
  const path = `/v1/webhook_endpoints/${encodeURIComponent(id)}`;
  const canOperate = useStore(sessionStore, mayOperate);
  const endpoint = useResource<WebhookEndpoint>(path, { everyMs: REFRESH_MS });
  const health = useResource<EndpointsHealth>(withQuery("/endpoints", { endpoint_id: id }), { everyMs: REFRESH_MS });
  const cursor = query.get("cursor");
  const status = query.get("status");
  const deliveries = useResource<ListPage<Delivery>>(withQuery(`${path}/deliveries`, { status, cursor, limit: "50" }), {
    everyMs: cursor === null ? REFRESH_MS : null,
  });
  const found = endpoint.data;
  return (
    <Page
      title={found?.url ?? "Endpoint"}
      back={{ href: to("webhooks"), label: "All endpoints" }}
      actions={
        canOperate &&
        found !== null && (
          <EndpointActions endpoint={found} onChange={endpoint.reload} onRedelivered={deliveries.reload} />
        )
      }
    >
      <Loaded resource={endpoint} rows={3}>
        {(one) => (
          <Panel title="Endpoint" id="endpoint">
            <dl class="facts">
              <dt>State</dt>
              <dd>
                <EndpointBadge endpoint={one} failingSince={health.data?.data[0]?.failing_since ?? null} />
              </dd>
              <dt>Id</dt>
              <dd>
                <CopyId id={one.endpoint_id} label="endpoint id" />
              </dd>
              <dt>Events</dt>
              <dd>{one.events.join(", ")}</dd>
              {one.description !== null && (
                <>
                  <dt>Description</dt>
                  <dd>{one.description}</dd>
                </>
              )}
              <dt>On their way</dt>
              <dd>
                {formatCount(one.due)} due
                {one.oldest_due_at !== null && (
                  <>
                    , oldest <Age at={one.oldest_due_at} />
                  </>
                )}
                ; {formatCount(one.parked)} parked
              </dd>
              {one.previous_secret_until !== null && (
                <>
                  <dt>Old secret</dt>
                  <dd>
                    signs along until <Time at={one.previous_secret_until} />
                  </dd>
                </>
              )}
              <dt>Created</dt>
              <dd>
                <Time at={one.created_at} />
              </dd>
            </dl>
          </Panel>
        )}
      </Loaded>
      <Panel title="Deliveries" id="deliveries" aside={<StatusChoice id={id} status={status} />}>
        <Loaded resource={deliveries}>
          {(page) =>
            page.data.length === 0 ? (
              <Empty title={status === null ? "Nothing was sent yet" : `No delivery is ${status}`}>
                The next event of a kind that it wants is delivered within a second.
              </Empty>
            ) : (
              <>
                <DeliveryTable deliveries={page.data} mayRedeliver={canOperate} onRedelivered={deliveries.reload} />
                <Pager page={page} what="deliveries" />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

const STATUSES = ["due", "delivered", "parked", "canceled"] as const satisfies readonly Delivery["status"][];

function StatusChoice({ id, status }: { readonly id: string; readonly status: string | null }) {
  return (
    <label class="inline-field">
      <span>State</span>
      <select
        value={status ?? ""}
        onChange={(event) => navigate(withQuery(to("webhooks", id), { status: event.currentTarget.value }))}
      >
        <option value="">All</option>
        {STATUSES.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
