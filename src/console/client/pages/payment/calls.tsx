/** Calls to the PSP as bars on one time axis, with its notices between them; each opens to what was said. */
import type { OrderCalls, PspCall, PspNoticeSeen } from "../../../contract.ts";
import { tickerStore } from "../../state/ticker.ts";
import { useStore } from "../../state/use-store.ts";
import { formatDuration } from "../../ui/format.ts";
import { Json } from "../../ui/json.tsx";
import { LongList } from "../../ui/long-list.tsx";
import { Panel } from "../../ui/page.tsx";
import { Empty } from "../../ui/states.tsx";
import { Badge, OutcomeBadge } from "../../ui/status.tsx";
import { CopyId, Time } from "../../ui/values.tsx";

type Row =
  | { readonly kind: "call"; readonly at: string; readonly call: PspCall }
  | { readonly kind: "notice"; readonly at: string; readonly notice: PspNoticeSeen };

interface Axis {
  readonly fromMs: number;
  readonly toMs: number;
}

const answeredMs = ({ answers }: PspCall): number | null => {
  const last = answers.at(-1);
  return last === undefined ? null : Date.parse(last.at);
};

/** A bar that is out now grows; so the axis ends at least now while one is. */
function axisOf(rows: readonly Row[], startAt: string, nowMs: number): Axis {
  const ends = rows.map((row) => {
    if (row.kind === "notice") return Date.parse(row.at);
    return answeredMs(row.call) ?? nowMs;
  });
  const fromMs = Date.parse(startAt);
  return { fromMs, toMs: Math.max(fromMs + 50, ...ends) };
}

const shareOf = ({ fromMs, toMs }: Axis, ms: number): number =>
  Math.min(100, Math.max(0, ((ms - fromMs) / (toMs - fromMs)) * 100));

export function CallsPanel({ calls, createdAt }: { readonly calls: OrderCalls; readonly createdAt: string }) {
  const isOut = calls.calls.some(({ answers }) => answers.length === 0);
  const nowMs = useStore(tickerStore, (ticker) => (isOut ? ticker.nowMs : 0));
  const rows: readonly Row[] = [
    ...calls.calls.map((call): Row => ({ kind: "call", at: call.at, call })),
    ...calls.notices.map((notice): Row => ({ kind: "notice", at: notice.received_at, notice })),
  ].toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
  const axis = axisOf(rows, createdAt, nowMs);
  return (
    <Panel
      title="Calls to the PSP"
      id="calls"
      aside={
        <span class="soft">
          {rows.length === 0 ? "" : `${formatDuration(axis.toMs - axis.fromMs)} from creation to the last of them`}
        </span>
      }
    >
      {rows.length === 0 ? (
        <Empty title="The PSP has not heard of this order">Nothing was sent, so nothing can have been charged.</Empty>
      ) : (
        <>
          <div class="axis" aria-hidden="true">
            {[0, 50, 100].map((share) => (
              <span key={share} style={{ "--at": `${share}%` }}>
                {share === 0 ? "0" : `+${formatDuration(((axis.toMs - axis.fromMs) * share) / 100)}`}
              </span>
            ))}
          </div>
          <LongList
            class="bars"
            items={rows}
            head={3}
            tail={7}
            what="calls"
            show={(row) =>
              row.kind === "call" ? (
                <CallRow key={`c${row.call.attempt}`} call={row.call} axis={axis} nowMs={nowMs} />
              ) : (
                <NoticeRow key={`n${row.notice.event_id}`} notice={row.notice} axis={axis} />
              )
            }
          />
        </>
      )}
    </Panel>
  );
}

/** The fact's own outcome: what an inquiry found out comes after what the answer said. */
const outcomeOf = ({ answers }: PspCall): string | null => answers.at(-1)?.outcome ?? null;

function CallRow({ call, axis, nowMs }: { readonly call: PspCall; readonly axis: Axis; readonly nowMs: number }) {
  const startMs = Date.parse(call.at);
  const endMs = answeredMs(call) ?? Math.max(nowMs, startMs);
  const from = shareOf(axis, startMs);
  const outcome = outcomeOf(call);
  return (
    <li>
      <details class="bar-row">
        <summary>
          <span class="bar-name">
            <strong>{call.operation === "inquiry" ? "Inquiry" : "Charge"}</strong>
            <span class="soft">attempt {call.attempt}</span>
          </span>
          <span class="track">
            <span
              class={`bar is-${outcome ?? "out"} ${call.operation === "inquiry" ? "is-inquiry" : ""}`}
              style={{ "--from": `${from}%`, "--width": `${shareOf(axis, endMs) - from}%` }}
            />
          </span>
          <span class="bar-end">
            <OutcomeBadge outcome={outcome} />
            <span class="soft">{call.answers.length === 0 ? "out" : formatDuration(endMs - startMs)}</span>
          </span>
        </summary>
        <div class="bar-body">
          <dl class="facts">
            <dt>Sent</dt>
            <dd>
              <Time at={call.at} /> by node {call.node} to {call.psp}
            </dd>
            <dt>Idempotency key</dt>
            <dd>
              <CopyId id={call.idempotency_key} label="idempotency key" />
            </dd>
            <dt>Operation number</dt>
            <dd>{call.operation_number}</dd>
          </dl>
          {call.request !== null && (
            <>
              <h4>Request</h4>
              <Json value={call.request} label={`Request of attempt ${call.attempt}`} />
            </>
          )}
          {call.answers.length === 0 && <p class="soft">No answer is known: it is out, or was lost with its node.</p>}
          {call.answers.map((answer, index) => (
            <div key={index}>
              <h4>
                {answer.source === "inquiry" ? "What an inquiry found" : "Answer"}
                {answer.http_status === null ? "" : `, HTTP ${answer.http_status}`} ·{" "}
                {formatDuration(answer.latency_ms)}
              </h4>
              <Json value={answer.body} label={`Answer to attempt ${call.attempt}`} />
            </div>
          ))}
        </div>
      </details>
    </li>
  );
}

const DISPOSITIONS: Readonly<Record<string, string>> = {
  taken: "moved the order",
  ignored: "changed nothing",
  unmatched: "belongs to no order",
};

function NoticeRow({ notice, axis }: { readonly notice: PspNoticeSeen; readonly axis: Axis }) {
  const { disposition } = notice;
  return (
    <li>
      <details class="bar-row">
        <summary>
          <span class="bar-name">
            <strong>Webhook</strong>
            <span class="soft">{notice.type}</span>
          </span>
          <span class="track">
            <span class="mark-at" style={{ "--from": `${shareOf(axis, Date.parse(notice.received_at))}%` }} />
          </span>
          <span class="bar-end">
            <Badge
              tone={disposition === "taken" ? "good" : "quiet"}
              icon={disposition === "taken" ? "done" : "idle"}
              text={disposition === null ? "not handled yet" : (DISPOSITIONS[disposition] ?? disposition)}
            />
          </span>
        </summary>
        <div class="bar-body">
          <dl class="facts">
            <dt>Received</dt>
            <dd>
              <Time at={notice.received_at} />
            </dd>
            <dt>PSP’s event</dt>
            <dd>
              <CopyId id={notice.event_id} label="event id of the PSP" />
            </dd>
          </dl>
          <h4>What it said</h4>
          <Json value={notice.body} label={`Webhook ${notice.event_id}`} />
        </div>
      </details>
    </li>
  );
}
