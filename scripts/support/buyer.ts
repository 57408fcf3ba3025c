/** What a buyer does in a browser, over plain HTTP: gives a card on the hosted page, confirms at the bank. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CheckoutView, FlorinClient } from "./florin-client.ts";

export type Choice = "approve" | "decline";

export type Buyer =
  | { readonly kind: "none" }
  /** Goes to `next_action.url` and chooses there. */
  | { readonly kind: "confirms"; readonly choice: Choice }
  /** Pays on the hosted page; `choice` answers the bank, where it asks. */
  | { readonly kind: "visits"; readonly card: string; readonly choice: Choice | null };

/** Test cards of the simulator's form. */
export const CARDS = {
  visa: "4242 4242 4242 4242",
  declined: "4000 0000 0000 0002",
  threeDSecure: "4000 0000 0000 3220",
} as const;

const LOOK_EVERY_MS = 200;
const PATIENCE_MS = 60_000;
const FORM = { "content-type": "application/x-www-form-urlencoded" };

export interface BuyerOptions {
  readonly client: FlorinClient;
  readonly checkoutId: string;
  /** Whether to try again when a server does not answer: in the kill loop they come and go. */
  readonly isPatient: boolean;
}

/** Resolves when the buyer has done all there is to do. Throws when there is no way on. */
export async function actAsBuyer(buyer: Buyer, options: BuyerOptions): Promise<void> {
  switch (buyer.kind) {
    case "none":
      return;
    case "confirms":
      return confirmAll(buyer.choice, options);
    case "visits":
      await payOnHostedPage(buyer.card, options);
      if (buyer.choice !== null) await confirmAll(buyer.choice, options);
  }
}

/** Runs a step again while servers are away. */
async function persist<T>(isPatient: boolean, step: () => Promise<T>): Promise<T> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!isPatient || performance.now() > giveUpMs) throw error;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

async function confirmAll(choice: Choice, { client, checkoutId, isPatient }: BuyerOptions): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  const visited = new Set<string>();
  for (;;) {
    const checkout = await persist(isPatient, () => client.readCheckout(checkoutId));
    for (const url of confirmUrls(checkout)) {
      if (visited.has(url)) continue;
      await persist(isPatient, async () => {
        const answer = await fetch(url, {
          method: "POST",
          headers: FORM,
          body: `choice=${choice}`,
          redirect: "manual",
        });
        if (answer.status >= 400) throw new Error(`the bank's page answered ${answer.status}`);
      });
      visited.add(url);
    }
    const isAllAsked = checkout.payment_orders.every(
      (order) => isEnded(order) || visited.has(order.next_action?.url ?? ""),
    );
    if (isAllAsked) return;
    if (performance.now() > giveUpMs) throw new Error(`checkout ${checkoutId}: the bank never asked its buyer`);
    await sleep(LOOK_EVERY_MS);
  }
}

const isEnded = ({ status, phase }: CheckoutView["payment_orders"][number]): boolean =>
  status === "SUCCESS" || status === "FAILED" || phase === "parked";

function confirmUrls({ payment_orders: orders }: CheckoutView): readonly string[] {
  return orders.flatMap((order) =>
    order.status === "EXECUTING" && order.next_action !== null ? [order.next_action.url] : [],
  );
}

async function payOnHostedPage(card: string, { client, checkoutId, isPatient }: BuyerOptions): Promise<void> {
  await persist(isPatient, async () => {
    const { payment_orders: orders } = await client.readCheckout(checkoutId);
    const payUrl = orders.find((order) => order.status === "NOT_STARTED")?.next_action?.url;
    // Somebody has paid it: the step before got through after all.
    if (payUrl === undefined) return;
    const page = await fetch(payUrl);
    const formUrl = findLink(await page.text(), "/form?");
    if (page.status !== 200 || formUrl === null)
      throw new Error(`the hosted page answered ${page.status} without a card form`);
    const body = new URLSearchParams({ number: card, expiry: "12/40", cvc: "123" });
    const form = await fetch(formUrl, { method: "POST", headers: FORM, body, redirect: "manual" });
    const backUrl = form.headers.get("location");
    if (form.status !== 303 || backUrl === null) throw new Error(`the PSP's card form answered ${form.status}`);
    const back = await fetch(backUrl, { redirect: "manual" });
    if (back.status !== 303) throw new Error(`the way back from the card form answered ${back.status}`);
  });
}

function findLink(html: string, part: string): string | null {
  const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => (href ?? "").replaceAll("&amp;", "&"));
  return links.find((href) => href.includes(part)) ?? null;
}
