/** Where buyers come: the hosted card form and the 3DS page. Both end with a redirect back to the merchant. */
import { type Context, Hono } from "hono";
import type { SimulatorEnv } from "./answer-loss.ts";
import { tokenOfCard } from "./cards.ts";
import { cardFormPage, messagePage, threeDSecurePage } from "./pages.ts";
import type { Processor } from "./processor.ts";
import type { SimulatorState } from "./state.ts";

const MAX_FIELD_CHARS = 300;

export function createPageRoutes(state: SimulatorState, processor: Processor): Hono<SimulatorEnv> {
  const routes = new Hono<SimulatorEnv>();

  routes.use(async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
    c.header("referrer-policy", "no-referrer");
    c.header("x-content-type-options", "nosniff");
    c.header(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    );
  });

  routes.get("/form", (c) => {
    if (readReturnUrl(c) === null) return c.html(NO_RETURN_URL, 400);
    return c.html(cardFormPage({ summary: readSummary(c), error: null }));
  });

  routes.post("/form", async (c) => {
    const returnUrl = readReturnUrl(c);
    if (returnUrl === null) return c.html(NO_RETURN_URL, 400);
    const fields = await c.req.parseBody();
    const token = tokenOfCard(readField(fields.number));
    const error = token === null ? "That is not a test card number." : expiryError(readField(fields.expiry));
    if (token === null || error !== null) return c.html(cardFormPage({ summary: readSummary(c), error }), 422);
    returnUrl.searchParams.set("token", token);
    return c.redirect(returnUrl.href, 303);
  });

  routes.get("/3ds/:reference", (c) => {
    const charge = state.findByReference(c.req.param("reference"));
    if (charge === undefined || !charge.redirects) return c.html(NO_CHARGE, 404);
    if (charge.status !== "pending")
      return c.html(messagePage("Payment confirmed already", "You can close this page."));
    return c.html(threeDSecurePage(charge));
  });

  routes.post("/3ds/:reference", async (c) => {
    const charge = state.findByReference(c.req.param("reference"));
    if (charge === undefined || !charge.redirects) return c.html(NO_CHARGE, 404);
    const choice = await readChoice(c);
    if (choice === null) return c.html(messagePage("Choose one", "Send choice=approve or choice=decline."), 400);
    if (charge.status === "pending") {
      await processor.settle({
        reference: charge.reference,
        status: choice === "approve" ? "succeeded" : "declined",
        declineCode: choice === "approve" ? null : "authentication_failed",
        notify: true,
      });
    }
    if (charge.returnUrl !== null) return c.redirect(charge.returnUrl, 303);
    return c.html(messagePage("Thank you", "Your choice was noted. You can close this page."));
  });
  return routes;
}

const NO_CHARGE = messagePage("No such payment", "There is no payment to confirm here.");
const NO_RETURN_URL = messagePage("The address is incomplete", "The form needs a return_url (http or https).");

function readField(field: unknown): string {
  return typeof field === "string" ? field.slice(0, MAX_FIELD_CHARS) : "";
}

function readSummary(c: Context<SimulatorEnv>): string {
  return readField(c.req.query("summary"));
}

function readReturnUrl(c: Context<SimulatorEnv>): URL | null {
  const url = URL.parse(c.req.query("return_url") ?? "");
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") ? url : null;
}

/** Two digits of month, two or four of year; a past date is the buyer's slip, as at a real form. */
function expiryError(typed: string): string | null {
  const match = /^\s*(0?[1-9]|1[0-2])\s*\/?\s*(?:20)?(\d{2})\s*$/.exec(typed);
  if (match === null) return "Write the expiry as MM/YY.";
  const endsMs = Date.UTC(2_000 + Number(match[2]), Number(match[1]), 1);
  return endsMs > Date.now() ? null : "The card has expired.";
}

/** From the page's form, from a JSON body, or from the address, so that curl needs no form. */
async function readChoice(c: Context<SimulatorEnv>): Promise<"approve" | "decline" | null> {
  const choice = c.req.query("choice") ?? (await readBodyChoice(c));
  return choice === "approve" || choice === "decline" ? choice : null;
}

async function readBodyChoice(c: Context<SimulatorEnv>): Promise<unknown> {
  if (!(c.req.header("content-type") ?? "").startsWith("application/json")) return (await c.req.parseBody()).choice;
  try {
    const body: unknown = await c.req.json();
    return typeof body === "object" && body !== null && "choice" in body ? body.choice : null;
  } catch {
    return null;
  }
}
