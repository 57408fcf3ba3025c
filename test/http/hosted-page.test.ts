/** The hosted payment page: who may see it, what it shows, where it leads. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { JsonObject } from "../support/json-schema.ts";
import { aPayment, anOrder, bodyOf, type HttpUnderTest, PUBLIC_URL, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
});
afterAll(() => http.close());

async function openCheckout(changes: Readonly<Record<string, unknown>> = {}): Promise<{ id: string; path: string }> {
  const answer = await http.ask("/v1/payments", {
    body: aPayment({ payment_method: { type: "hosted_page" }, ...changes }),
  });
  const event = await bodyOf(answer);
  const [order] = event.payment_orders as readonly { next_action: { url: string } }[];
  expect(event.status).toBe("NOT_STARTED");
  expect(order?.next_action.url.startsWith(`${PUBLIC_URL}/pay/`)).toBe(true);
  return { id: String(event.checkout_id), path: (order?.next_action.url ?? "").slice(PUBLIC_URL.length) };
}

const open = (path: string) => http.ask(path, { key: null });
const pathOf = (url: string | null): string => (url ?? "").slice(PUBLIC_URL.length);
const returnPath = (path: string, token: string): string => `${path.replace("?", "/return?")}&token=${token}`;

test("the page shows the cart and leads to the PSP's form, and carries no script", async () => {
  const orders = [
    anOrder({ description: "Two <b>books</b>" }),
    anOrder({ amount: "500", currency: "JPY", platform_fee: "0" }),
  ];
  const { path } = await openCheckout({ payment_orders: orders });
  const answer = await open(path);
  const page = await answer.text();
  expect(page).toContain("Two &lt;b&gt;books&lt;/b&gt;");
  expect(page).toContain("100.00 USD");
  expect(page).toContain("500 JPY");
  expect(page).toMatch(/<a class="button" href="http:\/\/127\.0\.0\.1:\d+\/form\?[^"]*return_url=/);
  expect(page).not.toMatch(/<script|onclick|https?:\/\/(?!127\.0\.0\.1|florin\.example)/);
  expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'none'; style-src 'sha256-/);
  expect(page).toContain('name="viewport"');
});

test.each([
  ["without a signature", (path: string) => path.replace(/&s=.*/, "")],
  ["with another merchant", (path: string) => path.replace(/m=\d+/, "m=999")],
  ["with another checkout", (path: string) => path.replace(/\/pay\/[^?]+/, "/pay/chk_other")],
  ["with a changed signature", (path: string) => path.replace(/s=(.)/, (_, char) => `s=${char === "A" ? "B" : "A"}`)],
])("an address %s leads nowhere, on both pages", async (_, change) => {
  const { path } = await openCheckout();
  expect((await open(change(path))).status).toBe(404);
  expect((await open(change(returnPath(path, "pm_card_visa")))).status).toBe(404);
});

test("the card comes back once, the order runs, and the page tells how it went", async () => {
  const { id, path } = await openCheckout({ return_url: "https://shop.example/done" });
  const back = await open(returnPath(path, "pm_card_visa"));
  expect(back.status).toBe(303);
  const next = pathOf(back.headers.get("location"));
  expect(next).toBe(`${path}&go=1`);
  // A second click on "back" changes nothing.
  expect((await open(returnPath(path, "pm_card_chargeDeclined"))).status).toBe(303);
  await vi.waitFor(async () => expect(await (await open(next)).text()).toContain("the payment succeeded"), {
    timeout: 10_000,
  });
  const last = await open(path);
  expect(last.headers.has("refresh")).toBe(false);
  const page = await last.text();
  expect(page).toContain('<a href="https://shop.example/done">Back to the shop</a>');
  const { payment_orders: orders } = await bodyOf(await http.ask(`/v1/checkouts/${id}`));
  const [order] = orders as readonly JsonObject[];
  expect(order).toMatchObject({ status: "SUCCESS" });
  expect(await http.simulator.effects(String(order?.payment_order_id))).toHaveLength(1);
  expect(http.logged()).not.toContain("pm_card_visa");
});

test("a card that needs its bank goes straight there, and the page offers it again", async () => {
  const { path } = await openCheckout();
  const next = pathOf((await open(returnPath(path, "pm_card_threeDSecure2Required"))).headers.get("location"));
  await vi.waitFor(
    async () => {
      const answer = await open(next);
      expect(answer.status).toBe(303);
      expect(answer.headers.get("location")).toContain("/3ds/");
    },
    { timeout: 10_000 },
  );
  expect(await (await open(path)).text()).toContain("Confirm with your bank");
});

test("while the PSP works the page looks again by itself, ever more patiently", async () => {
  const { path } = await openCheckout();
  await open(returnPath(path, "sim_pending_forever"));
  const delayAt = async (looks: number): Promise<number> => {
    const answer = await open(`${path}&n=${looks}`);
    return Number(/^(\d+); url=/.exec(answer.headers.get("refresh") ?? "")?.[1]);
  };
  await vi.waitFor(async () => expect(await delayAt(0)).toBe(1));
  expect(await delayAt(7)).toBe(15);
  expect(await delayAt(400)).toBe(15);
  const still = await open(`${path}&still=1`);
  expect(still.headers.has("refresh")).toBe(false);
  expect(await still.text()).toContain("Look now");
});

test("a form that brings no card back is told so", async () => {
  const { path } = await openCheckout();
  for (const token of ["", "%20", "a".repeat(256)]) {
    const answer = await open(returnPath(path, token));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("Nothing was charged");
  }
});
