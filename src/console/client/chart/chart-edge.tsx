/** Arrows of the chart. Lines lie under the states, labels over everything, so that no line runs through a word. */
import type { ChartEdge } from "../../contract.ts";
import { toArrowHead, toLabelSpot, toRoundedPath, withoutTip } from "./geometry.ts";
import { toShortEvent } from "./find-edge.ts";

interface EdgeLineProps {
  readonly edge: ChartEdge;
  /** `taken`, `last`, `possible`, `flowing`, `faint`: what the arrow is now. */
  readonly look: string;
  readonly weight: number;
}

interface EdgeLabelProps {
  readonly edge: ChartEdge;
  readonly look: string;
  /** In place of the events' names; null leaves the label away. */
  readonly text?: string | null;
  /** How often the arrow was taken. */
  readonly count?: number;
}

const CHAR_WIDTH = 7;
const LABEL_HEIGHT = 17;
const HEAD = 9;

export function EdgeLine({ edge, look, weight }: EdgeLineProps) {
  const head = HEAD + weight;
  const [start] = edge.points;
  const isFromAround = edge.to.startsWith(`${edge.from}.`);
  return (
    <g class={`edge is-${look}`}>
      <title>{describeEdge(edge)}</title>
      {isFromAround && start !== undefined && <circle class="edge-head" cx={start.x} cy={start.y} r={3.5} />}
      <path class="edge-reach" d={toRoundedPath(edge.points)} />
      <path class="edge-line" d={toRoundedPath(withoutTip(edge.points, head))} stroke-width={weight} />
      <polygon class="edge-head" points={toArrowHead(edge.points, head)} />
    </g>
  );
}

export function EdgeLabel({ edge, look, text, count = 0 }: EdgeLabelProps) {
  const name = text === undefined ? (edge.label?.text ?? "") : (text ?? "");
  const words = count > 1 ? `${name} ×${count}`.trim() : name;
  if (words === "") return null;
  const width = words.length * CHAR_WIDTH + 8;
  const { x, y } = toLabelSpot(edge, { width, height: LABEL_HEIGHT });
  return (
    <g class={`edge is-${look}`}>
      <title>{describeEdge(edge)}</title>
      <rect
        class="edge-label-back"
        x={x - width / 2}
        y={y - LABEL_HEIGHT / 2}
        width={width}
        height={LABEL_HEIGHT}
        rx={4}
      />
      <text class="edge-label" x={x} y={y + 4.5} text-anchor="middle">
        {words}
      </text>
    </g>
  );
}

/** All that the machine says about an arrow, for a tooltip. */
function describeEdge(edge: ChartEdge): string {
  const lines = edge.events.map(({ event, guard, actions }) => {
    const when = guard === null ? "" : ` when ${guard}`;
    const does = actions.length === 0 ? "" : `: ${actions.join(", ")}`;
    return `${toShortEvent(event)}${when}${does}`;
  });
  return [`${edge.from} → ${edge.to}`, ...lines].join("\n");
}
