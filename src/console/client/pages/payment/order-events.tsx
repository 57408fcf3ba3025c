/** What the merchant was told about this payment, and whether it arrived. */
import type { Page, TimelineEntry } from "../../api/types.ts";
import type { Delivery } from "../../api/webhook-types.ts";
import { useResource } from "../../state/resource.ts";
import { withQuery } from "../../state/router.ts";
import { mayOperate, sessionStore } from "../../state/session.ts";
import { useStore } from "../../state/use-store.ts";
import { Panel } from "../../ui/page.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { CopyId, Time } from "../../ui/values.tsx";
import { DeliveryTable } from "../webhooks/deliveries.tsx";

type EventEntry = Extract<TimelineEntry, { kind: "event" }>;

const REFRESH_MS = 4_000;

export function EventsPanel({ id, timeline }: { readonly id: string; readonly timeline: readonly TimelineEntry[] }) {
  const canOperate = useStore(sessionStore, mayOperate);
  const events: readonly EventEntry[] = timeline.filter((entry) => entry.kind === "event");
  const deliveries = useResource<Page<Delivery>>(withQuery("/v1/deliveries", { payment_order_id: id, limit: "100" }), {
    everyMs: REFRESH_MS,
  });
  return (
    <Panel title="Events for the merchant" id="order-events">
      {events.length === 0 ? (
        <Empty title="Nothing was announced yet">Events are written in the order’s own commit.</Empty>
      ) : (
        <Table
          caption="Events of this payment, oldest first"
          rows={events}
          keyOf={(event) => event.id}
          columns={[
            {
              title: "Event",
              kind: "wide",
              show: (event) => (
                <>
                  {event.type}
                  <span class="under">
                    <CopyId id={event.id} label="event id" />
                  </span>
                </>
              ),
            },
            { title: "Order version", kind: "number", show: (event) => event.order_version ?? "–" },
            { title: "At", show: ({ at }) => <Time at={at} /> },
          ]}
        />
      )}
      <h3 class="sub">Webhook deliveries</h3>
      <Loaded resource={deliveries} rows={1}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="soft">No endpoint wanted these events.</p>
          ) : (
            <DeliveryTable deliveries={data} mayRedeliver={canOperate} onRedelivered={deliveries.reload} withEndpoint />
          )
        }
      </Loaded>
    </Panel>
  );
}
