/** Where merchants' events are sent. */
import { useState } from "preact/hooks";
import type { EndpointsHealth } from "../../../contract.ts";
import type { Page as ListPage } from "../../api/types.ts";
import type { WebhookEndpoint } from "../../api/webhook-types.ts";
import { useResource } from "../../state/resource.ts";
import { to, withQuery } from "../../state/router.ts";
import { mayOperate, sessionStore } from "../../state/session.ts";
import { useStore } from "../../state/use-store.ts";
import { formatCount } from "../../ui/format.ts";
import { Page } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Time } from "../../ui/values.tsx";
import { CreateEndpointDialog } from "./create-endpoint.tsx";
import { EndpointBadge } from "./endpoint-badge.tsx";

const REFRESH_MS = 5_000;

export function WebhooksPage({ query }: { readonly query: URLSearchParams }) {
  const canOperate = useStore(sessionStore, mayOperate);
  const [isCreating, setCreating] = useState(false);
  const list = useResource<ListPage<WebhookEndpoint>>(
    withQuery("/v1/webhook_endpoints", { cursor: query.get("cursor"), limit: "50" }),
  );
  const health = useResource<EndpointsHealth>("/endpoints", { everyMs: REFRESH_MS });
  const failing = new Map(health.data?.data.map(({ endpoint_id: id, failing_since: since }) => [id, since]));
  return (
    <Page
      title="Webhooks"
      lead="Addresses that are told of events, signed as Standard Webhooks."
      actions={
        canOperate && (
          <button type="button" class="button is-primary" onClick={() => setCreating(true)}>
            Add endpoint…
          </button>
        )
      }
    >
      <Loaded resource={list}>
        {(page) =>
          page.data.length === 0 ? (
            <Empty title="Nobody is told yet">
              Add an endpoint, or read the <a href={to("events")}>events</a> here.
            </Empty>
          ) : (
            <>
              <Table
                caption="Webhook endpoints"
                rows={page.data}
                keyOf={({ endpoint_id: id }) => id}
                columns={[
                  {
                    title: "Address",
                    kind: "wide",
                    show: ({ endpoint_id: id, url, description }) => (
                      <>
                        <a href={to("webhooks", id)}>{url}</a>
                        {description !== null && <span class="under">{description}</span>}
                      </>
                    ),
                  },
                  {
                    title: "State",
                    show: (endpoint) => (
                      <EndpointBadge endpoint={endpoint} failingSince={failing.get(endpoint.endpoint_id) ?? null} />
                    ),
                  },
                  { title: "Events", kind: "wide", show: ({ events }) => events.join(", ") },
                  { title: "Due", kind: "number", show: ({ due }) => formatCount(due) },
                  { title: "Parked", kind: "number", show: ({ parked }) => formatCount(parked) },
                  { title: "Created", show: ({ created_at: at }) => <Time at={at} /> },
                ]}
              />
              <Pager page={page} what="endpoints" />
            </>
          )
        }
      </Loaded>
      {isCreating && <CreateEndpointDialog onClose={() => setCreating(false)} onCreated={list.reload} />}
    </Page>
  );
}
