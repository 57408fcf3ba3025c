/** Is all well? Live, for somebody who was woken up. */
import type { Overview } from "../../contract.ts";
import { liveStore, loadOverview } from "../state/live.ts";
import { to, withQuery } from "../state/router.ts";
import { tickerStore } from "../state/ticker.ts";
import { useStore } from "../state/use-store.ts";
import { formatAge, formatCount, formatDuration, formatRate, formatShare } from "../ui/format.ts";
import { Icon } from "../ui/icon.tsx";
import { OrderCount } from "../ui/order-count.tsx";
import { Page, Panel } from "../ui/page.tsx";
import { Sparkline } from "../ui/sparkline.tsx";
import { ProblemBox, Skeleton } from "../ui/states.tsx";
import { Badge, lookOf, StatusBadge } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Age, Money } from "../ui/values.tsx";
import { queueWord } from "./queues.tsx";
import { Verdict } from "./overview-verdict.tsx";

export function OverviewPage() {
  const { overview, problem, isConnected, heardMs } = useStore(liveStore, (live) => live);
  return (
    <Page title="Overview" actions={<LiveSign isConnected={isConnected} heardMs={heardMs} />}>
      {problem !== null && <ProblemBox problem={problem} onRetry={() => void loadOverview()} />}
      {overview === null && problem === null && <Skeleton rows={10} />}
      {overview !== null && <Numbers overview={overview} />}
    </Page>
  );
}

/** The server sends a reading every five seconds at least; longer than this without one, and it is old news. */
const STALE_MS = 12_000;

export function LiveSign({ isConnected, heardMs }: { readonly isConnected: boolean; readonly heardMs?: number }) {
  const nowMs = useStore(tickerStore, (ticker) => ticker.nowMs);
  const isStale = heardMs !== undefined && heardMs > 0 && nowMs - heardMs > STALE_MS;
  if (isStale) {
    return (
      <span class="live is-off" role="alert">
        <span class="live-dot" aria-hidden="true" />
        Not live: these figures are {formatAge(nowMs - heardMs)} old
      </span>
    );
  }
  return (
    <span class={`live ${isConnected ? "is-on" : "is-off"}`} role="status">
      <span class="live-dot" aria-hidden="true" />
      {isConnected ? "Live" : "Connecting…"}
    </span>
  );
}

function Numbers({ overview }: { readonly overview: Overview }) {
  return (
    <>
      <Verdict overview={overview} />
      <div class="cards">
        <Rates overview={overview} />
      </div>
      <LinesNote overview={overview} />
      <div class="columns">
        <div class="column">
          <StatesPanel overview={overview} />
          {overview.nodes !== null && <NodesPanel nodes={overview.nodes} />}
        </div>
        <div class="column">
          <QueuesPanel overview={overview} />
          <BooksPanel overview={overview} />
          {overview.psps !== null && <PspPanel psps={overview.psps} />}
        </div>
      </div>
    </>
  );
}

type Samples = NonNullable<Overview["samples"]>;

const pointsOf = (samples: Samples, pick: (sample: Samples[number]) => number | null) =>
  samples.map((sample) => ({ at: sample.at, value: pick(sample) }));

/** What somebody may not see is left out: a zero would be a statement. */
function Rates({ overview }: { readonly overview: Overview }) {
  const { samples, batches, psps, steps_per_second: steps } = overview;
  return (
    <>
      <div class="card">
        <span class="card-title">Payments a second</span>
        <strong class="card-value">{formatRate(overview.payments_per_second)}</strong>
        <span class="soft">{steps === null ? "over the last minute" : `${formatRate(steps)} steps a second`}</span>
        {samples !== null && (
          <Sparkline
            what="Payments a second"
            points={pointsOf(samples, (sample) => sample.payments_per_second)}
            format={formatRate}
          />
        )}
      </div>
      <div class="card">
        <span class="card-title">Success rate</span>
        <strong class="card-value">{overview.success_rate === null ? "–" : formatShare(overview.success_rate)}</strong>
        <span class="soft">
          {overview.success_rate === null ? "no order ended lately" : "of the orders that ended lately"}
        </span>
        {samples !== null && (
          <Sparkline
            what="Success rate"
            points={pointsOf(samples, (sample) => sample.success_rate)}
            format={formatShare}
            isShare
          />
        )}
      </div>
      {psps !== null && samples !== null && <LatencyCard psps={psps} samples={samples} />}
      {batches !== null && samples !== null && <BatchesCard batches={batches} samples={samples} />}
    </>
  );
}

/** A node knows its own last minutes only: with more than one, lines and figures are not of the same. */
function LinesNote({ overview: { nodes, samples_node: node } }: { readonly overview: Overview }) {
  if (nodes === null || node === null) return null;
  return (
    <p class="cards-note soft">
      {"The lines are of the node "}
      <strong>{node}</strong>
      {nodes.length === 1 ? ", the only one." : ` alone; the figures are of all ${formatCount(nodes.length)} nodes.`}
    </p>
  );
}

interface LatencyCardProps {
  readonly psps: NonNullable<Overview["psps"]>;
  readonly samples: Samples;
}

function LatencyCard({ psps, samples }: LatencyCardProps) {
  const latencies = psps.flatMap(({ latency_ms: ms }) => (ms === null ? [] : [ms]));
  const latency = latencies.length === 0 ? null : Math.max(...latencies);
  return (
    <div class="card">
      <span class="card-title">PSP latency</span>
      <strong class="card-value">{latency === null ? "–" : formatDuration(latency)}</strong>
      <span class="soft">
        {latency === null ? "no call lately" : `mean of the calls of late${psps.length > 1 ? ", slowest PSP" : ""}`}
      </span>
      <Sparkline
        what="PSP latency"
        points={pointsOf(samples, (sample) => sample.psp_latency_ms)}
        format={formatDuration}
      />
    </div>
  );
}

interface BatchesCardProps {
  readonly batches: NonNullable<Overview["batches"]>;
  readonly samples: Samples;
}

function BatchesCard({ batches, samples }: BatchesCardProps) {
  const steps = batches.items_mean === null ? null : formatRate(batches.items_mean);
  return (
    <div class="card">
      <span class="card-title">Commit batches a second</span>
      <strong class="card-value">{formatRate(batches.per_second)}</strong>
      <span class="soft">
        {steps === null ? "no commit lately" : `${steps} ${steps === "1" ? "step" : "steps"} each`}
        {batches.ms_mean === null ? "" : `, ${formatDuration(batches.ms_mean)}`}
      </span>
      <Sparkline
        what="Commit batches a second"
        points={pointsOf(samples, (sample) => sample.batches_per_second)}
        format={formatRate}
      />
    </div>
  );
}

function StatesPanel({ overview }: { readonly overview: Overview }) {
  const most = Math.max(1, ...overview.states.map(({ count }) => count));
  return (
    <Panel title="Orders by state" id="states" aside={<a href={to("fleet")}>On the chart</a>}>
      <Table
        caption="How many orders are in each state"
        isCompact
        rows={overview.states.filter(({ state }) => state !== "EXECUTING")}
        keyOf={({ state }) => state}
        columns={[
          {
            title: "State",
            show: ({ state }) => {
              const [status = "", phase = null] = state.split(".");
              return (
                <a class="plain" href={withQuery(to("payments"), { status, phase })}>
                  <StatusBadge state={state} />
                </a>
              );
            },
          },
          {
            title: "Orders",
            kind: "number",
            show: (count) => <OrderCount count={count} />,
          },
          {
            title: "Share",
            kind: "wide",
            show: ({ state, count }) => (
              <span class="meter" aria-hidden="true">
                <span class={`is-${lookOf(state).tone}`} style={{ "--width": `${(count / most) * 100}%` }} />
              </span>
            ),
          },
          {
            title: "Oldest",
            show: ({ oldest_at: at, window }) =>
              at === null || window === "24h" ? <span class="soft">–</span> : <Age at={at} />,
          },
        ]}
      />
    </Panel>
  );
}

function QueuesPanel({ overview }: { readonly overview: Overview }) {
  return (
    <Panel title="Queues" id="queues" aside={<a href={to("queues")}>All queues</a>}>
      <Table
        caption="What is not settled"
        isCompact
        rows={overview.queues}
        keyOf={({ queue }) => queue}
        columns={[
          {
            title: "Queue",
            show: ({ queue, count, money_at_risk: money }) => (
              <>
                <a href={to("queues", queue)}>
                  {queueWord(queue)}
                  {count > 0 && (queue === "parked" || queue === "late") && (
                    <span class="attention">
                      <Icon name="warning" /> needs a person
                    </span>
                  )}
                </a>
                {money.length > 0 && (
                  <span class="under on-phone">
                    at risk <MoneyList money={money} />
                  </span>
                )}
              </>
            ),
          },
          { title: "Orders", kind: "number", show: ({ count }) => <strong>{formatCount(count)}</strong> },
          {
            title: "Oldest",
            show: ({ oldest_at: at }) => (at === null ? <span class="soft">–</span> : <Age at={at} />),
          },
          {
            title: "Money at risk",
            // A phone has no room for a fourth column of long numbers: there they stand under the queue's name.
            kind: "number wide",
            show: ({ money_at_risk: money }) =>
              money.length === 0 ? <span class="soft">none</span> : <MoneyList money={money} />,
          },
        ]}
      />
    </Panel>
  );
}

function MoneyList({ money }: { readonly money: Overview["queues"][number]["money_at_risk"] }) {
  return (
    <span class="stacked">
      {money.map(({ amount, currency }) => (
        <Money key={currency} amount={amount} currency={currency} />
      ))}
    </span>
  );
}

function BooksPanel({ overview }: { readonly overview: Overview }) {
  const { is_balanced: isBalanced, currencies } = overview.trial_balance;
  return (
    <Panel title="Trial balance" id="trial-balance" aside={<a href={to("ledger")}>Ledger</a>}>
      <p class={`light ${isBalanced ? "is-good" : "is-bad"}`}>
        <Icon name={isBalanced ? "done" : "warning"} />
        <span>
          <strong>{isBalanced ? "In balance" : "Out of balance"}</strong>
          <span class="soft">
            {currencies.length === 0
              ? "The books are empty."
              : isBalanced
                ? `Debits equal credits in ${currencies.map(({ currency }) => currency).join(", ")}.`
                : "Stop pay-outs and look at the ledger."}
          </span>
        </span>
      </p>
      {!isBalanced && (
        <ul class="plain-list">
          {currencies.map(({ currency, difference }) => (
            <li key={currency}>
              off by <Money amount={difference} currency={currency} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function PspPanel({ psps }: { readonly psps: NonNullable<Overview["psps"]> }) {
  return (
    <Panel title="PSPs" id="psps">
      <Table
        caption="Payment service providers"
        isCompact
        rows={psps}
        keyOf={({ psp }) => psp}
        columns={[
          {
            title: "PSP",
            show: ({ psp, is_open: isOpen }) => (
              <>
                {psp}
                <span class="under">
                  {isOpen ? (
                    <Badge tone="bad" icon="warning" text="held back" />
                  ) : (
                    <Badge tone="good" icon="done" text="taking calls" />
                  )}
                </span>
              </>
            ),
          },
          { title: "Calls/s", kind: "number", show: (psp) => formatRate(psp.calls_per_second) },
          { title: "Latency", kind: "number", show: ({ latency_ms: ms }) => (ms === null ? "–" : formatDuration(ms)) },
          { title: "In flight", kind: "number", show: (psp) => formatCount(psp.in_flight) },
        ]}
      />
    </Panel>
  );
}

function NodesPanel({ nodes }: { readonly nodes: NonNullable<Overview["nodes"]> }) {
  return (
    <Panel title="Nodes" id="nodes">
      <Table
        caption="Processes of Florin on this database"
        isCompact
        rows={nodes}
        keyOf={({ node }) => node}
        columns={[
          {
            title: "Node",
            show: ({ name, node }) => (
              <span class="wraps" title={node}>
                {name}
              </span>
            ),
          },
          {
            title: "State",
            show: ({ is_alive: isAlive }) =>
              isAlive ? <Badge tone="good" icon="done" text="alive" /> : <Badge tone="bad" icon="failed" text="gone" />,
          },
          { title: "Runs for", show: ({ started_at: at }) => <Age at={at} /> },
          {
            title: "Heartbeat",
            show: ({ heartbeat_at: at }) => (
              <>
                <Age at={at} /> ago
              </>
            ),
          },
        ]}
      />
    </Panel>
  );
}
