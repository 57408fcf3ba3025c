/** The chart of one payment at one moment: where it is, how it came there, where it can go. */
import type { ChartNode, MachineChart } from "../../contract.ts";
import { ChartView } from "./chart-view.tsx";
import { EdgeLabel, EdgeLine } from "./chart-edge.tsx";
import { Node, sortForDrawing } from "./chart-node.tsx";
import { withParents } from "./find-edge.ts";

export interface OrderOverlay {
  readonly active: string;
  /** How often each state was entered, and when last. */
  readonly visits: ReadonlyMap<string, { readonly count: number; readonly text: string }>;
  /** How often each arrow was taken, by its id. */
  readonly taken: ReadonlyMap<string, number>;
  /** The arrow of the step that is shown. */
  readonly lastEdge: string | null;
  /** Arrows that something could take now; null while that is not known. */
  readonly possible: ReadonlySet<string> | null;
}

/** What matters is drawn over what does not. */
const DRAWING_ORDER = ["faint", "possible", "taken", "last"] as const;
type EdgeLook = (typeof DRAWING_ORDER)[number];
const WEIGHTS: Readonly<Record<EdgeLook, number>> = { faint: 1.4, possible: 1.8, taken: 2.8, last: 3.6 };

export function OrderChart({ chart, overlay }: { readonly chart: MachineChart; readonly overlay: OrderOverlay }) {
  const around = new Set(withParents(chart, overlay.active).slice(1));
  const activeNode = chart.nodes.find(({ id }) => id === overlay.active) ?? null;
  const label = `State chart of this payment. It is in ${activeNode?.label ?? overlay.active}.`;
  const lookOfEdge = (id: string): EdgeLook => {
    if (id === overlay.lastEdge) return "last";
    if (overlay.taken.has(id)) return "taken";
    return overlay.possible?.has(id) === true ? "possible" : "faint";
  };
  const edges = chart.edges
    .map((edge) => ({ edge, look: lookOfEdge(edge.id) }))
    .toSorted((one, other) => DRAWING_ORDER.indexOf(one.look) - DRAWING_ORDER.indexOf(other.look));
  const nodes = sortForDrawing(chart.nodes);
  const lookOfNode = (node: ChartNode): string => {
    if (node.id === overlay.active) return "active";
    if (around.has(node.id)) return "around";
    return overlay.visits.has(node.id) ? "visited" : "plain";
  };
  const linesOf = (node: ChartNode): readonly string[] => {
    const visit = overlay.visits.get(node.id);
    if (visit === undefined) return node.id === overlay.active ? ["now"] : [];
    const times = visit.count > 1 ? `${visit.count} times · ` : "";
    return [node.id === overlay.active ? `now · ${visit.text}` : `${times}${visit.text}`];
  };
  return (
    <ChartView chart={chart} label={label} focus={activeNode} legend={<OrderLegend />}>
      {nodes
        .filter(({ isCompound }) => isCompound)
        .map(({ node }) => (
          <Node key={node.id} node={node} isCompound look={lookOfNode(node)} />
        ))}
      {edges.map(({ edge, look }) => (
        <EdgeLine key={edge.id} edge={edge} look={look} weight={WEIGHTS[look]} />
      ))}
      {nodes
        .filter(({ isCompound }) => !isCompound)
        .map(({ node }) => (
          <Node key={node.id} node={node} isCompound={false} look={lookOfNode(node)} lines={linesOf(node)} />
        ))}
      {edges.map(({ edge, look }) => (
        <EdgeLabel key={edge.id} edge={edge} look={look} count={overlay.taken.get(edge.id) ?? 0} />
      ))}
    </ChartView>
  );
}

function OrderLegend() {
  return (
    <ul class="legend-list">
      <li>
        <span class="key key-active" /> here
      </li>
      <li>
        <span class="key key-taken" /> path taken
      </li>
      <li>
        <span class="key key-possible" /> possible now
      </li>
      <li>
        <span class="key key-faint" /> not now
      </li>
    </ul>
  );
}
