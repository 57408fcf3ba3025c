/**
 * The steps of this node in the words of the Stately Inspector's protocol, for XState's own tools: each order is an
 * actor that introduces itself with its definition, and says which event it took and where it stands after it.
 * While nobody listens a step costs one comparison.
 */
import { paymentOrderMachine } from "../../../machines/payment-order.ts";
import { newUuid } from "../../core/ids.ts";
import type { Ports } from "../../core/ports.ts";
import type { CommittedStep } from "../../engine/engine.ts";
import { isPaymentOrderState, type PaymentOrderState } from "../../payments/payment-order-state.ts";

export interface InspectionListener {
  readonly merchantId: number;
  /** Only this order; null for all of the merchant. */
  readonly paymentOrderId: string | null;
  readonly send: (message: string) => void;
  /** `reason` is for the person at the tool. */
  readonly close: (reason: string) => void;
}

export interface Inspection {
  /** Told after each committed step of this node. */
  onStep(step: CommittedStep): void;
  /** Null when there are too many already. `leave` ends it; `introduce` tells of an order that has not stepped yet. */
  join(
    listener: InspectionListener,
  ): { readonly leave: () => void; readonly introduce: (state: PaymentOrderState) => void } | null;
  /** Ends all, and takes no more. */
  close(): void;
}

/** Of the protocol that @statelyai/inspect speaks. */
const PROTOCOL_VERSION = "0.7.2";
const MAX_LISTENERS = 50;
/** What a listener has introduced is remembered up to here; who is forgotten and steps again introduces itself again. */
const MAX_ACTORS = 500;
/** Each brings its definition, some 40 KB. Beyond it orders pass unseen, so that those that are seen are seen in whole. */
const MAX_INTRODUCTIONS_A_SECOND = 100;
/** A session that nobody looks at any more ends; a tool that still does asks for another ticket. */
const MAX_AGE_MS = 60 * 60 * 1_000;

let definition: string | null = null;
const definitionOf = (): string => {
  definition ??= JSON.stringify(paymentOrderMachine.definition);
  return definition;
};

function toSnapshot({ status, phase, context }: PaymentOrderState) {
  return { status: "active", value: phase === null ? status : { [status]: phase }, context };
}

interface Watch {
  /** Those that may still move, longest known first. */
  readonly open: Set<string>;
  readonly ended: Set<string>;
  second: number;
  introductions: number;
}

/** A tool sees orders for hours: those that ended make room first. */
function forgetOne({ open, ended }: Watch): void {
  const [oldest] = ended.size > 0 ? ended : open;
  if (oldest === undefined) return;
  ended.delete(oldest);
  open.delete(oldest);
}

export function createInspection(ports: Ports): Inspection {
  const listeners = new Map<InspectionListener, Watch>();
  let isClosed = false;

  function toMessage(type: string, state: PaymentOrderState, fields: Readonly<Record<string, unknown>>): string {
    const { paymentOrderId } = state.terms;
    return JSON.stringify({
      type,
      sessionId: paymentOrderId,
      rootId: paymentOrderId,
      createdAt: String(ports.clock.nowMs()),
      id: newUuid(ports),
      _version: PROTOCOL_VERSION,
      ...fields,
    });
  }

  /** False when the listener has been told of as many new ones as it may be in this second. */
  function introduce(listener: InspectionListener, watch: Watch, state: PaymentOrderState): boolean {
    const { paymentOrderId } = state.terms;
    if (watch.open.has(paymentOrderId) || watch.ended.has(paymentOrderId)) return true;
    const second = Math.floor(ports.clock.monotonicMs() / 1_000);
    if (second !== watch.second) [watch.second, watch.introductions] = [second, 0];
    if (watch.introductions >= MAX_INTRODUCTIONS_A_SECOND) return false;
    watch.introductions += 1;
    if (watch.open.size + watch.ended.size >= MAX_ACTORS) forgetOne(watch);
    remember(watch, state);
    const actor = { name: paymentOrderId, snapshot: toSnapshot(state), definition: definitionOf() };
    listener.send(toMessage("@xstate.actor", state, actor));
    return true;
  }

  function remember({ open, ended }: Watch, { terms: { paymentOrderId }, isTerminal }: PaymentOrderState): void {
    const [now, before] = isTerminal ? [ended, open] : [open, ended];
    before.delete(paymentOrderId);
    now.add(paymentOrderId);
  }

  return {
    onStep({ before, after, event }) {
      if (listeners.size === 0 || !isPaymentOrderState(after)) return;
      const { merchantId, paymentOrderId } = after.terms;
      const beforeIt = before !== null && isPaymentOrderState(before) ? before : after;
      for (const [listener, watch] of listeners) {
        const isMeant = listener.paymentOrderId === null || listener.paymentOrderId === paymentOrderId;
        if (listener.merchantId !== merchantId || !isMeant || !introduce(listener, watch, beforeIt)) continue;
        remember(watch, after);
        listener.send(toMessage("@xstate.event", after, { event }));
        listener.send(toMessage("@xstate.snapshot", after, { event, snapshot: toSnapshot(after) }));
      }
    },
    join(listener) {
      if (isClosed || listeners.size >= MAX_LISTENERS) return null;
      const watch: Watch = { open: new Set(), ended: new Set(), second: 0, introductions: 0 };
      listeners.set(listener, watch);
      const cancel = ports.timers.after(MAX_AGE_MS, () => listener.close("an hour is over: ask for a new ticket"));
      return {
        leave() {
          cancel();
          listeners.delete(listener);
        },
        introduce: (state) => void introduce(listener, watch, state),
      };
    },
    close() {
      isClosed = true;
      for (const { close } of [...listeners.keys()]) close("this node stops");
      listeners.clear();
    },
  };
}
