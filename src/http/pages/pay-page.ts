/** What a buyer sees of a checkout: the cart, then the way to the PSP's form, then how it went. */
import { html } from "hono/html";
import { formatAmount } from "../../core/money.ts";
import type { CheckoutRow } from "../../db/queries/find-checkout.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";
import type { Html, PageParts, PageRefresh } from "./page.ts";

export interface PayPage {
  readonly checkout: CheckoutRow;
  /** The PSP's card form; null when no card is awaited. */
  readonly cardFormUrl: string | null;
  /** Where the bank wants the buyer; null when it wants nothing. */
  readonly confirmUrl: string | null;
  /** The page's own address for the next look, and how long to wait for it. */
  readonly refresh: PageRefresh;
  /** The page without looking again by itself; null when this is it. */
  readonly stillUrl: string | null;
}

export function payPage({ checkout, cardFormUrl, confirmUrl, refresh, stillUrl }: PayPage): PageParts {
  const { orders, returnUrl } = checkout;
  const isOpen = orders.some((order) => isUnderWay(order) && order.phase !== "parked");
  const isWaiting = isOpen && cardFormUrl === null && confirmUrl === null;
  const back = returnUrl === null ? "" : html`<p><a href="${returnUrl}">Back to the shop</a></p>`;
  return {
    title: cardFormUrl === null ? "Your payment" : "Pay by card",
    ...(isWaiting && stillUrl !== null ? { refresh } : {}),
    content: html`
${cart(orders)}
${cardFormUrl === null ? html`<p class="state" role="status">${tell(orders, confirmUrl)}</p>` : ""}
${
  cardFormUrl === null
    ? ""
    : html`<a class="button" href="${cardFormUrl}">Enter your card</a>
<p class="soft">The card is given to the payment service provider alone; neither the shop nor this page sees it.</p>`
}
${confirmUrl === null ? "" : html`<a class="button" href="${confirmUrl}">Confirm with your bank</a>`}
${isWaiting ? waiting(refresh.url, stillUrl) : ""}
${back}`,
  };
}

function waiting(lookUrl: string, stillUrl: string | null): Html {
  const look = html`<a href="${lookUrl}">Look now</a>`;
  return stillUrl === null
    ? html`<p class="soft">This page stays as it is. ${look}</p>`
    : html`<p class="soft">This page looks again by itself. ${look} · <a href="${stillUrl}">Stop looking by itself</a></p>`;
}

/** A page with one message, for addresses that lead nowhere. */
export function messagePage(
  title: string,
  message: string,
  link?: { readonly url: string; readonly text: string },
): PageParts {
  return {
    title,
    content: html`<p role="status">${message}</p>${link === undefined ? "" : html`<p><a href="${link.url}">${link.text}</a></p>`}`,
  };
}

/** "Two books, po_2: 140.00 USD": what the PSP's form shows above its fields. */
export function summarizeCart(orders: readonly OrderRow[]): string {
  const names = orders.map(nameOf).join(", ");
  const short = names.length > 120 ? `${names.slice(0, 119)}…` : names;
  return `${short}: ${sumUp(orders).join(" + ")}`;
}

function cart(orders: readonly OrderRow[]): Html {
  return html`<table>
<thead><tr><th scope="col">For</th><th scope="col" class="money">Amount</th></tr></thead>
<tbody>${orders.map((order) => html`<tr><td>${nameOf(order)}</td><td class="money">${money(order.amount, order.currency)}</td></tr>`)}</tbody>
<tfoot>${sumUp(orders).map((sum) => html`<tr><th scope="row">Total</th><td class="money">${sum}</td></tr>`)}</tfoot>
</table>`;
}

const nameOf = (order: OrderRow): string =>
  order.description === null || order.description === "" ? order.paymentOrderId : order.description;
const money = (minor: bigint, currency: string): string => `${formatAmount(minor, currency)} ${currency}`;

function sumUp(orders: readonly OrderRow[]): readonly string[] {
  const sums = new Map<string, bigint>();
  for (const { currency, amount } of orders) sums.set(currency, (sums.get(currency) ?? 0n) + amount);
  return [...sums].map(([currency, minor]) => money(minor, currency));
}

/** An order that has its card but is not started yet will be in a moment. */
function isUnderWay({ status, paymentMethodToken }: OrderRow): boolean {
  return status === "EXECUTING" || (status === "NOT_STARTED" && paymentMethodToken !== null);
}

function tell(orders: readonly OrderRow[], confirmUrl: string | null): string {
  if (confirmUrl !== null) return "Your bank asks you to confirm this payment.";
  if (orders.some((order) => order.status === "EXECUTING" && order.phase === "parked")) {
    return "The payment is being checked by the shop. You need not pay again.";
  }
  if (orders.some(isUnderWay)) return "The payment is under way. Please do not pay again.";
  if (orders.every((order) => order.status === "SUCCESS")) return "Thank you, the payment succeeded.";
  if (orders.every((order) => order.status === "FAILED")) return "The payment failed; nothing was charged.";
  return "A part of the payment succeeded, another part failed; only the first was charged.";
}
