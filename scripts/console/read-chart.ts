/** States and arrows of a machine as plain data, before anybody knows where they are drawn. */
import type { AnyStateNode } from "xstate";
import type { ChartEdge, ChartNode } from "../../src/console/contract.ts";

export type ChartState = Pick<ChartNode, "id" | "label" | "description" | "tags" | "parent" | "is_initial">;
export type ChartArrow = Pick<ChartEdge, "id" | "from" | "to" | "events">;

const idOf = (node: AnyStateNode): string => node.path.join(".");
const childrenOf = (node: AnyStateNode): readonly AnyStateNode[] => Object.values(node.states);
export const allStates = (root: AnyStateNode): readonly AnyStateNode[] =>
  childrenOf(root).flatMap((node) => [node, ...allStates(node)]);

/** Guards and actions are named by strings or by objects with a type; an inline function has no name. */
function nameOf(part: unknown): string | null {
  if (typeof part === "string") return part;
  if (typeof part === "object" && part !== null && "type" in part && typeof part.type === "string") return part.type;
  return null;
}

export function readStates(root: AnyStateNode): readonly ChartState[] {
  return allStates(root).map((node) => ({
    id: idOf(node),
    label: node.key,
    description: node.description ?? "",
    tags: node.tags,
    parent: node.parent === undefined || node.parent === root ? null : idOf(node.parent),
    is_initial: node.parent?.initial?.target.includes(node) === true,
  }));
}

/** One arrow from a state to another for all that leads there. What changes nothing and goes nowhere is no arrow. */
export function readArrows(root: AnyStateNode): readonly ChartArrow[] {
  const arrows = new Map<string, { from: string; to: string; events: ChartEdge["events"][number][] }>();
  for (const node of allStates(root)) {
    for (const { eventType, target, guard, actions } of [...node.transitions.values()].flat()) {
      if (target === undefined && actions.length === 0) continue;
      for (const to of target ?? [node]) {
        const id = `${idOf(node)}→${idOf(to)}`;
        const arrow = arrows.get(id) ?? { from: idOf(node), to: idOf(to), events: [] };
        const named = actions.map(nameOf).filter((name) => name !== null);
        arrow.events.push({ event: eventType, guard: nameOf(guard), actions: named });
        arrows.set(id, arrow);
      }
    }
  }
  return [...arrows].map(([id, arrow]) => ({ id, ...arrow }));
}
