/** What is not settled: five queues, each with its age and the money at risk, and what moves it on. */
import type { QueueSummary } from "../../contract.ts";
import type { Page as ListPage, QueuedOrder } from "../api/types.ts";
import { useResource } from "../state/resource.ts";
import { to, withQuery } from "../state/router.ts";
import { formatCount, toWords } from "../ui/format.ts";
import { OrderState } from "../ui/order-table.tsx";
import { Page } from "../ui/page.tsx";
import { Pager } from "../ui/pager.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { lookOf } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Age, CopyId, Money } from "../ui/values.tsx";
import { Icon } from "../ui/icon.tsx";

const REFRESH_MS = 3_000;

const QUEUES: Readonly<Record<QueueSummary["queue"], { readonly word: string; readonly what: string }>> = {
  parked: { word: "Parked", what: "Retries are spent or facts disagree. Each waits for a person." },
  late: {
    word: "Late",
    what: "The PSP took money for an order that had ended. It lies in suspense until somebody gives it back.",
  },
  resolving: { word: "Resolving", what: "It is not known whether the buyer was charged. The PSP is being asked." },
  retrying: { word: "Retrying", what: "Surely not charged; they are sent again by themselves." },
  pending: { word: "Pending", what: "The PSP has them: a webhook, a poll or the buyer will move them." },
};

export const queueWord = (queue: QueueSummary["queue"]): string => QUEUES[queue].word;

const isQueue = (name: string): name is QueueSummary["queue"] => Object.hasOwn(QUEUES, name);

export function QueuesPage({ queue, query }: { readonly queue: string; readonly query: URLSearchParams }) {
  const chosen = isQueue(queue) ? queue : "parked";
  const counts = useResource<{ readonly data: readonly QueueSummary[] }>("/v1/queues", { everyMs: REFRESH_MS });
  const cursor = query.get("cursor");
  const list = useResource<ListPage<QueuedOrder>>(withQuery(`/v1/queues/${chosen}`, { cursor, limit: "50" }), {
    everyMs: cursor === null ? REFRESH_MS : null,
  });
  return (
    <Page title={`Queues: ${QUEUES[chosen].word.toLowerCase()}`} heading="Queues">
      <Loaded resource={counts} rows={2}>
        {({ data }) => (
          <nav class="queue-tabs" aria-label="Queues">
            {Object.keys(QUEUES)
              .flatMap((name) => data.filter((one) => one.queue === name))
              .map((summary) => (
                <QueueTab key={summary.queue} summary={summary} isCurrent={summary.queue === chosen} />
              ))}
          </nav>
        )}
      </Loaded>
      <section aria-labelledby="queue-title">
        <h2 id="queue-title">{QUEUES[chosen].word}</h2>
        <p class="soft">{QUEUES[chosen].what}</p>
        <Loaded resource={list}>
          {(page) =>
            page.data.length === 0 ? (
              <Empty title="Nothing waits here">
                {chosen === "parked" ? "No payment needs a person." : "All quiet."}
              </Empty>
            ) : (
              <>
                <QueueTable page={page} queue={chosen} />
                <Pager page={page} what="the queue" />
              </>
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}

function QueueTab({ summary, isCurrent }: { readonly summary: QueueSummary; readonly isCurrent: boolean }) {
  const { queue, count, oldest_at: oldestAt, money_at_risk: money } = summary;
  const { tone, icon } = queue === "late" ? ({ tone: "warn", icon: "warning" } as const) : lookOf(`EXECUTING.${queue}`);
  return (
    <a
      class={`queue-tab ${count === 0 ? "is-calm" : `is-${tone}`}`}
      href={to("queues", queue)}
      aria-current={isCurrent ? "page" : undefined}
    >
      <span class="queue-name">
        <Icon name={count === 0 ? "done" : icon} /> {QUEUES[queue].word}
      </span>
      <strong class="queue-count">{formatCount(count)}</strong>
      <span class="queue-money">
        {money.length === 0
          ? "no money at risk"
          : money
              .slice(0, 2)
              .map(({ amount, currency }) => <Money key={currency} amount={amount} currency={currency} />)}
        {money.length > 2 && (
          <span>
            and {money.length - 2} more {money.length === 3 ? "currency" : "currencies"}
          </span>
        )}
      </span>
      <span class="soft">
        {oldestAt === null ? (
          "empty"
        ) : (
          <>
            oldest <Age at={oldestAt} />
          </>
        )}
      </span>
    </a>
  );
}

function QueueTable({ page, queue }: { readonly page: ListPage<QueuedOrder>; readonly queue: string }) {
  return (
    <Table
      caption={`Payments that are ${queue}, newest first`}
      rows={page.data}
      keyOf={({ payment_order: order }) => order.payment_order_id}
      columns={[
        {
          title: "Payment order",
          kind: "wide",
          show: ({ payment_order: { payment_order_id: id } }) => (
            <CopyId id={id} label="payment order id" href={to("payments", id)} />
          ),
        },
        { title: "For", show: ({ since }) => <Age at={since} /> },
        { title: "State", show: ({ payment_order: order }) => <OrderState order={order} /> },
        {
          title: "At risk",
          kind: "number",
          show: ({ money_at_risk: money }) => (
            <span class="stacked">
              {money.map(({ amount, currency }) => (
                <Money key={currency} amount={amount} currency={currency} />
              ))}
            </span>
          ),
        },
        { title: "Why", show: ({ reason }) => toWords(reason) },
        { title: "Next action", kind: "wide", show: ({ next_action: action }) => action },
      ]}
    />
  );
}
