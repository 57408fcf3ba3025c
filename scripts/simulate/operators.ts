/**
 * Operators of a simulated run: they look at the queue of parked orders, retry them, or decide for themselves. They see the
 * PSP's own pages, and now and then they are wrong: about the amount, and about money that Florin knows to be held.
 */
import { type ClientCalls, findRow, json, type Merchant, type OrderView } from "./client-calls.ts";
import type { Invariant } from "./invariants.ts";
import type { ModelDatabase, OrderRow } from "./model-contract.ts";
import { toMajor } from "./minor-units.ts";
import type { PspCharge, SimulatedPsp } from "./psp.ts";
import type { World } from "./world.ts";

export interface Operators {
  /** One round over the parked orders of all merchants. */
  operate(): Promise<void>;
}

interface Held {
  readonly amount: string;
  readonly currency: string;
}

const REASON = "looked at";
const SHARE_OF_SLIPS = 0.3;

export function createOperators(parts: {
  readonly world: World;
  readonly calls: ClientCalls;
  readonly merchants: readonly Merchant[];
  readonly psps: readonly SimulatedPsp[];
  readonly model: ModelDatabase;
}): Operators {
  const { world, merchants, psps, model } = parts;
  const { send, sendUntilAnswered, sendTwins } = parts.calls;
  const fail = (invariant: Invariant, detail: string, orderId: string | null = null): void =>
    world.fail(invariant, detail, orderId);

  const heldOf = (row: OrderRow | undefined): Held | null =>
    (row?.snapshot as { readonly context?: { readonly held: Held | null } } | undefined)?.context?.held ?? null;

  /** As the PSP's own pages show them. */
  const chargesOf = ({ merchantId }: Merchant, id: string): readonly PspCharge[] =>
    psps
      .flatMap((psp) => [...psp.charges.values()])
      .filter(({ metadata }) => metadata.payment_order_id === id && metadata.merchant_id === String(merchantId));

  /** An operator looks at the PSP's own pages before giving an order up. */
  const mayHoldMoney = (merchant: Merchant, id: string): boolean =>
    chargesOf(merchant, id).some(({ status, isLateSuccess }) => status !== "declined" || isLateSuccess);

  async function operate(): Promise<void> {
    for (const merchant of merchants) {
      const queue = await send(merchant, "GET", "/v1/queues/parked");
      if (queue === null || queue.status !== 200) continue;
      const { data } = json(queue.text) as { data: readonly { payment_order: OrderView }[] };
      for (const { payment_order: order } of data.slice(0, 3)) await decide(merchant, order);
      if (world.strikes("client_look")) await send(merchant, "GET", "/v1/ledger/trial-balance");
    }
  }

  async function decide(merchant: Merchant, order: OrderView): Promise<void> {
    const id = order.payment_order_id;
    const number = Math.floor(world.between("decision", 0, 1e6));
    const outcome = world.pick("outcome", ["succeeded", "failed"] as const);
    const row = findRow(model, merchant, id);
    const held = heldOf(row);
    // What Florin itself knows to be held it must not let go of, whatever an operator says.
    const isWrong = outcome === "failed" && mayHoldMoney(merchant, id) && held === null;
    const isRetry = world.between("decide", 0, 1) < 0.6 || isWrong;
    const key = `op-${id}-${number}`;
    if (row !== undefined && world.between("slip", 0, 1) < SHARE_OF_SLIPS)
      await takeTooMuch(merchant, row, `slip-${key}`);
    const command = isRetry ? "retry" : "resolve";
    const path = `/v1/payments/${id}/${command}`;
    const body =
      isRetry || row === undefined ? "{}" : JSON.stringify({ outcome, ...readCharge(merchant, row), reason: REASON });
    const request = { key, body };
    const second = world.strikes("client_double")
      ? sendUntilAnswered(merchant, path, { ...request, key: `again-${key}` })
      : null;
    // Two keys at once would leave open whose doing it was that a twin is refused.
    const answer =
      second === null && world.strikes("client_twin")
        ? await sendTwins({ merchant, path, request, paymentOrderId: id, type: `order.${command}` })
        : await sendUntilAnswered(merchant, path, request);
    for (const one of [answer, await second]) {
      if (one !== null && ![200, 409, 422].includes(one.status))
        fail("no surprise", `${path} was answered ${one.status} ${one.text.slice(0, 200)}`);
    }
    if (answer?.status === 200)
      world.probe(`an operator's ${isRetry ? "retry" : `resolve as ${outcome}`} is carried out`);
  }

  /** Amount and reference of the charge on the PSP's pages, where it is what was asked for. */
  function readCharge(
    merchant: Merchant,
    row: OrderRow,
  ): { readonly amount?: string; readonly psp_reference?: string } {
    const charge = chargesOf(merchant, row.paymentOrderId).find(({ status }) => status === "succeeded");
    if (charge?.amount !== String(row.amount) || charge.currency !== row.currency) return {};
    return { amount: toMajor(row.amount, row.currency), psp_reference: charge.reference };
  }

  /** An operator misreads an amount: no more may be booked than was asked for, or is held. */
  async function takeTooMuch(merchant: Merchant, row: OrderRow, key: string): Promise<void> {
    const held = heldOf(row);
    const limit = held === null || BigInt(held.amount) < row.amount ? row.amount : BigInt(held.amount);
    const amount = toMajor(limit + 1n, row.currency);
    const body = JSON.stringify({ outcome: "succeeded", amount, psp_reference: `ch_misread_${key}`, reason: REASON });
    const path = `/v1/payments/${row.paymentOrderId}/resolve`;
    const answer = await sendUntilAnswered(merchant, path, { key, body });
    if (answer === null) return;
    world.probe("an operator takes too much");
    if (answer.status !== 409 && answer.status !== 422)
      fail("booked as asked", `${amount} ${row.currency}, more than there is, was answered ${answer.status}`, row.id);
  }

  return { operate };
}
