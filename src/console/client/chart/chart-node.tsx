/** One state of the chart. With `href` it is a link, so that keyboard and screen readers find it as one. */
import type { ChartNode } from "../../contract.ts";

interface NodeProps {
  readonly node: ChartNode;
  readonly isCompound: boolean;
  /** `active`, `visited`, `plain`, …: how the state stands out. */
  readonly look: string;
  readonly lines?: readonly string[];
  readonly href?: string;
}

export function Node({ node, isCompound, look, lines = [], href }: NodeProps) {
  const { x, y, width, height } = node;
  const body = (
    <>
      <rect class="node-box" x={x} y={y} width={width} height={height} rx={isCompound ? 14 : 10}>
        <title>{node.description}</title>
      </rect>
      {look === "active" && !isCompound && (
        <rect class="node-ring" x={x - 4} y={y - 4} width={width + 8} height={height + 8} rx={13} />
      )}
      {isCompound ? (
        <text class="node-label" x={x + 16} y={y + 25}>
          {node.label}
        </text>
      ) : (
        <LeafText node={node} lines={lines} />
      )}
      {node.is_initial && <circle class="node-initial" cx={x + 9} cy={y + (isCompound ? -8 : 9)} r={3} />}
    </>
  );
  const classes = `node is-${look} ${isCompound ? "is-compound" : ""} ${node.tags.map((tag) => `has-${tag}`).join(" ")}`;
  if (href === undefined) return <g class={classes}>{body}</g>;
  return (
    <a class={classes} href={href}>
      {body}
    </a>
  );
}

const LINE_HEIGHT = 17;

function LeafText({ node, lines }: { readonly node: ChartNode; readonly lines: readonly string[] }) {
  const center = node.x + node.width / 2;
  const top = node.y + node.height / 2 - (lines.length * LINE_HEIGHT) / 2 + 5;
  return (
    <>
      <text class="node-label" x={center} y={top} text-anchor="middle">
        {node.label}
      </text>
      {lines.map((line, index) => (
        <text key={index} class="node-line" x={center} y={top + (index + 1) * LINE_HEIGHT} text-anchor="middle">
          {line}
        </text>
      ))}
    </>
  );
}

/** Containers first, so that what lies in them is drawn over them. */
export function sortForDrawing(nodes: readonly ChartNode[]): readonly { node: ChartNode; isCompound: boolean }[] {
  const parents = new Set(nodes.map(({ parent }) => parent));
  return nodes
    .map((node) => ({ node, isCompound: parents.has(node.id) }))
    .toSorted((one, other) => Number(other.isCompound) - Number(one.isCompound));
}
