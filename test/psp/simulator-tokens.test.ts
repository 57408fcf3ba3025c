import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TOKENS } from "../../src/psp/simulator/tokens.ts";
import { aCharge, connectTo, type SimulatorUnderTest, startSimulatorUnderTest } from "./simulator-under-test.ts";

let simulator: SimulatorUnderTest;
let order: ReturnType<typeof aCharge>;
const key = (): string => `${order.orderId}:charge:1`;
const charge = (token: string) =>
  simulator.connector
    .charge({
      idempotencyKey: key(),
      body: simulator.connector.buildCharge({ ...order, paymentMethodToken: token }),
    })
    .then((answer) => answer.outcome);
const inquire = () => simulator.connector.inquire({ idempotencyKey: key() }).then((answer) => answer.outcome);
const effects = () => simulator.effects(order.paymentOrderId);

beforeAll(async () => {
  simulator = await startSimulatorUnderTest();
});
afterAll(() => simulator.close());
beforeEach(() => {
  order = aCharge();
});

describe("cards that succeed", () => {
  it.each([
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_amex",
    "pm_card_createDispute",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "sim_webhook_first",
    "sim_webhook_dup",
    "sim_webhook_forged",
  ])("%s leaves one succeeded effect of the asked amount", async (token) => {
    expect(await charge(token)).toMatchObject({ kind: "succeeded", amountMinor: 10_000n, currency: "USD" });
    expect(await effects()).toMatchObject([
      { kind: "charge", status: "succeeded", amount: "10000", currency: "USD", idempotency_key: key() },
    ]);
  });
});

describe("cards that are declined", () => {
  it.each([
    ["pm_card_chargeDeclined", "card_declined", "generic_decline", false],
    ["pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", false],
    ["pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", false],
    ["pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", false],
    ["pm_card_chargeDeclinedLostCard", "card_declined", "lost_card", false],
    ["pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", true],
    ["pm_card_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded", true],
    ["sim_late_success", "card_declined", "generic_decline", false],
  ])("%s is declined with %s/%s, retryable: %s", async (token, code, declineCode, retryable) => {
    expect(await charge(token)).toMatchObject({ kind: "declined", code, declineCode, retryable });
    expect(await effects()).toMatchObject([{ kind: "charge", status: "declined" }]);
  });

  it("an unknown payment method is declined for good and leaves no effect", async () => {
    const outcome = await charge("pm_nobody");
    expect(outcome).toMatchObject({ kind: "declined", code: "payment_method_not_found", retryable: false });
    expect(await effects()).toEqual([]);
  });

  it("sim_late_success succeeds later after all", async () => {
    await charge("sim_late_success");
    await expect.poll(inquire).toMatchObject({ kind: "succeeded" });
    expect(await effects()).toMatchObject([{ status: "succeeded" }]);
  });
});

describe("pending charges", () => {
  it.each([
    ["sim_pending_success", "succeeded"],
    ["sim_pending_no_webhook", "succeeded"],
    ["sim_pending_decline", "declined"],
  ])("%s is pending first and %s later", async (token, final) => {
    expect(await charge(token)).toMatchObject({ kind: "pending", nextAction: null });
    expect(await effects()).toMatchObject([{ status: "pending" }]);
    await expect.poll(inquire).toMatchObject({ kind: final });
    expect(await effects()).toMatchObject([{ status: final }]);
  });

  it("sim_pending_forever stays pending", async () => {
    expect(await charge("sim_pending_forever")).toMatchObject({ kind: "pending" });
    expect(await inquire()).toMatchObject({ kind: "pending" });
  });

  it("3DS waits for the buyer with a redirect", async () => {
    expect(await charge("pm_card_threeDSecure2Required")).toMatchObject({
      kind: "pending",
      nextAction: { type: "redirect", url: expect.stringContaining(`${simulator.url}/3ds/ch_`) },
    });
  });

  it("sim_webhook_reorder answers pending although it succeeded", async () => {
    expect(await charge("sim_webhook_reorder")).toMatchObject({ kind: "pending" });
    expect(await inquire()).toMatchObject({ kind: "succeeded" });
  });
});

describe("answers that get lost", () => {
  it.each(["sim_timeout_charged", "sim_reset_charged", "sim_500_charged", "sim_garbage"])(
    "%s charges, says unknown once, and tells the truth afterwards",
    async (token) => {
      expect(await charge(token)).toMatchObject({ kind: "unknown" });
      expect(await inquire()).toMatchObject({ kind: "succeeded", amountMinor: 10_000n });
      expect(await charge(token)).toMatchObject({ kind: "succeeded" });
      expect(await effects()).toHaveLength(1);
    },
  );

  it("sim_timeout_not_charged leaves nothing at first and charges on the next call", async () => {
    expect(await charge("sim_timeout_not_charged")).toMatchObject({ kind: "unknown", reason: "timeout" });
    expect(await inquire()).toEqual({ kind: "not_found" });
    expect(await effects()).toEqual([]);
    expect(await charge("sim_timeout_not_charged")).toMatchObject({ kind: "succeeded" });
    expect(await effects()).toHaveLength(1);
  });

  it("sim_inquiry_late is not found at first and found later", async () => {
    const impatient = connectTo(simulator.url, 60);
    const body = impatient.buildCharge({ ...order, paymentMethodToken: "sim_inquiry_late" });
    const { outcome } = await impatient.charge({ idempotencyKey: key(), body });
    expect(outcome).toMatchObject({ kind: "unknown", reason: "timeout" });
    expect(await inquire()).toEqual({ kind: "not_found" });
    await expect.poll(inquire).toMatchObject({ kind: "succeeded" });
    expect(await effects()).toHaveLength(1);
    impatient.close();
  });

  it("sim_500_twice fails twice without effect, then succeeds", async () => {
    expect(await charge("sim_500_twice")).toEqual({ kind: "unknown", reason: "http_500" });
    expect(await charge("sim_500_twice")).toEqual({ kind: "unknown", reason: "http_500" });
    expect(await inquire()).toEqual({ kind: "not_found" });
    expect(await charge("sim_500_twice")).toMatchObject({ kind: "succeeded" });
    expect(await effects()).toHaveLength(1);
  });

  it("sim_429_twice is unsent twice and says for how long to wait", async () => {
    const limited = { kind: "unsent", reason: "rate_limited", retryAfterMs: 1_000 };
    expect(await charge("sim_429_twice")).toEqual(limited);
    expect(await charge("sim_429_twice")).toEqual(limited);
    expect(await charge("sim_429_twice")).toMatchObject({ kind: "succeeded" });
  });

  it("sim_unavailable is unknown for ever and never has an effect", async () => {
    for (let call = 0; call < 3; call += 1) {
      expect(await charge("sim_unavailable")).toEqual({ kind: "unknown", reason: "http_503" });
    }
    expect(await inquire()).toEqual({ kind: "not_found" });
    expect(await effects()).toEqual([]);
  });
});

describe("charges that differ from what was asked", () => {
  it("sim_wrong_amount reports the amount that was really taken", async () => {
    expect(await charge("sim_wrong_amount")).toMatchObject({ kind: "succeeded", amountMinor: 10_001n });
    expect(await effects()).toMatchObject([{ amount: "10001" }]);
  });

  it("sim_wrong_currency reports the currency that was really taken", async () => {
    expect(await charge("sim_wrong_currency")).toMatchObject({ kind: "succeeded", currency: "EUR" });
  });
});

it("every token is known under its own name", () => {
  expect(TOKENS).toHaveLength(33);
});
