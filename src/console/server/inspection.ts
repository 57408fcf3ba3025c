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
  readonly close: () => void;
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
/** Each brings its definition, some 40 KB. */
const MAX_ACTORS = 500;
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

export function createInspection(ports: Ports): Inspection {
  const listeners = new Map<InspectionListener, Set<string>>();
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

  /** False when the listener has as many actors as it may. */
  function introduce(listener: InspectionListener, known: Set<string>, state: PaymentOrderState): boolean {
    const { paymentOrderId } = state.terms;
    if (known.has(paymentOrderId)) return true;
    if (known.size >= MAX_ACTORS) return false;
    known.add(paymentOrderId);
    const actor = { name: paymentOrderId, snapshot: toSnapshot(state), definition: definitionOf() };
    listener.send(toMessage("@xstate.actor", state, actor));
    return true;
  }

  return {
    onStep({ before, after, event }) {
      if (listeners.size === 0 || !isPaymentOrderState(after)) return;
      const { merchantId, paymentOrderId } = after.terms;
      const beforeIt = before !== null && isPaymentOrderState(before) ? before : after;
      for (const [listener, known] of listeners) {
        const isMeant = listener.paymentOrderId === null || listener.paymentOrderId === paymentOrderId;
        if (listener.merchantId !== merchantId || !isMeant || !introduce(listener, known, beforeIt)) continue;
        listener.send(toMessage("@xstate.event", after, { event }));
        listener.send(toMessage("@xstate.snapshot", after, { event, snapshot: toSnapshot(after) }));
      }
    },
    join(listener) {
      if (isClosed || listeners.size >= MAX_LISTENERS) return null;
      const known = new Set<string>();
      listeners.set(listener, known);
      const cancel = ports.timers.after(MAX_AGE_MS, listener.close);
      return {
        leave() {
          cancel();
          listeners.delete(listener);
        },
        introduce: (state) => void introduce(listener, known, state),
      };
    },
    close() {
      isClosed = true;
      for (const { close } of [...listeners.keys()]) close();
      listeners.clear();
    },
  };
}
