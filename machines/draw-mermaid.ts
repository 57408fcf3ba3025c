/**
 * Draws a statechart as Mermaid text, from the machine itself, so that the picture can't tell another story.
 *
 * - Mermaid can't draw an arrow from a group of states to one of its own, so what holds in every state of a
 *   group starts at a box "any of these" inside it.
 * - Only leaves show their description; Mermaid has no good place for that of a group, which becomes a comment.
 * - `:` and `;` end a label, so in descriptions they become dashes.
 */
import type { AnyStateNode } from "xstate";

/** Characters in a line of a description; more makes the boxes wide. */
const LINE_CHARS = 32;

/** Under the box that stands for all states of a group. */
const OVERRIDE = "unless the state itself takes it";

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly event: string;
}

const childrenOf = (node: AnyStateNode): readonly AnyStateNode[] => Object.values(node.states);
const isGroup = (node: AnyStateNode): boolean => childrenOf(node).length > 0;

/** Lower case: a box whose id is also its title would lose the title. */
const idOf = (node: AnyStateNode): string => node.path.join("_").toLowerCase();
const anyOf = (group: AnyStateNode): string => `any_${idOf(group)}`;
const startOf = (node: AnyStateNode): string => (isGroup(node) ? anyOf(node) : idOf(node));

const indent = (depth: number, text: string): string => `${"  ".repeat(depth)}${text}`;
const clean = (text: string): string => text.replace(/[;:]/g, " –").replace(/\s+/g, " ").trim();

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of clean(text).split(" ").filter(Boolean)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= LINE_CHARS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Each transition to somewhere else, and those within the state under the state's own id. */
function edgesOf(node: AnyStateNode): readonly Edge[] {
  return [...node.transitions.values()].flat().flatMap(({ eventType, target, actions }) => {
    if (target === undefined)
      return actions.length === 0 ? [] : [{ from: startOf(node), to: startOf(node), event: eventType }];
    return target.map((state) => ({ from: startOf(node), to: idOf(state), event: eventType }));
  });
}

/** One arrow for all events between the same two states; what stays where it is becomes a line in the box. */
function groupEdges(
  edges: readonly Edge[],
): readonly { readonly from: string; readonly to: string; readonly events: readonly string[] }[] {
  const groups = new Map<string, { from: string; to: string; events: Set<string> }>();
  for (const { from, to, event } of edges) {
    const group = groups.get(`${from} ${to}`) ?? { from, to, events: new Set<string>() };
    group.events.add(event);
    groups.set(`${from} ${to}`, group);
  }
  return [...groups.values()].map(({ from, to, events }) => ({ from, to, events: [...events] }));
}

function drawBox(
  { id, title, lines }: { readonly id: string; readonly title: string; readonly lines: readonly string[] },
  depth: number,
): readonly string[] {
  return [title, ...lines].map((line) => indent(depth, `${id} : ${line}`));
}

/** What happens within the state, without leaving it. */
function staysOf(node: AnyStateNode): readonly string[] {
  const id = startOf(node);
  const stays = groupEdges(edgesOf(node)).find(({ from, to }) => from === id && to === id);
  return stays === undefined ? [] : wrap(`stays on ${stays.events.join(", ")}`);
}

function drawNode(node: AnyStateNode, depth: number): readonly string[] {
  if (!isGroup(node)) {
    const lines = [...wrap(node.description ?? ""), ...staysOf(node)];
    return drawBox({ id: idOf(node), title: node.key, lines }, depth);
  }
  const hasOwnEdges = edgesOf(node).length > 0;
  return [
    indent(depth, `%% ${node.key}: ${node.description ?? ""}`),
    indent(depth, `state "${node.key}" as ${idOf(node)} {`),
    ...drawChildren(node, depth + 1),
    ...(hasOwnEdges
      ? drawBox(
          { id: anyOf(node), title: `any of ${node.key}`, lines: [...wrap(OVERRIDE), ...staysOf(node)] },
          depth + 1,
        )
      : []),
    indent(depth, "}"),
  ];
}

function drawChildren(node: AnyStateNode, depth: number): readonly string[] {
  const { initial } = node;
  const start = initial?.target.map((state) => indent(depth, `[*] --> ${idOf(state)}`)) ?? [];
  return [...start, ...childrenOf(node).flatMap((child) => drawNode(child, depth))];
}

const allNodes = (node: AnyStateNode): readonly AnyStateNode[] => [node, ...childrenOf(node).flatMap(allNodes)];

/** A `stateDiagram-v2`, without the code fence around it. The same machine gives the same text. */
export function drawMermaid(root: AnyStateNode): string {
  const edges = groupEdges(allNodes(root).flatMap(edgesOf)).filter(({ from, to }) => from !== to);
  return [
    "stateDiagram-v2",
    indent(1, "direction TB"),
    ...drawChildren(root, 1),
    // After all boxes: an arrow must not be the first to name a state, or Mermaid puts it into the wrong group.
    ...edges.map(({ from, to, events }) => indent(1, `${from} --> ${to} : ${events.join(", ")}`)),
  ].join("\n");
}
