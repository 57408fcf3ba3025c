/** A shop that uses every payment method of api.md: what it sends, how its buyers act, and what must come of it. */
import { type Buyer, CARDS } from "./buyer.ts";

export interface Expectation {
  /** States in which an order of this case may come to rest. */
  readonly ends: readonly string[];
  /** `failure.code` where the order fails. */
  readonly failure?: string;
  /** Successful charges at the PSP for each order. */
  readonly charges: number;
  /** The order stands in the queue `late` in the end. */
  readonly isLate?: boolean;
  /** What may come of it besides, when Florin was killed before it learnt the PSP's first answer. */
  readonly afterKill?: Expectation;
}

export interface Case extends Expectation {
  /** The token, with the buyer's choice where there is one. */
  readonly label: string;
  /** Null: the hosted page, where the buyer brings the token. */
  readonly token: string | null;
  readonly buyer: Buyer;
  /** It takes more than a few seconds until such an order is at rest. */
  readonly isSlow?: boolean;
}

export interface Cart {
  readonly case: Case;
  readonly checkoutId: string;
  readonly body: string;
  readonly orders: readonly CartOrder[];
}

export interface CartOrder {
  readonly payment_order_id: string;
  readonly seller_account: string;
  readonly amount: string;
  readonly currency: string;
  readonly platform_fee: string;
}

const PAID: Expectation = { ends: ["SUCCESS"], charges: 1 };
const refused = (failure: string): Expectation => ({ ends: ["FAILED"], charges: 0, failure });
/** Soft declines and dead PSPs use up the sends; then an operator is asked. */
const PARKED: Expectation = { ends: ["parked"], charges: 0 };
/** The PSP holds money that does not fit the order: it waits for an operator, and nothing is booked. */
const HELD: Expectation = { ends: ["parked"], charges: 1 };
const NOBODY: Buyer = { kind: "none" };

const ofToken = (token: string, expectation: Expectation): Case => ({
  label: token,
  token,
  buyer: NOBODY,
  ...expectation,
});

const paidTokens = [
  "pm_card_visa",
  "pm_card_mastercard",
  "pm_card_amex",
  "pm_card_createDispute",
  "pm_card_pendingRefund",
  "pm_card_refundFail",
  "sim_pending_success",
  "sim_pending_no_webhook",
  "sim_timeout_charged",
  "sim_timeout_not_charged",
  "sim_reset_charged",
  "sim_500_charged",
  "sim_garbage",
  "sim_429_twice",
  "sim_webhook_first",
  "sim_webhook_dup",
  "sim_webhook_reorder",
  "sim_webhook_forged",
  "sim_inquiry_late",
];

export const CASES: readonly Case[] = [
  ...paidTokens.map((token) => ofToken(token, PAID)),
  // Twice unknown until the PSP's settle time has passed.
  { ...ofToken("sim_500_twice", PAID), isSlow: true },
  ofToken("pm_card_chargeDeclined", refused("card_declined")),
  ofToken("pm_card_chargeDeclinedInsufficientFunds", refused("card_declined")),
  ofToken("pm_card_chargeDeclinedExpiredCard", refused("expired_card")),
  ofToken("pm_card_chargeDeclinedLostCard", refused("card_declined")),
  { ...ofToken("pm_card_chargeDeclinedProcessingError", PARKED), isSlow: true },
  { ...ofToken("pm_card_chargeDeclinedVelocityLimitExceeded", PARKED), isSlow: true },
  ofToken("sim_pending_decline", refused("card_declined")),
  // Parked once the polls are spent.
  ofToken("sim_pending_forever", { ends: ["pending", "parked"], charges: 0 }),
  ofToken("sim_wrong_amount", HELD),
  ofToken("sim_wrong_currency", HELD),
  // Whoever never heard of the decline asks, and finds the success.
  ofToken("sim_late_success", {
    ends: ["FAILED"],
    failure: "card_declined",
    charges: 1,
    isLate: true,
    afterKill: PAID,
  }),
  { ...ofToken("sim_unavailable", PARKED), isSlow: true },
  {
    label: "pm_card_threeDSecure2Required, approved",
    token: "pm_card_threeDSecure2Required",
    buyer: { kind: "confirms", choice: "approve" },
    ...PAID,
  },
  {
    label: "pm_card_threeDSecure2Required, declined",
    token: "pm_card_threeDSecure2Required",
    buyer: { kind: "confirms", choice: "decline" },
    ...refused("authentication_failed"),
  },
  {
    label: "hosted page, card accepted",
    token: null,
    buyer: { kind: "visits", card: CARDS.visa, choice: null },
    ...PAID,
  },
  {
    label: "hosted page, card declined",
    token: null,
    buyer: { kind: "visits", card: CARDS.declined, choice: null },
    ...refused("card_declined"),
  },
  {
    label: "hosted page, 3DS approved",
    token: null,
    buyer: { kind: "visits", card: CARDS.threeDSecure, choice: "approve" },
    ...PAID,
  },
];

const CURRENCIES = ["USD", "EUR", "USD", "JPY", "USD", "KWD"] as const;
/** A cart of several sellers each third time. */
const SELLERS_OF_CART = [1, 1, 2, 1, 1, 3] as const;
const SELLERS = 12;

/** Without those that take long, for a quick look. */
export const QUICK_CASES: readonly Case[] = CASES.filter(({ isSlow }) => isSlow !== true);

/** The `number`th cart of a run. The same run, number and cases give the same cart. */
export function fillCart(run: string, number: number, cases: readonly Case[] = CASES): Cart {
  const chosen = cases[number % cases.length];
  if (chosen === undefined) throw new Error("the shop has no cases");
  const lap = Math.floor(number / cases.length);
  const size = SELLERS_OF_CART[(lap * 4 + number) % SELLERS_OF_CART.length] ?? 1;
  const currency = CURRENCIES[number % CURRENCIES.length] ?? "USD";
  const orders = Array.from({ length: size }, (_, index): CartOrder => {
    const minor = 500 + ((number * 7_919 + index * 104_729) % 90_000);
    return {
      payment_order_id: `po_${run}_${number}_${index}`,
      seller_account: `seller-${((number + index) % SELLERS) + 1}`,
      amount: toMajor(minor, currency),
      currency,
      platform_fee: toMajor(Math.floor(minor / 33), currency),
    };
  });
  const checkoutId = `chk_${run}_${number}`;
  const body = JSON.stringify({
    checkout_id: checkoutId,
    buyer_info: { id: `buyer-${number}`, country: "DE" },
    payment_method: chosen.token === null ? { type: "hosted_page" } : { token: chosen.token },
    payment_orders: orders,
    metadata: { run },
  });
  return { case: chosen, checkoutId, body, orders };
}

const DIGITS: Readonly<Record<(typeof CURRENCIES)[number], number>> = { USD: 2, EUR: 2, JPY: 0, KWD: 3 };

function toMajor(minor: number, currency: (typeof CURRENCIES)[number]): string {
  return (minor / 10 ** DIGITS[currency]).toFixed(DIGITS[currency]);
}
