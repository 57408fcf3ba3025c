import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCharge, type SimulatorUnderTest, startSimulatorUnderTest } from "./simulator-under-test.ts";

let simulator: SimulatorUnderTest;
beforeAll(async () => {
  simulator = await startSimulatorUnderTest();
});
afterAll(() => simulator.close());

const formUrl = (): string =>
  simulator.connector.cardFormUrl({
    checkoutId: "chk_1",
    returnUrl: "https://shop.example/done?cart=5",
    summary: "Two <b>cups</b>",
  });
const submit = (fields: Record<string, string>) =>
  fetch(formUrl(), {
    method: "POST",
    body: new URLSearchParams({ expiry: "12/99", cvc: "123", ...fields }),
    redirect: "manual",
  });

describe("the hosted card form", () => {
  it("is a labelled page that shows the summary as text", async () => {
    const answer = await fetch(formUrl());
    const page = await answer.text();
    expect(answer.status).toBe(200);
    expect(page).toContain('<label for="number">Card number</label>');
    expect(page).toContain("width=device-width");
    expect(page).toContain("Two &lt;b&gt;cups&lt;/b&gt;");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it.each([
    ["4242424242424242", "pm_card_visa"],
    ["4242 4242 4242 4242", "pm_card_visa"],
    ["5555-5555-5555-4444", "pm_card_mastercard"],
    ["378282246310005", "pm_card_amex"],
    ["4000000000000002", "pm_card_chargeDeclined"],
    ["4000000000009995", "pm_card_chargeDeclinedInsufficientFunds"],
    ["4000000000003220", "pm_card_threeDSecure2Required"],
  ])("%s comes back as %s and never as a number", async (number, token) => {
    const answer = await submit({ number });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(`https://shop.example/done?cart=5&token=${token}`);
  });

  it.each([
    [{ number: "4111111111111111" }, "not a test card"],
    [{ number: "4242424242424242", expiry: "01/20" }, "has expired"],
    [{ number: "4242424242424242", expiry: "soon" }, "MM/YY"],
  ])("%j is refused with a message and without showing the number again", async (fields, message) => {
    const answer = await submit(fields);
    const page = await answer.text();
    expect(answer.status).toBe(422);
    expect(page).toContain(message);
    expect(page).toContain('role="alert"');
    expect(page).not.toContain(fields.number);
  });

  it.each(["", "javascript:alert(1)", "/relative"])("the return address %j is refused", async (returnUrl) => {
    const answer = await fetch(`${simulator.url}/form?return_url=${encodeURIComponent(returnUrl)}`);
    expect(answer.status).toBe(400);
  });
});

describe("the 3DS page", () => {
  const begin = async (returnUrl: string | null) => {
    const order = aCharge({ paymentMethodToken: "pm_card_threeDSecure2Required", returnUrl });
    const call = { idempotencyKey: `${order.orderId}:charge:1`, body: simulator.connector.buildCharge(order) };
    const { outcome } = await simulator.connector.charge(call);
    if (outcome.kind !== "pending" || outcome.nextAction === null) throw new Error("expected a redirect");
    return { url: outcome.nextAction.url, inquire: () => simulator.connector.inquire(call) };
  };
  const choose = (url: string, choice: string) =>
    fetch(url, { method: "POST", body: new URLSearchParams({ choice }), redirect: "manual" });

  it("offers both choices and changes nothing by being read", async () => {
    const { url, inquire } = await begin(null);
    const page = await (await fetch(url)).text();
    expect(page).toContain("100.00 USD");
    expect(page).toContain('value="approve"');
    expect(page).toContain('value="decline"');
    expect((await inquire()).outcome.kind).toBe("pending");
  });

  it("an approval succeeds and leads back to the shop", async () => {
    const { url, inquire } = await begin("https://shop.example/done");
    const answer = await choose(url, "approve");
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("https://shop.example/done");
    expect((await inquire()).outcome).toMatchObject({ kind: "succeeded", amountMinor: 10_000n });
  });

  it("a refusal is a hard decline", async () => {
    const { url, inquire } = await begin(null);
    expect((await choose(url, "decline")).status).toBe(200);
    expect((await inquire()).outcome).toMatchObject({
      kind: "declined",
      code: "authentication_failed",
      retryable: false,
    });
  });

  it("the first choice stays, whatever is clicked after it", async () => {
    const { url, inquire } = await begin(null);
    await choose(url, "approve");
    await choose(url, "decline");
    expect((await inquire()).outcome.kind).toBe("succeeded");
  });

  it("takes the choice as JSON too, and refuses any other word", async () => {
    const { url, inquire } = await begin(null);
    expect((await choose(url, "maybe")).status).toBe(400);
    const headers = { "content-type": "application/json" };
    await fetch(url, { method: "POST", headers, body: JSON.stringify({ choice: "approve" }) });
    expect((await inquire()).outcome.kind).toBe("succeeded");
  });
});
