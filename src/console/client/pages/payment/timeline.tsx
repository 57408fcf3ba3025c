/** Everything that happened, oldest first, each with its distance from the creation. */
import type { ComponentChildren } from "preact";
import type { TimelineEntry } from "../../api/types.ts";
import { toShortEvent } from "../../chart/find-edge.ts";
import { to, withQuery } from "../../state/router.ts";
import { formatDuration, toWords } from "../../ui/format.ts";
import { Icon, type IconName } from "../../ui/icon.tsx";
import { LongList } from "../../ui/long-list.tsx";
import { Panel } from "../../ui/page.tsx";
import { lookOf } from "../../ui/status.tsx";
import { Money, Time } from "../../ui/values.tsx";

const ICONS: Readonly<Record<TimelineEntry["kind"], IconName>> = {
  transition: "moving",
  attempt: "payments",
  webhook: "webhooks",
  posting: "ledger",
  event: "events",
  operator: "person",
};

const KINDS: Readonly<Record<TimelineEntry["kind"], string>> = {
  transition: "Transition",
  attempt: "PSP call",
  webhook: "Webhook",
  posting: "Posting",
  event: "Event",
  operator: "Operator",
};

export function TimelinePanel({
  timeline,
  createdAt,
}: {
  readonly timeline: readonly TimelineEntry[];
  readonly createdAt: string;
}) {
  const startMs = Date.parse(createdAt);
  return (
    <Panel title="Timeline" id="timeline">
      <LongList
        class="timeline"
        items={timeline}
        head={8}
        tail={14}
        what="entries"
        show={(entry, index) => (
          <li key={index} class={`is-${entry.kind}`}>
            <span class="timeline-at">
              <Time at={entry.at} />
              <span class="soft">+{formatDuration(Math.max(0, Date.parse(entry.at) - startMs))}</span>
            </span>
            <Icon name={ICONS[entry.kind]} />
            <span class="timeline-what">
              <span class="timeline-kind">{KINDS[entry.kind]}</span> {describe(entry)}
            </span>
          </li>
        )}
      />
    </Panel>
  );
}

function describe(entry: TimelineEntry): ComponentChildren {
  switch (entry.kind) {
    case "transition":
      return (
        <>
          {entry.from === entry.to
            ? `stays ${lookOf(entry.to).word}`
            : `${lookOf(entry.from).word} → ${lookOf(entry.to).word}`}{" "}
          <span class="soft">on {toShortEvent(entry.event)}</span>
        </>
      );
    case "attempt":
      return (
        <>
          {entry.operation} {entry.attempt}: {entry.outcome === null ? "no answer yet" : toWords(entry.outcome)}{" "}
          <span class="soft">
            {entry.psp}
            {entry.http_status === null ? "" : `, HTTP ${entry.http_status}`}
            {entry.latency_ms === null ? "" : `, ${formatDuration(entry.latency_ms)}`}
          </span>
        </>
      );
    case "webhook":
      return (
        <>
          {entry.type} from {entry.psp} <span class="soft">{entry.disposition ?? "not handled yet"}</span>
        </>
      );
    case "posting":
      return (
        <>
          <Money amount={entry.amount} currency={entry.currency} />{" "}
          <span class="soft">
            {entry.debit_account} → {entry.credit_account}
          </span>
        </>
      );
    case "event":
      return (
        <>
          <a href={withQuery(to("events"), { type: entry.type })}>{entry.type}</a>{" "}
          <span class="soft">{entry.order_version === null ? "" : `order version ${entry.order_version}`}</span>
        </>
      );
    case "operator":
      return (
        <>
          {entry.command}
          {entry.outcome === null ? "" : `: ${entry.outcome}`}
          {entry.amount === null ? "" : `, ${entry.amount}`}
          {entry.reason === null ? "" : ` – “${entry.reason}”`}
        </>
      );
  }
}
