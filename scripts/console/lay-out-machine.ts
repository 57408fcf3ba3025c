/**
 * Lays a machine out with the Eclipse Layout Kernel, at build time: nobody who looks at a chart waits for it.
 *
 * ELK can't draw an arrow from a group of states to one of its own, so such an arrow starts at a thin bar where the
 * group begins, which is drawn as nothing. Loops are drawn by hand at a side of their state that no arrow uses.
 */
import { createRequire } from "node:module";
import type { ELK as Elk, ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import type { Box, ChartEdge, ChartNode, MachineChart, Point } from "../../src/console/contract.ts";
import type { DrawnMachine } from "./machines.ts";
import { type ChartArrow, type ChartState, readArrows, readStates } from "./read-chart.ts";

const require = createRequire(import.meta.url);
/** A CommonJS module whose export is the class. */
const ElkClass = require("elkjs") as new () => Elk;

/** `down` is a tall picture for a page of text; `right` leaves room below it on a screen. */
export type Direction = "down" | "right";

interface Look {
  readonly leaf: Pick<Box, "width" | "height">;
  readonly titleBar: Pick<Box, "width" | "height">;
  readonly groupPadding: string;
  readonly options: Readonly<Record<string, string>>;
}

const LOOKS: Readonly<Record<Direction, Look>> = {
  down: {
    leaf: { width: 176, height: 68 },
    titleBar: { width: 120, height: 2 },
    groupPadding: "[top=52,left=28,bottom=28,right=44]",
    options: {
      "elk.direction": "DOWN",
      "elk.spacing.nodeNode": "52",
      "elk.spacing.edgeNode": "22",
      "elk.spacing.edgeEdge": "16",
      "elk.layered.spacing.nodeNodeBetweenLayers": "44",
      "elk.layered.spacing.edgeNodeBetweenLayers": "20",
      "elk.layered.spacing.edgeEdgeBetweenLayers": "14",
      "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
      "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
    },
  },
  right: {
    leaf: { width: 152, height: 62 },
    titleBar: { width: 2, height: 120 },
    groupPadding: "[top=50,left=14,bottom=20,right=20]",
    options: {
      "elk.direction": "RIGHT",
      "elk.spacing.nodeNode": "34",
      "elk.spacing.edgeNode": "14",
      "elk.spacing.edgeEdge": "11",
      "elk.layered.spacing.nodeNodeBetweenLayers": "36",
      "elk.layered.spacing.edgeNodeBetweenLayers": "14",
      "elk.layered.spacing.edgeEdgeBetweenLayers": "11",
      "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
    },
  },
};

const LABEL_HEIGHT = 17;
const CHAR_WIDTH = 7;
const LABEL_PADDING = 10;
const LOOP_REACH = 15;
/** Half of a loop's width where it leaves its state. */
const LOOP_HALF = 13;
const MARGIN = 24;

const OPTIONS: Readonly<Record<string, string>> = {
  "elk.algorithm": "layered",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.spacing.edgeLabel": "4",
  "elk.layered.crossingMinimization.strategy": "LAYER_SWEEP",
  "elk.layered.thoroughness": "60",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.padding": `[top=${MARGIN},left=${MARGIN},bottom=${MARGIN},right=${MARGIN}]`,
};

const barOf = (group: string): string => `${group}/any`;
const isInside = (id: string, group: string): boolean => id.startsWith(`${group}.`);
const shorten = (event: string): string => event.replace(/^(psp|order|timer)\./, "");

/** The first event, and how many more. */
export function labelOf({ events }: ChartArrow): string {
  const names = [...new Set(events.map(({ event }) => shorten(event)))];
  return names.length <= 1 ? (names[0] ?? "") : `${names[0]} +${names.length - 1}`;
}

function toElk(states: readonly ChartState[], arrows: readonly ChartArrow[], look: Look): ElkNode {
  const childrenOf = (parent: string | null): ElkNode[] =>
    states
      .filter((state) => state.parent === parent)
      .map(({ id }) => {
        const children = childrenOf(id);
        if (children.length === 0) return { id, ...look.leaf };
        const layoutOptions = { "elk.padding": look.groupPadding };
        return { id, children: [{ id: barOf(id), ...look.titleBar }, ...children], layoutOptions };
      });
  const edges = arrows
    .filter(({ from, to }) => from !== to)
    .map((arrow) => {
      const text = labelOf(arrow);
      return {
        id: arrow.id,
        sources: [isInside(arrow.to, arrow.from) ? barOf(arrow.from) : arrow.from],
        targets: [arrow.to],
        labels: [{ text, width: text.length * CHAR_WIDTH + LABEL_PADDING, height: LABEL_HEIGHT }],
      };
    });
  return { id: "root", layoutOptions: { ...OPTIONS, ...look.options }, children: childrenOf(null), edges };
}

/** Where each box lies on the whole page; ELK says it within its group. */
function placeBoxes(node: ElkNode, origin: Point, boxes: Map<string, Box>): ReadonlyMap<string, Box> {
  const box = {
    x: origin.x + (node.x ?? 0),
    y: origin.y + (node.y ?? 0),
    width: node.width ?? 0,
    height: node.height ?? 0,
  };
  boxes.set(node.id, box);
  for (const child of node.children ?? []) placeBoxes(child, box, boxes);
  return boxes;
}

function allEdges(node: ElkNode): readonly ElkExtendedEdge[] {
  return [...(node.edges ?? []), ...(node.children ?? []).flatMap(allEdges)];
}

function requireBox(boxes: ReadonlyMap<string, Box>, id: string): Box {
  const box = boxes.get(id);
  if (box === undefined) throw new Error(`the layout has no place for ${id}`);
  return box;
}

function placeEdge(arrow: ChartArrow, laidOut: ElkExtendedEdge, boxes: ReadonlyMap<string, Box>): ChartEdge {
  // ELK gives the points of an edge within the group that contains both of its ends.
  const { container } = laidOut as ElkExtendedEdge & { readonly container?: string };
  const origin = container === undefined || container === "root" ? { x: 0, y: 0 } : requireBox(boxes, container);
  const move = ({ x, y }: Point): Point => ({ x: round(origin.x + x), y: round(origin.y + y) });
  const points = (laidOut.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) =>
    [startPoint, ...bendPoints, endPoint].map(move),
  );
  const [label] = laidOut.labels ?? [];
  return {
    ...arrow,
    points,
    label:
      label === undefined
        ? null
        : {
            ...move({ x: label.x ?? 0, y: label.y ?? 0 }),
            width: label.width ?? 0,
            height: label.height ?? 0,
            text: label.text ?? "",
          },
  };
}

/** Arrows go down or to the right, so a loop is at the right or on top. */
function placeLoop(arrow: ChartArrow, { x, y, width, height }: Box, direction: Direction): ChartEdge {
  const [right, middleX, middleY] = [x + width, x + width / 2, y + height / 2];
  const points: readonly Point[] =
    direction === "down"
      ? [
          { x: right, y: middleY - LOOP_HALF },
          { x: right + LOOP_REACH, y: middleY - LOOP_HALF },
          { x: right + LOOP_REACH, y: middleY + LOOP_HALF },
          { x: right, y: middleY + LOOP_HALF },
        ]
      : [
          { x: middleX - LOOP_HALF, y },
          { x: middleX - LOOP_HALF, y: y - LOOP_REACH },
          { x: middleX + LOOP_HALF, y: y - LOOP_REACH },
          { x: middleX + LOOP_HALF, y },
        ];
  return { ...arrow, points: points.map((point) => ({ x: round(point.x), y: round(point.y) })), label: null };
}

const round = (length: number): number => Math.round(length * 10) / 10;
const roundBox = ({ x, y, width, height }: Box): Box => ({
  x: round(x),
  y: round(y),
  width: round(width),
  height: round(height),
});

/** The same machine gives the same layout. */
export async function layOutMachine(
  { id, version, machine }: DrawnMachine,
  direction: Direction,
): Promise<MachineChart> {
  const states = readStates(machine.root);
  const arrows = readArrows(machine.root);
  const page = await new ElkClass().layout(toElk(states, arrows, LOOKS[direction]));
  const boxes = placeBoxes(page, { x: 0, y: 0 }, new Map());
  const laidOut = new Map(allEdges(page).map((edge) => [edge.id, edge]));
  const nodes: readonly ChartNode[] = states.map((state) => ({ ...state, ...roundBox(requireBox(boxes, state.id)) }));
  const edges = arrows.map((arrow) => {
    const edge = laidOut.get(arrow.id);
    return edge === undefined
      ? placeLoop(arrow, requireBox(boxes, arrow.from), direction)
      : placeEdge(arrow, edge, boxes);
  });
  return { id, version, width: Math.ceil(page.width ?? 0), height: Math.ceil(page.height ?? 0), nodes, edges };
}
