/**
 * Requests of a simulated run and what came of them: each goes to some node, may get lost on either way, and is repeated under
 * its key until it is answered for good. What was acknowledged is remembered, and must be in the database at that moment.
 */
import type { Invariant } from "./invariants.ts";
import type { ModelDatabase, OrderRow } from "./model-contract.ts";
import type { SimulatedNode } from "./node.ts";
import type { World } from "./world.ts";

export interface Merchant {
  readonly merchantId: number;
  readonly secret: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface OrderView {
  readonly payment_order_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
  readonly phase: string | null;
  readonly next_action: { readonly url: string } | null;
}

export interface CheckoutView {
  readonly checkout_id: string;
  readonly payment_orders: readonly OrderView[];
}

/** A request that was answered for good. */
export interface Acknowledged {
  readonly merchant: Merchant;
  readonly path: string;
  readonly key: string;
  readonly body: string;
  readonly status: number;
  readonly text: string;
}

export interface ClientCalls {
  /** Null when no answer came. */
  send(merchant: Merchant, method: string, path: string, options?: CallOptions): Promise<Answer | null>;
  /** Repeats a request under its key until it is answered for good; null when nobody ever does. */
  sendUntilAnswered(merchant: Merchant, path: string, request: KeyedRequest): Promise<Answer | null>;
  /** The same request twice at once: what is answered to one is answered to the other. */
  sendTwins(command: TwinCommand): Promise<Answer | null>;
  readonly acknowledged: readonly Acknowledged[];
}

interface CallOptions {
  readonly key?: string;
  readonly body?: string;
  readonly waitSeconds?: number;
}

export interface KeyedRequest {
  readonly key: string;
  readonly body: string;
  readonly waitSeconds?: number;
}

export interface TwinCommand {
  readonly merchant: Merchant;
  readonly path: string;
  readonly request: KeyedRequest;
  readonly paymentOrderId: string;
  /** What the machine calls it. */
  readonly type: "order.cancel" | "order.retry" | "order.resolve";
}

/** Longer than the longest run may keep a shop waiting. */
const MAX_TRIES = 500;

export const json = (text: string): unknown => JSON.parse(text);
const isEnd = (status: string): boolean => status === "SUCCESS" || status === "FAILED";

/** By the name that its merchant gave it. */
export function findRow(model: ModelDatabase, { merchantId }: Merchant, paymentOrderId: string): OrderRow | undefined {
  return [...model.tables.orders.values()].find(
    (row) => row.merchantId === merchantId && row.paymentOrderId === paymentOrderId,
  );
}

export function createClientCalls(parts: {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly model: ModelDatabase;
}): ClientCalls {
  const { world, nodes, model } = parts;
  const { timeline } = world;
  const acknowledged: Acknowledged[] = [];
  const fail = (invariant: Invariant, detail: string, orderId: string | null = null): void =>
    world.fail(invariant, detail, orderId);

  async function send(
    merchant: Merchant,
    method: string,
    path: string,
    options: CallOptions = {},
  ): Promise<Answer | null> {
    const ready = nodes.filter((node) => node.isReady());
    if (ready.length === 0) return null;
    if (world.strikes("client_lost")) return null;
    const node = world.pick("load balancer", ready);
    const answer = await node.request(path, {
      method,
      headers: {
        authorization: `Bearer ${merchant.secret}`,
        ...(options.key === undefined ? {} : { "idempotency-key": options.key }),
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...(options.waitSeconds === undefined ? {} : { prefer: `wait=${options.waitSeconds}` }),
      },
      ...(options.body === undefined ? {} : { body: options.body }),
    });
    if (answer !== null && answer.status >= 500 && answer.status !== 503) {
      fail("no surprise", `${method} ${path} was answered ${answer.status}: ${answer.text.slice(0, 300)}`);
    }
    // The server has answered; the client never hears it.
    return answer !== null && world.strikes("client_lost") ? null : answer;
  }

  /** Repeats a request under its key until it is answered for good. */
  async function sendUntilAnswered(merchant: Merchant, path: string, request: KeyedRequest): Promise<Answer | null> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const answer = await send(merchant, "POST", path, request);
      const isOver = answer !== null && answer.status !== 503 && !answer.text.includes("idempotency-in-progress");
      if (isOver) {
        remember({ merchant, path, key: request.key, body: request.body, status: answer.status, text: answer.text });
        return answer;
      }
      if (answer !== null) world.probe(`a client was told to come back (${answer.status})`);
      await timeline.sleep(world.between("client pause", 100, 1_500));
    }
    return null;
  }

  function remember(one: Acknowledged): void {
    if (one.status >= 400) return;
    const before = acknowledged.find(({ merchant, key }) => key === one.key && merchant === one.merchant);
    if (before !== undefined) {
      if (before.status !== one.status || before.text !== one.text) {
        fail(
          "same answer",
          `key ${one.key}: ${before.status} ${before.text.length} bytes, then ${one.status} ${one.text.slice(0, 200)}`,
        );
      }
      return;
    }
    acknowledged.push(one);
    world.trace("client", `${one.path} ${one.key} is acknowledged (${one.status})`);
    if (one.path === "/v1/payments") checkStored(one);
  }

  /** What was acknowledged is in the database at this very moment. */
  function checkStored({ merchant, text, body }: Acknowledged): void {
    const answer = json(text) as CheckoutView;
    const asked = json(body) as { payment_orders: readonly { amount: string; currency: string }[] };
    for (const [index, order] of answer.payment_orders.entries()) {
      const row = findRow(model, merchant, order.payment_order_id);
      const wanted = asked.payment_orders[index];
      if (
        row === undefined ||
        wanted === undefined ||
        order.amount !== wanted.amount ||
        row.currency !== wanted.currency ||
        (isEnd(order.status) && row.status !== order.status)
      ) {
        fail(
          "acknowledged payment",
          `${order.payment_order_id} of ${answer.checkout_id} is not stored as it was asked for`,
        );
      }
    }
    if (answer.payment_orders.length !== asked.payment_orders.length) {
      fail("acknowledged payment", `${answer.checkout_id} has ${answer.payment_orders.length} orders`);
    }
  }

  async function sendTwins({ merchant, path, request, paymentOrderId, type }: TwinCommand): Promise<Answer | null> {
    const row = findRow(model, merchant, paymentOrderId);
    const before = row?.version ?? 0;
    const sendOne = async (): Promise<Answer | null> => {
      const answer = await sendUntilAnswered(merchant, path, request);
      if (row === undefined || answer === null || answer.status < 400) return answer;
      const since = (model.tables.transitions.get(`${row.merchantId}/${row.id}`) ?? []).slice(before);
      const own = since.filter(({ event }) => (event as { readonly type: string }).type === type);
      const isDone = typeof model.tables.keys.get(`${merchant.merchantId}/${request.key}`)?.answer === "string";
      // Whoever came before the order had moved would have moved it himself: this one came after its twin.
      if (isDone && own.length === 1 && own[0] === since[0])
        fail("same answer", `${request.key} was carried out, and its twin was answered ${answer.status}`, row.id);
      return answer;
    };
    world.probe(`two of the same ${type} at once`);
    const [one, other] = await Promise.all([sendOne(), sendOne()]);
    return one ?? other;
  }

  return { send, sendUntilAnswered, sendTwins, acknowledged };
}
