/** All orders on the machine's own chart: how many are where, how fast they move, how long the oldest waits. */
import type { MachineChart, Overview, StateCount } from "../../contract.ts";
import { ChartView } from "../chart/chart-view.tsx";
import { EdgeLabel, EdgeLine } from "../chart/chart-edge.tsx";
import { Node, sortForDrawing } from "../chart/chart-node.tsx";
import { findEdge } from "../chart/find-edge.ts";
import { loadChart, useChart } from "../chart/use-chart.ts";
import { liveStore, loadOverview } from "../state/live.ts";
import { to, withQuery } from "../state/router.ts";
import { tickerStore } from "../state/ticker.ts";
import { useStore } from "../state/use-store.ts";
import { formatAge, formatCount, formatRate } from "../ui/format.ts";
import { OrderCount } from "../ui/order-count.tsx";
import { Page, Panel } from "../ui/page.tsx";
import { Empty, ProblemBox, Skeleton } from "../ui/states.tsx";
import { StatusBadge } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Age } from "../ui/values.tsx";
import { LiveSign } from "./overview.tsx";

export function FleetPage() {
  const live = useStore(liveStore, (state) => state);
  const { chart, problem } = useChart();
  return (
    <Page
      title="Fleet chart"
      lead="Every order on the machine that moves it. Open a state to list its orders."
      actions={<LiveSign isConnected={live.isConnected} heardMs={live.heardMs} />}
    >
      {problem !== null && <ProblemBox problem={problem} onRetry={() => void loadChart()} />}
      {live.problem !== null && <ProblemBox problem={live.problem} onRetry={() => void loadOverview()} />}
      {chart === null || live.overview === null ? (
        <Skeleton rows={10} label="Drawing the chart" />
      ) : (
        <Fleet chart={chart} overview={live.overview} />
      )}
    </Page>
  );
}

export function listHref(state: string): string {
  const [status = "", phase = null] = state.split(".");
  return withQuery(to("payments"), { status, phase });
}

/** Orders a minute along each arrow; several stored ways may share one. */
function ratesOf(chart: MachineChart, { edges }: Overview): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const { from, to: target, per_minute: rate } of edges) {
    const edge = rate > 0 ? findEdge(chart, { from, to: target }) : null;
    if (edge !== null) rates.set(edge.id, (rates.get(edge.id) ?? 0) + rate);
  }
  return rates;
}

const MAX_WEIGHT = 7;
const weightOf = (rate: number): number => Math.min(MAX_WEIGHT, 1.6 + Math.log2(1 + rate) * 0.7);

function linesOf(count: StateCount | undefined, nowMs: number): readonly string[] {
  if (count === undefined) return ["none"];
  if (count.is_counting) return ["counting…"];
  const first = `${formatCount(count.count)}${count.window === "24h" ? " in 24 h" : ""}`;
  if (count.oldest_at === null || count.window === "24h" || count.count === 0) return [first];
  return [first, `oldest ${formatAge(nowMs - Date.parse(count.oldest_at))}`];
}

function Fleet({ chart, overview }: { readonly chart: MachineChart; readonly overview: Overview }) {
  const nowMs = useStore(tickerStore, (ticker) => ticker.nowMs);
  const rates = ratesOf(chart, overview);
  const counts = new Map(overview.states.map((count) => [count.state, count]));
  const nodes = sortForDrawing(chart.nodes);
  const moving = overview.edges
    .filter((edge) => edge.per_minute > 0)
    .toSorted((one, other) => other.per_minute - one.per_minute);
  const edges = chart.edges.toSorted((one, other) => (rates.get(one.id) ?? 0) - (rates.get(other.id) ?? 0));
  return (
    <>
      <ChartView chart={chart} label="State chart of all payment orders" legend={<FleetLegend />}>
        {nodes
          .filter(({ isCompound }) => isCompound)
          .map(({ node }) => (
            <Node key={node.id} node={node} isCompound look="around" />
          ))}
        {edges.map((edge) => {
          const rate = rates.get(edge.id) ?? 0;
          return (
            <EdgeLine
              key={edge.id}
              edge={edge}
              look={rate > 0 ? "flowing" : "faint"}
              weight={rate > 0 ? weightOf(rate) : 1.4}
            />
          );
        })}
        {nodes
          .filter(({ isCompound }) => !isCompound)
          .map(({ node }) => {
            const count = counts.get(node.id);
            const lines = linesOf(count, nowMs);
            const isBusy = (count?.count ?? 0) > 0;
            return (
              <Node
                key={node.id}
                node={node}
                isCompound={false}
                look={isBusy ? "busy" : "plain"}
                lines={lines}
                href={listHref(node.id)}
              />
            );
          })}
        {edges.map((edge) => {
          const rate = rates.get(edge.id) ?? 0;
          return rate === 0 ? null : (
            <EdgeLabel key={edge.id} edge={edge} look="flowing" text={`${formatRate(rate)}/min`} />
          );
        })}
      </ChartView>
      <div class="columns">
        <Panel title="States" id="fleet-states">
          <Table
            caption="The chart’s states in numbers"
            isCompact
            rows={nodes.filter(({ isCompound }) => !isCompound)}
            keyOf={({ node }) => node.id}
            columns={[
              {
                title: "State",
                show: ({ node }) => (
                  <a class="plain" href={listHref(node.id)}>
                    <StatusBadge state={node.id} />
                  </a>
                ),
              },
              { title: "Orders", kind: "number", show: ({ node }) => <OrderCount count={counts.get(node.id)} /> },
              {
                title: "Oldest",
                show: ({ node }) => {
                  const count = counts.get(node.id);
                  const at = count?.window === "24h" ? null : (count?.oldest_at ?? null);
                  return at === null ? <span class="soft">–</span> : <Age at={at} />;
                },
              },
              { title: "What it means", kind: "wide", show: ({ node }) => node.description },
            ]}
          />
        </Panel>
        <Panel title="Busiest arrows" id="fleet-edges">
          {overview.nodes === null && (
            <p class="soft">Steps of the last minute, of the orders that were created within the last five.</p>
          )}
          {moving.length === 0 ? (
            <Empty title={overview.nodes === null ? "No new order moves right now" : "Nothing moves right now"}>
              The arrows grow with the orders that pass along them.
            </Empty>
          ) : (
            <Table
              caption="Orders a minute along each arrow that moves, busiest first"
              isCompact
              rows={moving}
              keyOf={(edge) => `${edge.from} ${edge.to}`}
              columns={[
                {
                  title: "From",
                  show: ({ from }) =>
                    from === "new" ? <span class="soft">created</span> : <StatusBadge state={from} />,
                },
                { title: "To", show: (edge) => <StatusBadge state={edge.to} /> },
                { title: "A minute", kind: "number", show: (edge) => formatRate(edge.per_minute) },
              ]}
            />
          )}
        </Panel>
      </div>
    </>
  );
}

function FleetLegend() {
  return (
    <ul class="legend-list">
      <li>
        <span class="key key-taken" /> orders move here; the thicker, the more
      </li>
      <li>
        <span class="key key-faint" /> nobody moves
      </li>
    </ul>
  );
}
