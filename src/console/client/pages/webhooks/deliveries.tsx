/** Deliveries with their state, latency and what the receiver said; any of them can be sent again. */
import { useState } from "preact/hooks";
import { problemOf } from "../../api/problem.ts";
import { request } from "../../api/request.ts";
import type { Delivery, DeliveryWithAttempts } from "../../api/webhook-types.ts";
import { tell } from "../../state/notices.ts";
import { useResource } from "../../state/resource.ts";
import { to } from "../../state/router.ts";
import { formatDuration, toWords } from "../../ui/format.ts";
import type { IconName } from "../../ui/icon.tsx";
import { Loaded } from "../../ui/states.tsx";
import { Badge, type Tone } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { CopyId, Time, Until } from "../../ui/values.tsx";

const LOOKS: Readonly<Record<Delivery["status"], readonly [Tone, IconName]>> = {
  due: ["busy", "waiting"],
  delivered: ["good", "done"],
  parked: ["bad", "warning"],
  canceled: ["quiet", "failed"],
};

interface DeliveryTableProps {
  readonly deliveries: readonly Delivery[];
  readonly mayRedeliver: boolean;
  readonly onRedelivered: () => void;
  /** Where deliveries of several endpoints are listed. */
  readonly withEndpoint?: boolean;
}

export function DeliveryTable({ deliveries, mayRedeliver, onRedelivered, withEndpoint = false }: DeliveryTableProps) {
  const again: readonly Column<Delivery>[] = mayRedeliver
    ? [{ title: "Again", show: (delivery) => <RedeliverButton delivery={delivery} onDone={onRedelivered} /> }]
    : [];
  const endpoint: readonly Column<Delivery>[] = withEndpoint
    ? [{ title: "Endpoint", kind: "wide", show: ({ endpoint_id: id, url }) => <a href={to("webhooks", id)}>{url}</a> }]
    : [];
  return (
    <Table
      caption="Webhook deliveries, newest first"
      rows={deliveries}
      keyOf={({ delivery_id: id }) => id}
      columns={[
        { title: "Event", kind: "wide", show: (delivery) => <EventCell delivery={delivery} /> },
        ...endpoint,
        { title: "State", show: (delivery) => <DeliveryState delivery={delivery} /> },
        { title: "Last answer", show: (delivery) => <LastAnswer delivery={delivery} /> },
        { title: "Attempts", kind: "wide", show: (delivery) => <Attempts delivery={delivery} /> },
        ...again,
      ]}
    />
  );
}

function EventCell({ delivery }: { readonly delivery: Delivery }) {
  return (
    <>
      {delivery.event_type}
      <span class="under">
        <CopyId id={delivery.event_id} label="event id" />
      </span>
    </>
  );
}

function DeliveryState({ delivery }: { readonly delivery: Delivery }) {
  const [tone, icon] = LOOKS[delivery.status];
  return (
    <>
      <Badge tone={tone} icon={icon} text={delivery.is_sending ? "being sent" : delivery.status} />
      {delivery.next_attempt_at !== null && !delivery.is_sending && (
        <span class="under">
          next <Until at={delivery.next_attempt_at} />
        </span>
      )}
    </>
  );
}

/** The status, or why there is none. */
function answerWords(answer: {
  readonly status: number | null;
  readonly latencyMs: number | null;
  readonly error: string | null;
}): string {
  const what = answer.status === null ? toWords(answer.error ?? "no answer") : `HTTP ${answer.status}`;
  return answer.latencyMs === null ? what : `${what} in ${formatDuration(answer.latencyMs)}`;
}

function LastAnswer({ delivery }: { readonly delivery: Delivery }) {
  if (delivery.last_attempt_at === null) return <span class="soft">not sent yet</span>;
  const { last_status: status, last_latency_ms: latencyMs, last_error: error } = delivery;
  return (
    <>
      {answerWords({ status, latencyMs, error })}
      <span class="under">
        <Time at={delivery.last_attempt_at} />
      </span>
    </>
  );
}

function Attempts({ delivery }: { readonly delivery: Delivery }) {
  const [isOpen, setOpen] = useState(false);
  if (delivery.attempts === 0) return <>none</>;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{delivery.attempts}</summary>
      {isOpen && <AttemptList id={delivery.delivery_id} attempts={delivery.attempts} />}
    </details>
  );
}

function AttemptList({ id, attempts }: { readonly id: string; readonly attempts: number }) {
  // The count in the address reads them again when there is one more.
  const delivery = useResource<DeliveryWithAttempts>(`/v1/deliveries/${encodeURIComponent(id)}#${attempts}`);
  return (
    <Loaded resource={delivery} rows={1}>
      {({ history }) => (
        <ol class="attempts">
          {history.map((one) => (
            <li key={one.attempt}>
              <Time at={one.at} />: {answerWords({ status: one.status, latencyMs: one.latency_ms, error: one.error })}
              {one.response_excerpt !== null && one.response_excerpt !== "" && (
                <code class="under">{one.response_excerpt}</code>
              )}
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  );
}

function RedeliverButton({ delivery, onDone }: { readonly delivery: Delivery; readonly onDone: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const redeliver = async (): Promise<void> => {
    setBusy(true);
    try {
      await request(`/v1/deliveries/${encodeURIComponent(delivery.delivery_id)}/redeliver`, {
        method: "POST",
        body: {},
      });
      tell("done", "The event is sent again.");
      onDone();
    } catch (error) {
      tell("failed", problemOf(error).detail);
    }
    setBusy(false);
  };
  return (
    <button
      type="button"
      class="button is-small"
      disabled={isBusy}
      aria-label={`Redeliver ${delivery.event_type} ${delivery.event_id}`}
      onClick={redeliver}
    >
      Redeliver
    </button>
  );
}
