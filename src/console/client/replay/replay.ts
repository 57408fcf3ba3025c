/**
 * Time travel: an order's stored events through the very machine that decided them. Nothing here is acted on or
 * written, which is why this file may move a machine although it is not the engine.
 */
import { type SnapshotFrom, transition } from "xstate";
import { PAYMENT_ORDER_MACHINE, paymentOrderMachine } from "../../../../machines/payment-order.ts";
import { newPaymentOrderContext } from "../../../../machines/payment-order-context.ts";
import { isPolicyName } from "../../../../machines/payment-order-policy.ts";
import type { PaymentOrderEvent, PaymentOrderInput } from "../../../../machines/payment-order-types.ts";
import type { OrderHistory } from "../../contract.ts";

export type OrderSnapshot = SnapshotFrom<typeof paymentOrderMachine>;

export interface Effect {
  readonly type: string;
  readonly params: unknown;
}

/** A moment of the order's life; step 0 is the order as it was created. */
export interface ReplayStep {
  readonly snapshot: OrderSnapshot;
  readonly state: string;
  readonly effects: readonly Effect[];
  /** Where the machine came to by replaying differs from what was stored: the machine has changed since, or history was. */
  readonly isFaithful: boolean;
}

export type Replay =
  | { readonly kind: "replayed"; readonly steps: readonly ReplayStep[] }
  | { readonly kind: "impossible"; readonly reason: string };

/** `EXECUTING.pending`: the name by which states are stored and drawn. */
export function nameOf({ value }: Pick<OrderSnapshot, "value">): string {
  return typeof value === "string" ? value : `EXECUTING.${value.EXECUTING}`;
}

export function replayOrder({ machine, input, transitions }: OrderHistory): Replay {
  if (machine.id !== PAYMENT_ORDER_MACHINE.id || machine.version !== PAYMENT_ORDER_MACHINE.version) {
    const reason = `The order was written by ${machine.id} version ${machine.version}; these pages know ${PAYMENT_ORDER_MACHINE.id} version ${PAYMENT_ORDER_MACHINE.version}.`;
    return { kind: "impossible", reason };
  }
  if (!isInput(input)) return { kind: "impossible", reason: "The order's input is not complete." };
  let snapshot: OrderSnapshot = paymentOrderMachine.resolveState({
    value: "NOT_STARTED",
    context: newPaymentOrderContext(input),
  });
  const steps: ReplayStep[] = [{ snapshot, state: nameOf(snapshot), effects: [], isFaithful: true }];
  for (const stored of transitions) {
    if (!isOrderEvent(stored.event)) {
      return { kind: "impossible", reason: `The machine knows no event ${stored.event.type} (step ${stored.seq}).` };
    }
    const moved = move(snapshot, stored.event);
    snapshot = moved.snapshot;
    const state = nameOf(snapshot);
    steps.push({ snapshot, state, effects: moved.effects, isFaithful: state === stored.to });
  }
  return { kind: "replayed", steps };
}

/** What the machine would do with an event; nothing is changed by asking. */
export function move(
  snapshot: OrderSnapshot,
  event: PaymentOrderEvent,
): { readonly snapshot: OrderSnapshot; readonly effects: readonly Effect[] } {
  const [next, actions] = transition(paymentOrderMachine, snapshot, event);
  return { snapshot: next, effects: actions.map(({ type, params }) => ({ type, params })) };
}

const INPUT_TEXTS = ["amount", "platformFee", "currency", "psp", "policy"] as const;
const INPUT_NUMBERS = ["settleTimeMs", "keyLifetimeMs"] as const;

function isInput(value: object): value is PaymentOrderInput {
  const policy: unknown = Reflect.get(value, "policy");
  return (
    INPUT_TEXTS.every((key) => typeof Reflect.get(value, key) === "string") &&
    INPUT_NUMBERS.every((key) => typeof Reflect.get(value, key) === "number") &&
    typeof policy === "string" &&
    isPolicyName(policy)
  );
}

function isOrderEvent(event: { readonly type: string }): event is PaymentOrderEvent {
  return paymentOrderMachine.events.some((type) => type === event.type) && typeof Reflect.get(event, "at") === "number";
}
