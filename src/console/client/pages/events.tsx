/** What merchants were told, newest first, and live while somebody looks. */
import { useEffect, useRef, useState } from "preact/hooks";
import { after } from "../browser-ports.ts";
import type { Page as ListPage } from "../api/types.ts";
import type { MerchantEvent } from "../api/webhook-types.ts";
import { EVENT_TYPES } from "../../../events/event-types.ts";
import { openEventStream } from "../state/event-stream.ts";
import { useResource } from "../state/resource.ts";
import { navigate, to, withQuery } from "../state/router.ts";
import { Json } from "../ui/json.tsx";
import { Page } from "../ui/page.tsx";
import { Pager } from "../ui/pager.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { CopyId, Time } from "../ui/values.tsx";
import { LiveSign } from "./overview.tsx";

export function EventsPage({ query }: { readonly query: URLSearchParams }) {
  const type = query.get("type");
  const cursor = query.get("cursor");
  const list = useResource<ListPage<MerchantEvent>>(withQuery("/v1/events", { type, cursor, limit: "50" }));
  const isConnected = useEventStream(cursor === null ? list.reload : null);
  return (
    <Page title="Events" actions={cursor === null && <LiveSign isConnected={isConnected} />}>
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <label class="field">
          <span>Type</span>
          <select
            value={type ?? ""}
            onChange={(event) => navigate(withQuery(to("events"), { type: event.currentTarget.value }))}
          >
            <option value="">Every type</option>
            {EVENT_TYPES.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </form>
      <Loaded resource={list}>
        {(page) =>
          page.data.length === 0 ? (
            <Empty title="No event yet">
              Each payment writes its events in its own commit; they appear here at once.
            </Empty>
          ) : (
            <>
              <EventTable events={page.data} />
              <Pager page={page} what="events" />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

const GATHER_MS = 1_000;

/** Tells that something new came. The list itself is read again: its order is the server's. */
function useEventStream(onEvent: (() => void) | null): boolean {
  const [isConnected, setConnected] = useState(false);
  const isWanted = onEvent !== null;
  // The list of now, not that of the filter with which the stream was opened.
  const newest = useRef(onEvent);
  newest.current = onEvent;
  useEffect(() => {
    if (!isWanted) return;
    let isDue = false;
    let isOpen = true;
    // Once a second at most: a busy shop has hundreds a second, and each reading would cut off the one before.
    const tell = (): void => {
      if (isDue) return;
      isDue = true;
      after(GATHER_MS, () => {
        isDue = false;
        if (isOpen) newest.current?.();
      });
    };
    const close = openEventStream("/console/api/v1/events/stream", {
      event: "message",
      onEvent: tell,
      onConnected: () => {
        setConnected(true);
        // What came while nobody looked.
        tell();
      },
      onLost: () => setConnected(false),
    });
    return () => {
      isOpen = false;
      close();
    };
  }, [isWanted]);
  return isConnected;
}

function Subject({ data: { object } }: MerchantEvent) {
  if (object.object === "payment_order") {
    const id = object.payment_order_id;
    return <CopyId id={id} label="payment order id" href={to("payments", id)} />;
  }
  const id = object.checkout_id;
  return <CopyId id={id} label="checkout id" href={withQuery(to("payments"), { checkout_id: id })} />;
}

function EventTable({ events }: { readonly events: readonly MerchantEvent[] }) {
  return (
    <Table
      caption="Merchant events, newest first"
      rows={events}
      keyOf={({ id }) => id}
      columns={[
        { title: "Event", kind: "wide", show: ({ id }) => <CopyId id={id} label="event id" /> },
        { title: "Type", show: ({ type }) => <strong>{type}</strong> },
        {
          title: "About",
          kind: "wide",
          show: (event) => <Subject {...event} />,
        },
        { title: "Version", kind: "number", show: (event) => event.order_version ?? "–" },
        { title: "At", show: ({ created_at: at }) => <Time at={at} /> },
        {
          title: "Content",
          kind: "wide",
          show: (event) => (
            <details class="event-body">
              <summary>Show</summary>
              <Json value={event} label={`Event ${event.id}`} />
            </details>
          ),
        },
      ]}
    />
  );
}
