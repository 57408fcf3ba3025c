/** Which arrow of the chart a stored transition went along: an arrow may begin at a state that the order's lies in. */
import type { ChartEdge, MachineChart } from "../../contract.ts";

export interface Move {
  /** `new` for an order that was not there before: it goes out from where the machine begins. */
  readonly from: string;
  readonly to: string;
  /** Tells arrows between the same states apart. */
  readonly event?: string;
}

/** The state and those that it lies in, innermost first. */
export function withParents(chart: MachineChart, state: string): readonly string[] {
  const found: string[] = [];
  let current: string | null = state;
  while (current !== null) {
    found.push(current);
    const name: string = current;
    current = chart.nodes.find(({ id }) => id === name)?.parent ?? null;
  }
  return found;
}

/** Names by which an arrow may point at a state: its own, and its parent's when that one begins in it. */
function targetsOf(chart: MachineChart, state: string): readonly string[] {
  const node = chart.nodes.find(({ id }) => id === state);
  return node?.is_initial === true && node.parent !== null ? [state, node.parent] : [state];
}

const CREATED = "new";

const beginningOf = (chart: MachineChart): string | null =>
  chart.nodes.find(({ is_initial: isInitial, parent }) => isInitial && parent === null)?.id ?? null;

export function findEdge(chart: MachineChart, { from: source, to, event }: Move): ChartEdge | null {
  const from = source === CREATED ? beginningOf(chart) : source;
  if (from === null) return null;
  const targets = targetsOf(chart, to);
  const candidates = withParents(chart, from).flatMap((state) =>
    chart.edges.filter((edge) => edge.from === state && targets.includes(edge.to)),
  );
  // Staying in a state is its own loop, also where the loop is drawn at the state around it.
  const loops = from === to ? chart.edges.filter((edge) => edge.from === edge.to && edge.from === from) : [];
  const all = [...loops, ...candidates];
  return all.find((edge) => edge.events.some((one) => one.event === event)) ?? all[0] ?? null;
}

/** `psp.succeeded` → `succeeded`: the subject is plain from the chart. */
export const toShortEvent = (event: string): string => event.replace(/^(psp|order)\./, "").replace(/_/g, " ");
