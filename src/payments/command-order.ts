/**
 * Cancel, retry, resolve: commands that the machine may refuse. A resting order takes one on any node. When
 * another node works on it, the command is stored with its key, the owner is woken, and the caller waits a bound.
 */
import type { PaymentOrderEvent } from "../../machines/payment-order-types.ts";
import { assertNever } from "../core/assert.ts";
import { Refusal } from "../core/errors.ts";
import { formatAmount } from "../core/money.ts";
import { type Ports, sleep } from "../core/ports.ts";
import type { Statements } from "../db/access.ts";
import type { KeyRecord } from "../db/statements/idempotency-keys.ts";
import type { ActorKind, ActorRef, ActorState } from "../engine/actor.ts";
import { refName } from "../engine/actor.ts";
import type { ActorStore } from "../engine/actor-store.ts";
import { toStamp } from "../engine/calls.ts";
import type { Engine } from "../engine/engine.ts";
import type { Leases } from "../engine/leases/leases.ts";
import { temporarilyUnavailable, withPatience } from "./create-payment.ts";
import { checkSameRequest, type IdempotencyStore, toReplay } from "./idempotency.ts";
import { isPaymentOrderState, PAYMENT_ORDER_KIND, type PaymentOrderState } from "./payment-order-state.ts";
import type { IdempotentCall, OperatorCommand, StoredAnswer } from "./service.ts";

export interface CommandDeps {
  readonly statements: Pick<Statements, "findOrderId" | "insertCommand" | "findCommandResult">;
  readonly engine: Engine;
  readonly store: ActorStore;
  readonly kind: ActorKind;
  readonly keys: IdempotencyStore;
  readonly leases: Leases;
  readonly ports: Ports;
  readonly newId: () => string;
}

/** How long a caller waits for the node that owns the order. */
const OWNER_PATIENCE_MS = 5_000;
const OWNER_POLL_MS = 50;
const STORED_COMMAND = "command:";

export function createOrderCommander(deps: CommandDeps) {
  const { statements, engine, keys, ports } = deps;

  async function loadState(ref: ActorRef): Promise<PaymentOrderState> {
    const { actors } = await deps.store.load(deps.kind, [ref]);
    const state = actors[0]?.state;
    // The order was found by its id, so what can't be loaded is set aside, or of a version that newer nodes know.
    if (state === undefined || !isPaymentOrderState(state)) throw setAside();
    return state;
  }

  async function replay(call: IdempotentCall, record: KeyRecord, ref: ActorRef): Promise<StoredAnswer> {
    checkSameRequest(call, record);
    if (record.answer !== null) return toReplay(record.answer);
    if (record.subject.startsWith(STORED_COMMAND)) {
      return { ...(await awaitOwner(call, ref, record.subject.slice(STORED_COMMAND.length))), isReplay: true };
    }
    return toReplay(await keys.storeAnswer(call, { status: 200, body: toBody(await loadState(ref)) }));
  }

  /** Waits until the owner has taken the stored command, then answers for it. */
  async function awaitOwner(call: IdempotentCall, ref: ActorRef, commandId: string): Promise<StoredAnswer> {
    const until = ports.clock.monotonicMs() + OWNER_PATIENCE_MS;
    while (ports.clock.monotonicMs() < until) {
      const result = await statements.findCommandResult(commandId);
      if (result !== null) {
        const state = await loadState(ref);
        if (result.kind === "refused") {
          await keys.free(call, STORED_COMMAND + commandId);
          throw refusalFor(state, ports, null);
        }
        return { ...(await keys.storeAnswer(call, { status: 200, body: toBody(state) })), isReplay: false };
      }
      await sleep(ports, OWNER_POLL_MS);
    }
    throw temporarilyUnavailable(
      "Another node works on this order; the command is stored and will be carried out. Repeat the request with the same Idempotency-Key to get its answer.",
    );
  }

  async function storeForOwner(
    call: IdempotentCall,
    ref: ActorRef,
    event: PaymentOrderEvent,
    owner: string | null,
  ): Promise<StoredAnswer> {
    const commandId = deps.newId();
    const command = {
      commandId,
      actorKind: ref.kind,
      merchantId: ref.merchantId,
      actorId: ref.id,
      event,
    };
    if (!(await statements.insertCommand(command, { ...call, subject: STORED_COMMAND + commandId }))) {
      const record = await keys.find(call);
      if (record === null) throw temporarilyUnavailable();
      return replay(call, record, ref);
    }
    if (owner !== null) deps.leases.wake(owner, refName(ref));
    return awaitOwner(call, ref, commandId);
  }

  return async (call: IdempotentCall, paymentOrderId: string, command: OperatorCommand): Promise<StoredAnswer> => {
    const id = await statements.findOrderId(call.merchantId, paymentOrderId);
    if (id === null) throw notFound();
    const ref = { kind: PAYMENT_ORDER_KIND, merchantId: call.merchantId, id };
    const known = await keys.find(call);
    if (known !== null) return replay(call, known, ref);
    const event = toEvent(command, await loadState(ref), ports);
    const result = await withPatience(
      ports,
      engine.deliver(ref, {
        event,
        isCommand: true,
        mail: null,
        observation: null,
        toKeyRow: (next) => ({ ...call, subject: paymentOrderId, status: 200, answer: toBody(next) }),
      }),
    );
    switch (result.kind) {
      case "taken":
      case "ignored":
        return { status: 200, body: toBody(result.state), isReplay: false };
      case "refused": {
        // Perhaps by its own twin: the same request under the same key, which was carried out meanwhile.
        const twin = await keys.find(call);
        if (twin !== null) return replay(call, twin, ref);
        throw refusalFor(result.state, ports, command);
      }
      case "duplicate": {
        const record = await keys.find(call);
        if (record === null) throw temporarilyUnavailable();
        return replay(call, record, ref);
      }
      case "elsewhere":
        return storeForOwner(call, ref, event, result.owner);
      case "overloaded":
        throw temporarilyUnavailable();
      // It was found by its id: whoever moved it meanwhile is of a newer build.
      case "missing":
      case "quarantined":
        throw setAside();
      default:
        return assertNever(result);
    }
  };
}

function setAside(): Refusal {
  return new Refusal(
    "invalid-state",
    "This order is set aside because its stored state can't be read here. An engineer has to look at it.",
    { extra: { current_state: "quarantined", allowed: [] } },
  );
}

function notFound(): Refusal {
  return new Refusal(
    "not-found",
    "There is no payment order with this id. Check the id and that the API key belongs to its merchant.",
  );
}

function toBody(state: ActorState): string {
  return isPaymentOrderState(state) ? JSON.stringify(state.represent()) : "null";
}

function toEvent(command: OperatorCommand, state: PaymentOrderState, ports: Ports): PaymentOrderEvent {
  const stamp = toStamp(ports);
  switch (command.kind) {
    case "cancel":
      return { type: "order.cancel", ...stamp };
    case "retry":
      return { type: "order.retry", ...stamp };
    case "resolve": {
      const { held, amount } = state.context;
      return {
        type: "order.resolve",
        outcome: command.outcome,
        amount: command.amountMinor?.toString() ?? held?.amount ?? amount,
        reference: command.pspReference,
        reason: command.reason,
        ...stamp,
      };
    }
    default:
      return assertNever(command);
  }
}

const COMMAND_OF: Readonly<Record<string, string>> = {
  "order.cancel": "cancel",
  "order.retry": "retry",
  "order.resolve": "resolve",
};

/** Says why the machine refused, and what it would take now. */
function refusalFor(state: ActorState, ports: Ports, command: OperatorCommand | null): Refusal {
  if (!isPaymentOrderState(state)) return new Refusal("invalid-state", "The order can't do this now.");
  const { held, currency } = state.context;
  if (command?.kind === "resolve" && state.phase === "parked") {
    if (command.outcome === "failed" && held !== null) {
      return invalidState(
        state,
        ports,
        `The PSP holds ${formatAmount(BigInt(held.amount), held.currency)} ${held.currency} for this order (${held.reference}), so it can't be failed. Resolve it as succeeded, or leave it parked until the money is given back: Florin makes no refunds yet.`,
      );
    }
    if (command.outcome === "succeeded") {
      const detail =
        held === null
          ? "Say which charge paid this order: psp_reference is required, may not be booked for another order, and amount is at most the order's amount."
          : held.currency === currency
            ? `The PSP holds ${formatAmount(BigInt(held.amount), held.currency)} ${held.currency} (${held.reference}): resolve with exactly this amount, unless another order has booked it.`
            : `The PSP holds money in ${held.currency}, the order is in ${currency}: it can't be booked as this order's payment.`;
      return new Refusal("invalid-request", detail, {
        errors: [{ pointer: held === null ? "/psp_reference" : "/amount", code: "invalid-request", detail }],
      });
    }
  }
  return invalidState(
    state,
    ports,
    `The order is ${state.name} and can't do this now. See "allowed" for what it can do.`,
  );
}

function invalidState(state: PaymentOrderState, ports: Ports, detail: string): Refusal {
  const allowed = state.allowedEvents(toStamp(ports)).map((type) => COMMAND_OF[type] ?? type);
  return new Refusal("invalid-state", detail, { extra: { current_state: state.name, allowed } });
}
