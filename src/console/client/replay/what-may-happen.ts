/**
 * What could happen to an order now: every event that the chart knows, made concrete for this very order, tried on the
 * machine. So an operator sees what is possible, and for the rest which question (guard) of the machine says no.
 */
import type { PaymentOrderEvent } from "../../../../machines/payment-order-types.ts";
import type { ChartEdge, MachineChart } from "../../contract.ts";
import { findEdge, withParents } from "../chart/find-edge.ts";
import { type Effect, move, nameOf, type OrderSnapshot } from "./replay.ts";
import { whyNot } from "./why-not.ts";

export interface Happening {
  readonly who: "PSP" | "clock" | "operator" | "engine";
  readonly what: string;
  readonly event: PaymentOrderEvent;
}

export interface Prospect extends Happening {
  /** The state that follows; the same one when only something is remembered. */
  readonly to: string;
  readonly effects: readonly Effect[];
  readonly edge: ChartEdge | null;
}

export interface Refusal extends Happening {
  readonly reason: string;
}

export interface Prospects {
  readonly possible: readonly Prospect[];
  readonly impossible: readonly Refusal[];
}

const UNSEEN_REFERENCE = "ch_another";

/** Concrete events. `nowMs` is the moment that is looked at, so that deadlines and settle times are judged as of then. */
export function imagineHappenings(snapshot: OrderSnapshot, nowMs: number): readonly Happening[] {
  const { context } = snapshot;
  const stamp = { at: nowMs, jitter: 0.5 };
  const origin = {
    source: context.call === null ? ("webhook" as const) : ("answer" as const),
    operation: context.operation,
    attempt: context.call?.attempt ?? null,
  };
  const money = {
    reference: context.held?.reference ?? context.reference ?? UNSEEN_REFERENCE,
    amount: context.amount,
    currency: context.currency,
  };
  const decline = { code: "card_declined", message: "", declineCode: null, reference: null };
  const psp = (what: string, event: PaymentOrderEvent): Happening => ({ who: "PSP", what, event });
  const facts: readonly Happening[] = [
    psp("says succeeded, for exactly this money", {
      type: "psp.succeeded",
      captured: true,
      ...money,
      ...origin,
      ...stamp,
    }),
    psp("says succeeded, for another amount", {
      type: "psp.succeeded",
      captured: true,
      ...money,
      amount: (BigInt(money.amount) + 1n).toString(),
      ...origin,
      ...stamp,
    }),
    psp("says succeeded, under another reference", {
      type: "psp.succeeded",
      captured: true,
      ...money,
      reference: `${money.reference}_2`,
      ...origin,
      ...stamp,
    }),
    psp("says the money is held, not captured", {
      type: "psp.succeeded",
      captured: false,
      ...money,
      ...origin,
      ...stamp,
    }),
    psp("says pending", { type: "psp.pending", reference: money.reference, nextActionUrl: null, ...origin, ...stamp }),
    psp("declines for good", { type: "psp.declined", ...decline, retryable: false, ...origin, ...stamp }),
    psp("declines for now", { type: "psp.declined", ...decline, retryable: true, ...origin, ...stamp }),
    psp("surely did not get it", {
      type: "psp.unsent",
      reason: "",
      retryAfterMs: null,
      heldBack: false,
      ...origin,
      ...stamp,
    }),
    psp("gives no clear answer", { type: "psp.unknown", reason: "", ...origin, ...stamp }),
    psp("does not know the charge", { type: "psp.not_found", ...origin, ...stamp }),
  ];
  const resolve = { type: "order.resolve" as const, reason: "", ...stamp };
  return [
    ...facts,
    {
      who: "clock",
      what: "reaches the deadline",
      event: { type: "timer.fired", name: context.timer?.name ?? "retry", ...stamp },
    },
    { who: "operator", what: "cancels", event: { type: "order.cancel", ...stamp } },
    { who: "operator", what: "retries", event: { type: "order.retry", ...stamp } },
    {
      who: "operator",
      what: "resolves it to succeeded",
      event: {
        ...resolve,
        outcome: "succeeded",
        amount: context.held?.amount ?? context.amount,
        reference: money.reference,
      },
    },
    {
      who: "operator",
      what: "resolves it to failed",
      event: { ...resolve, outcome: "failed", amount: context.amount, reference: null },
    },
    { who: "engine", what: "starts it", event: { type: "order.started", ...stamp } },
    { who: "engine", what: "takes it over from a dead node", event: { type: "order.adopted", ...stamp } },
    { who: "engine", what: "asks the PSP because somebody looks", event: { type: "order.ask", ...stamp } },
  ];
}

export function findProspects(chart: MachineChart, snapshot: OrderSnapshot, nowMs: number): Prospects {
  const from = nameOf(snapshot);
  const possible: Prospect[] = [];
  const impossible: Refusal[] = [];
  for (const happening of imagineHappenings(snapshot, nowMs)) {
    const moved = move(snapshot, happening.event);
    const isChange =
      snapshot.can(happening.event) &&
      (moved.snapshot.context !== snapshot.context || moved.effects.length > 0 || nameOf(moved.snapshot) !== from);
    if (isChange) {
      const to = nameOf(moved.snapshot);
      const edge = findEdge(chart, { from, to, event: happening.event.type });
      possible.push({ ...happening, to, effects: moved.effects, edge });
    } else {
      impossible.push({ ...happening, reason: whyNot(snapshot, happening.event) });
    }
  }
  return { possible, impossible };
}

/** Arrows that something possible goes along, and the reason for each of the others. */
export interface EdgeVerdict {
  readonly edge: ChartEdge;
  readonly isPossible: boolean;
  readonly reason: string;
}

export function judgeEdges(chart: MachineChart, snapshot: OrderSnapshot, prospects: Prospects): readonly EdgeVerdict[] {
  const state = nameOf(snapshot);
  const sources = withParents(chart, state);
  return chart.edges.map((edge) => {
    const way = prospects.possible.find((prospect) => prospect.edge?.id === edge.id);
    if (way !== undefined) return { edge, isPossible: true, reason: `When the ${way.who} ${way.what}` };
    if (!sources.includes(edge.from))
      return { edge, isPossible: false, reason: `Leaves ${edge.from}, and the order is in ${state}` };
    const refusal = prospects.impossible.find(({ event }) => edge.events.some((one) => one.event === event.type));
    const guards = edge.events.flatMap(({ guard }) => (guard === null ? [] : [guard]));
    const fallback = guards.length === 0 ? "Another arrow takes its event first" : `Not now: ${guards.join(", ")}`;
    return { edge, isPossible: false, reason: refusal?.reason ?? fallback };
  });
}
