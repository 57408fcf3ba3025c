/** The stored transitions as moments of the slider, and what the chart shows at each. */
import type { HistoryStep, MachineChart, OrderHistory } from "../../../contract.ts";
import { findEdge, withParents } from "../../chart/find-edge.ts";
import type { OrderOverlay } from "../../chart/order-chart.tsx";
import { formatTime } from "../../ui/format.ts";

/** Moment 0 is the creation; moment n the time after the n-th transition. */
export function stateAt({ transitions }: OrderHistory, moment: number): string {
  return transitions[moment - 1]?.to ?? transitions[0]?.from ?? "NOT_STARTED";
}

export function stepAt({ transitions }: OrderHistory, moment: number): HistoryStep | null {
  return transitions[moment - 1] ?? null;
}

export function toOverlay(
  chart: MachineChart,
  history: OrderHistory,
  {
    moment,
    possible,
    createdAt,
  }: { readonly moment: number; readonly possible: ReadonlySet<string> | null; readonly createdAt: string },
): OrderOverlay {
  const shown = history.transitions.slice(0, moment);
  const visits = new Map<string, { count: number; text: string }>();
  const taken = new Map<string, number>();
  const now = new Date(shown.at(-1)?.at ?? createdAt);
  const enter = (state: string, at: string): void => {
    const before = visits.get(state);
    visits.set(state, { count: (before?.count ?? 0) + 1, text: formatTime(new Date(at), now) });
  };
  enter(stateAt(history, 0), createdAt);
  let lastEdge: string | null = null;
  for (const { from, to, at, event } of shown) {
    if (from !== to) enter(to, at);
    const edge = findEdge(chart, { from, to, event: event.type });
    lastEdge = edge?.id ?? null;
    if (edge !== null) taken.set(edge.id, (taken.get(edge.id) ?? 0) + 1);
  }
  const active = stateAt(history, moment);
  for (const container of withParents(chart, active).slice(1)) visits.delete(container);
  return { active, visits, taken, lastEdge, possible };
}
