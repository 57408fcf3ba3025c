/**
 * Shops and buyers of a simulated run: they pay with every kind of payment method, repeat what was not answered, click twice,
 * look, cancel and come back; and an operator who decides on parked orders. They remember what they were told.
 */
import { createHash } from "node:crypto";
import {
  type Acknowledged,
  type Answer,
  type CheckoutView,
  createClientCalls,
  json,
  type Merchant,
} from "./client-calls.ts";
import type { Invariant } from "./invariants.ts";
import type { ModelDatabase } from "./model-contract.ts";
import type { SimulatedNode } from "./node.ts";
import { createOperators } from "./operators.ts";
import type { SimulatedPsp } from "./psp.ts";
import { repeatAll } from "./repeats.ts";
import type { World } from "./world.ts";

export interface Clients {
  /** Sends a checkout and does what its buyer does; resolves when the shop is done with it. */
  buy(number: number): Promise<void>;
  /** The operator's round. */
  operate(): Promise<void>;
  readonly acknowledged: readonly Acknowledged[];
  /** Sends old requests again and compares the answers. */
  replayAll(): Promise<void>;
  /** Buyers and operators that are at it. */
  open(): number;
}

export interface ClientParts {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly merchants: readonly Merchant[];
  readonly psps: readonly SimulatedPsp[];
  readonly model: ModelDatabase;
  /** Only this payment method, instead of a choice of all. */
  readonly token?: string;
}

/** Plain success is the most common, as in life. */
const TOKENS = [
  ...Array.from({ length: 8 }, () => "pm_card_visa"),
  "pm_card_chargeDeclined",
  "pm_card_chargeDeclinedProcessingError",
  "pm_card_chargeDeclinedProcessingError",
  "pm_card_threeDSecure2Required",
  "pm_card_threeDSecure2Required",
  "sim_pending_success",
  "sim_pending_success",
  "sim_pending_decline",
  "sim_pending_no_webhook",
  "sim_pending_forever",
  "sim_wrong_amount",
  "sim_wrong_currency",
  "sim_late_success",
  "hosted",
  "hosted",
];
const SELLERS = 5;
/** In euros an odd amount above 2^53 cents: no JavaScript number holds it. */
const AMOUNTS = { USD: "25.00", EUR: "90071992547409.93", JPY: "500", KWD: "1.234" } as const;
const FEES = { USD: "1.00", EUR: "0.00", JPY: "15", KWD: "0.007" } as const;
type Currency = keyof typeof AMOUNTS;

export function createClients(parts: ClientParts): Clients {
  const { world, merchants, psps } = parts;
  const { timeline } = world;
  const calls = createClientCalls(parts);
  const { send, sendUntilAnswered, sendTwins, acknowledged } = calls;
  const operators = createOperators({ ...parts, calls });
  let open = 0;
  const fail = (invariant: Invariant, detail: string): void => world.fail(invariant, detail);
  const sleep = (purpose: string, low: number, high: number): Promise<void> =>
    timeline.sleep(world.between(purpose, low, high));

  function fillCart(number: number, token: string): string {
    const size = 1 + Math.floor(world.between("cart size", 0, 3.2));
    const currency = world.pick("currency", Object.keys(AMOUNTS) as Currency[]);
    return JSON.stringify({
      ...(number % 4 === 3 ? {} : { checkout_id: `chk-${number}` }),
      buyer_info: { id: `b-${number}` },
      payment_method: token === "hosted" ? { type: "hosted_page" } : { token },
      payment_orders: Array.from({ length: size }, (_, index) => ({
        ...(number % 3 === 2 ? {} : { payment_order_id: `po-${number}-${index}` }),
        seller_account: `s${Math.floor(world.between("seller", 0, SELLERS))}`,
        amount: AMOUNTS[currency],
        currency,
        platform_fee: FEES[currency],
      })),
    });
  }

  async function buy(number: number): Promise<void> {
    open += 1;
    try {
      const merchant = merchants[number % merchants.length];
      if (merchant === undefined) return;
      const token = parts.token ?? world.pick("token", TOKENS);
      const body = fillCart(number, token);
      const wait = world.pick("wait", [null, null, 3, 12]);
      const request = { key: `key-${number}`, body, ...(wait === null ? {} : { waitSeconds: wait }) };
      const isNamed = body.includes('"checkout_id"');
      const twins = world.strikes("client_twin") ? [sendUntilAnswered(merchant, "/v1/payments", request)] : [];
      const second =
        isNamed && world.strikes("client_double")
          ? sendUntilAnswered(merchant, "/v1/payments", { ...request, key: `again-${number}` })
          : null;
      const answer = await sendUntilAnswered(merchant, "/v1/payments", request);
      await Promise.all(twins);
      if (answer === null) return fail("no surprise", `checkout ${number} never got an answer`);
      if (answer.status !== 201 && answer.status !== 200) {
        return fail("no surprise", `checkout ${number} was answered ${answer.status} ${answer.text.slice(0, 300)}`);
      }
      const checkout = json(answer.text) as CheckoutView;
      if (second !== null) await compareClicks(checkout, await second, number);
      await follow(merchant, checkout, token);
    } finally {
      open -= 1;
    }
  }

  async function compareClicks(checkout: CheckoutView, second: Answer | null, number: number): Promise<void> {
    if (second === null) return;
    if (second.status !== 200 && second.status !== 201) {
      return fail(
        "one checkout",
        `the second click of ${number} was answered ${second.status} ${second.text.slice(0, 200)}`,
      );
    }
    const other = json(second.text) as CheckoutView;
    const idsOf = ({ payment_orders: orders }: CheckoutView): string =>
      orders.map((order) => order.payment_order_id).join();
    if (other.checkout_id !== checkout.checkout_id || idsOf(other) !== idsOf(checkout)) {
      fail("one checkout", `two clicks made ${checkout.checkout_id} and ${other.checkout_id}`);
    }
  }

  /** What the buyer and the shop do next. */
  async function follow(merchant: Merchant, checkout: CheckoutView, token: string): Promise<void> {
    const ids = checkout.payment_orders.map((order) => order.payment_order_id);
    if (world.strikes("client_cancel")) {
      await sleep("cancel", 0, 800);
      for (const id of ids) {
        await cancel(merchant, id);
      }
    }
    if (token === "hosted") await visitHosted(merchant, checkout);
    if (token.includes("threeDSecure")) {
      await sleep("buyer", 200, 6_000);
      const choice = world.between("3DS", 0, 1) < 0.7 ? "approve" : "decline";
      const all = [...psps.flatMap((psp) => [...psp.charges.values()])];
      for (const charge of all) {
        if (ids.includes(charge.metadata.payment_order_id ?? "")) {
          for (const psp of psps) if (psp.account === charge.account) psp.confirm(charge.orderId, choice);
        }
      }
      // Until the PSP has taken note of it, the buyer has not left.
      await timeline.sleep(100);
    }
    for (let looks = 0; looks < 6 && world.strikes("client_look"); looks += 1) {
      await sleep("look", 200, 4_000);
      const id = world.pick("look at", ids);
      const what = world.pick("look how", ["", "/explain", "/timeline"]);
      const answer = await send(merchant, "GET", `/v1/payments/${id}${what}`);
      if (answer !== null && answer.status !== 200 && answer.status !== 503) {
        fail("acknowledged payment", `GET ${id}${what} was answered ${answer.status}`);
      }
    }
    const stranger = merchants.find((other) => other !== merchant);
    if (stranger !== undefined && world.strikes("client_look")) {
      const [id] = ids;
      const answer = id?.includes("-") === true ? null : await send(stranger, "GET", `/v1/payments/${id}`);
      if (answer?.status === 200) fail("no surprise", "a merchant sees another's order");
    }
    if (world.strikes("client_repeat")) {
      await sleep("repeat", 0, 10_000);
      const old = world.pick("repeat what", acknowledged);
      await sendUntilAnswered(old.merchant, old.path, old);
    }
  }

  async function cancel(merchant: Merchant, paymentOrderId: string): Promise<void> {
    const path = `/v1/payments/${paymentOrderId}/cancel`;
    const request = { key: `cancel-${paymentOrderId}`, body: "{}" };
    if (world.strikes("client_twin")) {
      await sendTwins({ merchant, path, request, paymentOrderId, type: "order.cancel" });
      return;
    }
    const second = world.strikes("client_double")
      ? sendUntilAnswered(merchant, path, { ...request, key: `again-${request.key}` })
      : null;
    await sendUntilAnswered(merchant, path, request);
    await second;
  }

  /** The PSP's form sends the buyer back with a token, sometimes twice and with two cards. */
  async function visitHosted(merchant: Merchant, checkout: CheckoutView): Promise<void> {
    if (world.between("hosted", 0, 1) < 0.15) return;
    const url = checkout.payment_orders[0]?.next_action?.url ?? "";
    if (!url.includes("/pay/")) return;
    await sleep("buyer", 200, 5_000);
    const back = url.replace(/^https?:\/\/[^/]+/, "").replace("?", "/return?");
    const token = world.pick("hosted token", [
      "pm_card_visa",
      "pm_card_visa",
      "pm_card_chargeDeclined",
      "sim_pending_success",
    ]);
    for (let tries = 0; tries < 12; tries += 1) {
      const answer = await send(merchant, "GET", `${back}&token=${token}`);
      if (answer !== null && answer.status < 500) break;
      await sleep("client pause", 200, 1_500);
    }
    if (world.strikes("client_double")) await send(merchant, "GET", `${back}&token=pm_card_mastercard`);
  }

  return {
    buy,
    async operate() {
      open += 1;
      await operators.operate();
      open -= 1;
    },
    acknowledged,
    replayAll: () => repeatAll(world, calls),
    open: () => open,
  };
}

export const hashSecret = (secret: string): Buffer => createHash("sha256").update(secret).digest();
