/** The payment order as an actor: its machine's snapshot beside the terms of the order, and what the engine asks of it. */
import type { SnapshotFrom } from "xstate";
import { PAYMENT_ORDER_MACHINE, type PaymentOrderMachine, paymentOrderMachine } from "../../machines/payment-order.ts";
import { newPaymentOrderContext } from "../../machines/payment-order-context.ts";
import { toEffect } from "../../machines/payment-order-effects.ts";
import type {
  CallParams,
  ChargeParams,
  PaymentOrderContext,
  PaymentOrderEvent,
  PaymentOrderInput,
  PostParams,
} from "../../machines/payment-order-types.ts";
import { assertNever, invariant } from "../core/assert.ts";
import type { ActorRef, ActorState, AnnouncementIntent, CallIntent, Decision, EntryIntent } from "../engine/actor.ts";
import { createPureTransition } from "../engine/pure-transition.ts";
import { postLateSuccess, postPayIn } from "../ledger/posting-rules.ts";
import type { ChargeRequest } from "../psp/connector.ts";
import { toStoredSnapshot } from "./payment-order-snapshot.ts";
import { type OrderStatus, type PaymentOrderObject, type PaymentOrderTerms, toPaymentOrder } from "./represent.ts";

export const PAYMENT_ORDER_KIND = "payment_order";

export const toOrderRefs = (merchantId: number, ids: readonly string[]): readonly ActorRef[] =>
  ids.map((id) => ({ kind: PAYMENT_ORDER_KIND, merchantId, id }));

type Snapshot = SnapshotFrom<PaymentOrderMachine>;

/** Makes the bytes of a charge; the connector of the order's PSP. */
export type BuildCharge = (request: ChargeRequest) => string;

/** What the row knows beside the snapshot. */
export interface Bookkeeping {
  readonly revision: number;
  readonly amountRefundedMinor: bigint;
  readonly isBooked: boolean;
  readonly updatedAt: string;
}

export interface PaymentOrderState extends ActorState {
  readonly terms: PaymentOrderTerms;
  readonly context: PaymentOrderContext;
  readonly status: OrderStatus;
  readonly phase: string | null;
  /** Names of the machine's events that would change something now. */
  allowedEvents(stamp: { at: number; jitter: number }): readonly string[];
  represent(): PaymentOrderObject;
}

function toEntry(terms: PaymentOrderTerms, { rule, reference, amount, currency }: PostParams): EntryIntent {
  const { psp, sellerAccount: seller, platformFeeMinor } = terms;
  const amountMinor = BigInt(amount);
  const postings =
    rule === "pay_in"
      ? postPayIn({ psp, seller, currency, amountMinor, platformFeeMinor })
      : postLateSuccess({ psp, currency, amountMinor });
  return { rule, psp, pspReference: reference, postings };
}

export function toIdempotencyKey(orderId: string, operation: string, operationNumber: number): string {
  return `${orderId}.${operation}.${operationNumber}`;
}

const transition = createPureTransition(paymentOrderMachine);

const ALL_EVENTS = ["order.cancel", "order.retry", "order.resolve"] as const;

/** A new order, before its first event. */
export function openPaymentOrder(
  terms: PaymentOrderTerms,
  input: PaymentOrderInput,
  buildCharge: BuildCharge,
): PaymentOrderState {
  // The initial state has no entry actions, so it is put together directly: a third of a step cheaper.
  const snapshot = paymentOrderMachine.resolveState({ value: "NOT_STARTED", context: newPaymentOrderContext(input) });
  const books = { revision: 0, amountRefundedMinor: 0n, isBooked: false, updatedAt: terms.createdAt };
  return toState({ terms, snapshot, books, buildCharge });
}

interface Parts {
  readonly terms: PaymentOrderTerms;
  readonly snapshot: Snapshot;
  readonly books: Bookkeeping;
  readonly buildCharge: BuildCharge;
}

function placeOf(snapshot: Snapshot): { status: OrderStatus; phase: string | null } {
  const { value } = snapshot;
  return typeof value === "string" ? { status: value, phase: null } : { status: "EXECUTING", phase: value.EXECUTING };
}

/** An order as it was stored. */
export function toState(parts: Parts): PaymentOrderState {
  const { terms, snapshot, books } = parts;
  const { context } = snapshot;
  const { status, phase } = placeOf(snapshot);
  const ref: ActorRef = { kind: PAYMENT_ORDER_KIND, merchantId: terms.merchantId, id: terms.id };
  const isTerminal = snapshot.hasTag("terminal");
  const state: PaymentOrderState = {
    ref,
    terms,
    context,
    status,
    phase,
    name: phase === null ? status : `EXECUTING.${phase}`,
    hasOpenCall: context.call !== null,
    isTerminal,
    isSettled:
      isTerminal ||
      snapshot.hasTag("needsReview") ||
      snapshot.hasTag("needsBuyer") ||
      phase === "authorized" ||
      context.nextActionUrl !== null,
    timer: context.timer === null ? null : { name: context.timer.name, dueAtMs: context.timer.dueAt },
    decide: (event) => decide(parts, state, event),
    accepts: (event) => snapshot.can(event),
    // The buyer's card is in the checkout's row; a copy that was read before it came does not have it.
    isStaleFor: ({ type }) => type === "order.started" && terms.checkout.paymentMethodToken === null,
    allowedEvents: (stamp) => allowedEvents(snapshot, stamp),
    represent: () => toPaymentOrder(terms, { status, phase, context, ...books }),
    toCreatedRow: () => ({
      id: terms.id,
      payment_order_id: terms.paymentOrderId,
      payment_event_id: terms.checkout.id,
      ordinal: terms.ordinal,
      seller_account: terms.sellerAccount,
      amount: terms.amountMinor.toString(),
      currency: terms.currency,
      platform_fee: terms.platformFeeMinor.toString(),
      psp: terms.psp,
      description: terms.description,
      metadata: terms.metadata,
      at: books.updatedAt,
      status,
      phase,
      machine_version: PAYMENT_ORDER_MACHINE.version,
      snapshot: toStoredSnapshot(snapshot),
    }),
    toMovedRow: (before) => ({
      id: terms.id,
      status,
      phase,
      psp_reference: context.reference,
      amount_captured: context.captured,
      late_added: context.late.length - lateCount(before),
      booked: books.isBooked,
      at: books.updatedAt,
      machine_version: PAYMENT_ORDER_MACHINE.version,
      snapshot: toStoredSnapshot(snapshot),
    }),
    toEndedRow: (before) =>
      isTerminal && !before.isTerminal
        ? {
            payment_event_id: terms.checkout.id,
            succeeded: status === "SUCCESS",
            has_siblings: terms.checkout.orderCount > 1,
            at: books.updatedAt,
          }
        : null,
  };
  return state;
}

function lateCount(state: ActorState): number {
  return isPaymentOrderState(state) ? state.context.late.length : 0;
}

export function isPaymentOrderState(state: ActorState): state is PaymentOrderState {
  return state.ref.kind === PAYMENT_ORDER_KIND;
}

function allowedEvents(snapshot: Snapshot, stamp: { at: number; jitter: number }): readonly string[] {
  return ALL_EVENTS.filter((type) => {
    if (type !== "order.resolve") return snapshot.can({ type, ...stamp });
    const decision = { type, reason: "", reference: "any", ...stamp } as const;
    const amount = snapshot.context.held?.amount ?? snapshot.context.amount;
    return (
      snapshot.can({ ...decision, amount, outcome: "succeeded" }) ||
      snapshot.can({ ...decision, amount, outcome: "failed" })
    );
  });
}

function decide(parts: Parts, state: PaymentOrderState, event: PaymentOrderEvent): Decision {
  const { terms, snapshot, buildCharge } = parts;
  const [next, actions] = transition(snapshot, event);
  if (
    next === snapshot ||
    (next.context === snapshot.context && next.value === snapshot.value && actions.length === 0)
  ) {
    return { isChange: false, next: state, calls: [], entries: [], announcements: [] };
  }
  const calls: CallIntent[] = [];
  const entries: EntryIntent[] = [];
  const announcedTypes: string[] = [];
  for (const action of actions) {
    const effect = toEffect(action);
    switch (effect.type) {
      case "charge":
        calls.push(toCharge(terms, effect.params, buildCharge));
        break;
      case "inquire":
        calls.push(toInquiry(terms, effect.params));
        break;
      case "post":
        entries.push(toEntry(terms, effect.params));
        break;
      case "announce":
        announcedTypes.push(effect.params.type);
        break;
      default:
        assertNever(effect);
    }
  }
  const books: Bookkeeping = {
    revision: parts.books.revision + 1,
    amountRefundedMinor: parts.books.amountRefundedMinor,
    isBooked: parts.books.isBooked || entries.some((entry) => entry.rule === "pay_in"),
    updatedAt: new Date(event.at).toISOString(),
  };
  const nextState = toState({ terms, snapshot: next, books, buildCharge });
  const announcements: AnnouncementIntent[] =
    announcedTypes.length === 0
      ? []
      : announcedTypes.map((type) => ({ type, orderVersion: books.revision, data: nextState.represent() }));
  return { isChange: true, next: nextState, calls, entries, announcements };
}

/** The bytes of a charge. An order starts when its token is there; an empty one would be the PSP's to make sense of. */
function buildRequest(terms: PaymentOrderTerms, buildCharge: BuildCharge): string {
  const { checkoutId, paymentMethodToken, returnUrl } = terms.checkout;
  invariant(paymentMethodToken !== null, "a charge needs the token of a payment method");
  return buildCharge({
    merchantId: terms.merchantId,
    orderId: terms.id,
    paymentOrderId: terms.paymentOrderId,
    checkoutId,
    amountMinor: terms.amountMinor,
    currency: terms.currency,
    paymentMethodToken,
    returnUrl,
  });
}

function toCharge(terms: PaymentOrderTerms, call: ChargeParams, buildCharge: BuildCharge): CallIntent {
  return {
    kind: "charge",
    attempt: call.attempt,
    operationNumber: call.operation,
    psp: terms.psp,
    idempotencyKey: toIdempotencyKey(terms.id, "charge", call.operation),
    // Only the first send under a key makes the bytes; a resend finds them stored with that attempt.
    request: call.isResend ? null : buildRequest(terms, buildCharge),
  };
}

function toInquiry(terms: PaymentOrderTerms, call: CallParams): CallIntent {
  return {
    kind: "inquiry",
    attempt: call.attempt,
    operationNumber: call.operation,
    psp: terms.psp,
    idempotencyKey: toIdempotencyKey(terms.id, "charge", call.operation),
    request: null,
  };
}
