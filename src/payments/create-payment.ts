/** `POST /v1/payments`: creates a checkout once, whatever is repeated, and answers with bytes that are stored first. */
import { Refusal } from "../core/errors.ts";
import { type Ports, withinTime } from "../core/ports.ts";
import type { Statements } from "../db/access.ts";
import type { FoundPaymentEvent } from "../db/statements/payment-events.ts";
import type { ActorKind, ActorRef, ActorState } from "../engine/actor.ts";
import type { ActorStore } from "../engine/actor-store.ts";
import type { CreateResult, Engine } from "../engine/engine.ts";
import { OWNERSHIP_MS } from "../engine/ownership.ts";
import { putBuyer } from "./buyer-place.ts";
import { type CheckoutDeps, hashContent, openCheckout } from "./checkout.ts";
import { checkSameRequest, type IdempotencyStore, toReplay } from "./idempotency.ts";
import { isPaymentOrderState, toOrderRefs } from "./payment-order-state.ts";
import { type PaymentEventTerms, toPaymentEvent } from "./represent.ts";
import { type CheckoutRequest, type IdempotentCall, MAX_WAIT_SECONDS, type StoredAnswer } from "./service.ts";
import { createOrderWatcher } from "./waiting.ts";

export interface CreateDeps {
  readonly node: string;
  readonly statements: Pick<Statements, "findPaymentEvent">;
  readonly engine: Engine;
  readonly store: ActorStore;
  readonly kind: ActorKind;
  readonly keys: IdempotencyStore;
  readonly checkout: CheckoutDeps;
  readonly newId: () => string;
}

interface Asked {
  readonly checkoutId: string;
  readonly waitMs: number;
}

/** When the database does not answer within this, the caller is told to come back; the item goes on. */
const COMMIT_PATIENCE_MS = 10_000;

/** The commit of the first request and the longest wait after it: then it is over, answered or not. */
const FIRST_ANSWER_MS = COMMIT_PATIENCE_MS + MAX_WAIT_SECONDS * 1_000;

const BUSY = "Florin can't take this now; nothing is lost. Send the same request with the same Idempotency-Key again.";

const UNREADABLE =
  "An order of this checkout can't be read by this node now. Nothing is lost; read it with GET /v1/checkouts/{checkout_id}.";

export function temporarilyUnavailable(detail = BUSY, retryAfterSeconds = 2): Refusal {
  return new Refusal("temporarily-unavailable", detail, { retryAfterSeconds });
}

function stillRunning(): Refusal {
  return new Refusal(
    "idempotency-in-progress",
    "The first request with this Idempotency-Key is still running. Wait a moment and send it again.",
    { retryAfterSeconds: 1 },
  );
}

/** As it is stored: `putBuyer` makes the answer of it. */
function represent(terms: Omit<PaymentEventTerms, "buyerInfo">, states: readonly ActorState[]): string {
  return JSON.stringify(
    toPaymentEvent(
      { ...terms, buyerInfo: null },
      states.filter(isPaymentOrderState).map((state) => state.represent()),
    ),
  );
}

function replayOf(stored: { readonly status: number; readonly body: string }, found: FoundPaymentEvent): StoredAnswer {
  return toReplay({ status: stored.status, body: putBuyer(stored.body, found.buyerInfo) });
}

export function createPaymentCreator(deps: CreateDeps) {
  const { engine, keys } = deps;
  const { ports } = deps.checkout;
  const inProgress = new Set<string>();
  const watchOrders = createOrderWatcher({ ...deps, ports });

  /** All or none: an answer without the order that is set aside would say that the rest is the whole checkout. */
  async function readStates(refs: readonly ActorRef[]): Promise<readonly ActorState[]> {
    const { actors } = await deps.store.load(deps.kind, refs);
    return refs.map((ref) => {
      const found = actors.find(({ state }) => state.ref.id === ref.id);
      if (found === undefined) throw temporarilyUnavailable(UNREADABLE);
      return found.state;
    });
  }

  /** What is stored of a checkout that is there, once its orders rest or `waitMs` have passed. */
  async function representFound(
    merchantId: number,
    found: FoundPaymentEvent,
    { checkoutId, waitMs }: Asked,
  ): Promise<string> {
    const { metadata, createdAt } = found;
    const terms = { checkoutId, metadata, createdAt: createdAt.toISOString() };
    const refs = toOrderRefs(merchantId, found.orderIds);
    const watch = watchOrders(refs);
    try {
      return represent(terms, await watch.settled(await readStates(refs), waitMs));
    } finally {
      watch.stop();
    }
  }

  /**
   * Whether the request that created it may still wait on another node: an answer from here would come before its own, and
   * be the one that is kept. A request of this node that still runs is in `inProgress`.
   */
  function mayWaitElsewhere({ creator, creatorSilentMs, ageMs }: FoundPaymentEvent): boolean {
    const isAlive = creatorSilentMs !== null && creatorSilentMs < OWNERSHIP_MS;
    return creator !== deps.node && isAlive && ageMs < FIRST_ANSWER_MS;
  }

  async function replay(call: IdempotentCall): Promise<StoredAnswer> {
    const record = await keys.find(call);
    if (record === null) throw temporarilyUnavailable();
    checkSameRequest(call, record);
    const found = await deps.statements.findPaymentEvent(call.merchantId, record.subject);
    if (found === null) throw temporarilyUnavailable();
    if (record.answer !== null) return replayOf(record.answer, found);
    if (mayWaitElsewhere(found)) throw stillRunning();
    const body = await representFound(call.merchantId, found, { checkoutId: record.subject, waitMs: 0 });
    return replayOf(await keys.storeAnswer(call, { status: 201, body }), found);
  }

  async function answerSameCheckout(
    call: IdempotentCall,
    request: CheckoutRequest,
    asked: Asked,
  ): Promise<StoredAnswer> {
    const { checkoutId } = asked;
    const found = await deps.statements.findPaymentEvent(call.merchantId, checkoutId);
    if (found === null) throw temporarilyUnavailable();
    if (found.contentHash !== hashContent(request)) {
      throw new Refusal(
        "checkout-conflict",
        "A checkout with this checkout_id exists and has other content. Read it with GET /v1/checkouts/{checkout_id}, or use a new checkout_id.",
      );
    }
    const answer = { status: 200, body: await representFound(call.merchantId, found, asked) };
    const record = await keys.insertAnswered(call, checkoutId, answer);
    checkSameRequest(call, record);
    return replayOf(record.answer ?? (await keys.storeAnswer(call, answer)), found);
  }

  async function create(call: IdempotentCall, request: CheckoutRequest, waitMs: number): Promise<StoredAnswer> {
    const checkout = openCheckout(deps.checkout, call.merchantId, request);
    const { checkout_id: checkoutId } = checkout.row;
    const refs = checkout.openings.map(({ state }) => state.ref);
    const watch = waitMs > 0 ? watchOrders(refs) : null;
    let immediate: string | null = null;
    try {
      const result = await withPatience(
        ports,
        engine.create(checkout.openings, (item, states) => {
          if (waitMs === 0) immediate = represent(checkout.terms, states);
          item.key({ ...call, subject: checkoutId, status: immediate === null ? null : 201, answer: immediate });
          item.checkout(checkout.row);
          for (const state of states) {
            if (!isPaymentOrderState(state)) continue;
            item.event({
              ref: state.ref,
              id: deps.newId(),
              type: "payment_order.created",
              orderVersion: 1,
              data: state.represent(),
              at: checkout.terms.createdAt,
            });
          }
        }),
      );
      if (result.kind === "created") {
        const { buyerInfo } = checkout.terms;
        if (watch === null) {
          const body = putBuyer(immediate ?? represent(checkout.terms, result.states), buyerInfo);
          return { status: 201, body, isReplay: false };
        }
        const states = await watch.settled(result.states, waitMs);
        const stored = await keys.storeAnswer(call, { status: 201, body: represent(checkout.terms, states) });
        return { status: stored.status, body: putBuyer(stored.body, buyerInfo), isReplay: false };
      }
      return await answerRefused(result, call, request, { checkoutId, waitMs });
    } finally {
      watch?.stop();
    }
  }

  async function answerRefused(
    result: Exclude<CreateResult, { kind: "created" }>,
    call: IdempotentCall,
    request: CheckoutRequest,
    asked: Asked,
  ): Promise<StoredAnswer> {
    switch (result.kind) {
      case "duplicate":
        return replay(call);
      case "checkout":
        return answerSameCheckout(call, request, asked);
      case "order":
        throw new Refusal(
          "payment-order-conflict",
          "A payment_order_id of this request belongs to another checkout. Use new payment_order_ids; nothing was written.",
        );
      case "overloaded":
      case "fenced":
        throw temporarilyUnavailable();
      case "rejected":
        throw new Error(`the database refused a new checkout: ${result.sqlState} ${result.message}`);
    }
  }

  return async (call: IdempotentCall, request: CheckoutRequest, waitMs: number): Promise<StoredAnswer> => {
    const name = `${call.merchantId}/${call.key}`;
    if (inProgress.has(name)) throw stillRunning();
    inProgress.add(name);
    try {
      return await create(call, request, waitMs);
    } finally {
      inProgress.delete(name);
    }
  };
}

/** Bounds how long a caller waits for a commit whose result is not known; the commit itself is never given up. */
export function withPatience<T>(ports: Ports, result: Promise<T>): Promise<T> {
  return withinTime(ports, COMMIT_PATIENCE_MS, result, () => {
    throw temporarilyUnavailable();
  });
}
