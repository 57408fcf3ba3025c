/**
 * The hosted payment page. The address is signed, because checkout ids can be guessed. The buyer gives the card
 * to the PSP's own form, which comes back with a token; no card data ever passes through here.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { CLIENT_ID_PATTERN } from "../../core/ids.ts";
import { REFUSAL_STATUS, Refusal } from "../../core/errors.ts";
import type { Reads } from "../../db/reads.ts";
import type { CheckoutRow } from "../../db/queries/find-checkout.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";
import type { PayLinks } from "../../payments/pay-links.ts";
import type { PaymentsService } from "../../payments/service.ts";
import type { Connector } from "../../psp/connector.ts";
import { sendPage, sendRedirect } from "../answers.ts";
import type { HttpContext } from "../http-env.ts";
import { type PageParts, renderPage, STYLE_HASH } from "../pages/page.ts";
import { messagePage, payPage, summarizeCart } from "../pages/pay-page.ts";
import type { RouteTable } from "../route-table.ts";
import { checkoutPath } from "../schemas/parameters.ts";
import { problems } from "../schemas/problem.ts";
import { isWebUrl } from "../schemas/values.ts";
import { showOrder } from "../views/order-view.ts";

export interface PayRouteDeps {
  readonly reads: Reads;
  readonly payments: PaymentsService;
  readonly payLinks: PayLinks;
  readonly connectors: ReadonlyMap<string, Connector>;
}

const page = (description: string) => ({ description, content: { "text/html": { schema: z.string() } } });
const redirect = {
  description: "Goes on.",
  headers: z.object({ Location: z.string() }),
  content: { "text/plain": { schema: z.string() } },
};
const signed = z.object({
  m: z.string().optional().openapi({ description: "Part of the signed address." }),
  s: z.string().optional().openapi({ description: "Part of the signed address." }),
});
const refusals = problems(["card-data-refused", "invalid-character", "invalid-request", "internal-error"]);

const payRoute = createRoute({
  method: "get",
  path: "/pay/{checkout_id}",
  tags: ["Hosted page"],
  summary: "The page where a buyer pays",
  request: {
    params: checkoutPath,
    query: signed.extend({
      go: z.string().optional(),
      n: z.string().optional().openapi({ description: "How often it was looked at." }),
      still: z.string().optional().openapi({ description: "`1`: no looking again by itself." }),
    }),
  },
  responses: { 200: page("The page."), 303: redirect, 404: page("The address is not one of ours."), ...refusals },
});

const returnRoute = createRoute({
  method: "get",
  path: "/pay/{checkout_id}/return",
  tags: ["Hosted page"],
  summary: "Where the PSP's card form sends the buyer back to",
  request: { params: checkoutPath, query: signed.extend({ token: z.string().optional() }) },
  responses: {
    303: redirect,
    400: page("The form brought no token."),
    404: page("The address is not one of ours."),
    409: page("The checkout can't take a card now."),
    503: page("Try again in a moment."),
    ...refusals,
  },
});

const TOKEN = /^[\x21-\x7e]{1,255}$/;
/** Seconds between looks while the PSP works: quick at first, then patient. */
const LOOK_AFTER_SECONDS = [1, 1, 2, 2, 3, 5, 8, 15];

export function addPayRoutes(table: RouteTable, { reads, payments, payLinks, connectors }: PayRouteDeps): void {
  table.add(payRoute, async (c) => {
    const found = await findSigned(c);
    if (found === null) return sendHtml(c, 404, NOT_FOUND);
    const { merchantId, checkout } = found;
    const payUrl = payLinks.toPayUrl(merchantId, checkout.checkoutId);
    const confirmUrl = confirmUrlOf(checkout);
    // Straight from the card form to the bank; later visits show the page, so that "back" works.
    if (c.req.query("go") === "1" && confirmUrl !== null) return sendRedirect(c, confirmUrl);
    const looks = Math.min(Number(/^\d{1,3}$/.exec(c.req.query("n") ?? "")?.[0] ?? 0), LOOK_AFTER_SECONDS.length - 1);
    const refresh = { seconds: LOOK_AFTER_SECONDS[looks] ?? 1, url: `${payUrl}&go=1&n=${looks + 1}` };
    const cardFormUrl = cardFormUrlOf(checkout, merchantId);
    const stillUrl = c.req.query("still") === "1" ? null : `${payUrl}&still=1`;
    return sendHtml(c, 200, payPage({ checkout, cardFormUrl, confirmUrl, refresh, stillUrl }));
  });

  table.add(returnRoute, async (c) => {
    const found = await findSigned(c);
    if (found === null) return sendHtml(c, 404, NOT_FOUND);
    const { merchantId, checkout } = found;
    const payUrl = payLinks.toPayUrl(merchantId, checkout.checkoutId);
    const token = c.req.query("token") ?? "";
    const back = { url: payUrl, text: "Back to the payment" };
    if (!TOKEN.test(token)) {
      return sendHtml(
        c,
        400,
        messagePage("No card was given", "The payment form did not bring a card back. Nothing was charged.", back),
      );
    }
    try {
      await payments.startHosted(merchantId, checkout.checkoutId, token);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === "internal-error") throw error;
      const status = REFUSAL_STATUS[error.code] === 503 ? 503 : REFUSAL_STATUS[error.code] === 404 ? 404 : 409;
      return sendHtml(
        c,
        status,
        messagePage("Not just now", "The payment could not be started. Nothing is lost; look again in a moment.", back),
      );
    }
    // Without the token in the address: it must not stay in the browser's history.
    return sendRedirect(c, `${payUrl}&go=1`);
  });

  async function findSigned(
    c: HttpContext,
  ): Promise<{ readonly merchantId: number; readonly checkout: CheckoutRow } | null> {
    const checkoutId = c.req.param("checkout_id") ?? "";
    if (!CLIENT_ID_PATTERN.test(checkoutId)) return null;
    const merchantId = payLinks.readMerchant({
      checkoutId,
      merchant: c.req.query("m") ?? "",
      signature: c.req.query("s") ?? "",
    });
    if (merchantId === null) return null;
    const checkout = await reads.findCheckout(merchantId, checkoutId);
    return checkout === null ? null : { merchantId, checkout };
  }

  /** One card pays all orders of a checkout, so any of them that waits asks for it. */
  function cardFormUrlOf({ checkoutId, orders }: CheckoutRow, merchantId: number): string | null {
    const waiting = orders.find(isAwaitingCard);
    const connector = waiting === undefined ? undefined : connectors.get(waiting.psp);
    if (connector === undefined) return null;
    return connector.cardFormUrl({
      checkoutId,
      returnUrl: payLinks.toReturnUrl(merchantId, checkoutId),
      summary: summarizeCart(orders),
    });
  }
}

function isAwaitingCard(order: OrderRow): boolean {
  return order.status === "NOT_STARTED" && order.paymentMethodToken === null;
}

/** The address comes from a PSP: only a web address is followed. */
function confirmUrlOf({ orders }: CheckoutRow): string | null {
  for (const order of orders) {
    if (order.status !== "EXECUTING") continue;
    const url = showOrder(order).next_action?.url;
    if (url !== undefined && isWebUrl(url)) return url;
  }
  return null;
}

const NOT_FOUND = messagePage(
  "There is no such payment",
  "The address is incomplete or out of date. Go back to the shop and start again.",
);

async function sendHtml(c: HttpContext, status: number, parts: PageParts): Promise<Response> {
  const { refresh } = parts;
  const headers = refresh === undefined ? {} : { refresh: `${refresh.seconds}; url=${refresh.url}` };
  return sendPage(c, { status, html: await renderPage(parts), styleHash: STYLE_HASH, headers });
}
