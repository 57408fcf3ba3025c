import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  aCharge,
  type NoticeReceiver,
  SECRET,
  type SimulatorUnderTest,
  startNoticeReceiver,
  startSimulatorUnderTest,
} from "./simulator-under-test.ts";

let simulator: SimulatorUnderTest;
let florin: NoticeReceiver;

beforeEach(async () => {
  simulator = await startSimulatorUnderTest();
  florin = await startNoticeReceiver(simulator.connector);
  await simulator.control("PUT", "/webhook", { url: florin.url, secret: SECRET });
});
afterEach(async () => {
  await simulator.close();
  await florin.close();
});

const charge = (token: string, order = aCharge()) =>
  simulator.connector.charge({
    idempotencyKey: `${order.orderId}:charge:1`,
    body: simulator.connector.buildCharge({ ...order, paymentMethodToken: token }),
  });

describe("notices", () => {
  it("a plain success is also told by a genuine notice that names the order", async () => {
    const order = aCharge();
    const { outcome } = await charge("pm_card_visa", order);
    await expect.poll(florin.types).toEqual(["charge.succeeded"]);
    expect(florin.received[0]?.notice).toEqual({
      eventId: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      type: "charge.succeeded",
      subject: { merchantId: 7, orderId: order.orderId, idempotencyKey: `${order.orderId}:charge:1` },
      fact: outcome,
    });
  });

  it.each([
    ["pm_card_chargeDeclined", "charge.failed"],
    ["sim_pending_success", "charge.succeeded"],
    ["sim_pending_decline", "charge.failed"],
  ])("%s is told by %s", async (token, type) => {
    await charge(token);
    await expect.poll(florin.types).toEqual([type]);
  });

  it("a late success follows the notice of its decline", async () => {
    await charge("sim_late_success");
    await expect.poll(florin.types).toEqual(["charge.failed", "charge.succeeded"]);
  });

  it("sim_webhook_first delivers its notice before it answers", async () => {
    const { outcome } = await charge("sim_webhook_first");
    expect(outcome.kind).toBe("succeeded");
    expect(florin.types()).toEqual(["charge.succeeded"]);
  });

  it("sim_webhook_dup sends five copies of one notice", async () => {
    await charge("sim_webhook_dup");
    await expect.poll(() => florin.received.length).toBe(5);
    expect(new Set(florin.received.map((notice) => notice.id)).size).toBe(1);
  });

  it("sim_webhook_reorder sends the success before its pending", async () => {
    await charge("sim_webhook_reorder");
    await expect.poll(florin.types, { timeout: 3_000 }).toEqual(["charge.succeeded", "charge.pending"]);
  });

  it("sim_webhook_forged sends a genuine success and then a forged decline, once", async () => {
    await charge("sim_webhook_forged");
    await expect.poll(florin.types, { timeout: 3_000 }).toEqual(["charge.succeeded", "forged"]);
    expect(String(florin.received[1]?.body)).toContain("charge.failed");
  });

  it("tokens whose answer gets lost, or that tell nobody, send no notice", async () => {
    for (const token of ["sim_500_charged", "sim_garbage", "sim_pending_forever", "sim_pending_no_webhook"]) {
      await charge(token);
    }
    await charge("pm_card_visa");
    await expect.poll(florin.types).toEqual(["charge.succeeded"]);
  });

  it("quiet mode leaves out what the answer said, and nothing else", async () => {
    await simulator.control("PUT", "/webhook", { url: florin.url, secret: SECRET, quiet: true });
    await charge("pm_card_visa");
    await charge("pm_card_chargeDeclined");
    await charge("sim_pending_decline");
    await expect.poll(florin.types).toEqual(["charge.failed"]);
  });

  it("a refused notice comes again under the same id until it is taken", async () => {
    florin.answerWith(500);
    await charge("pm_card_visa");
    await expect.poll(() => florin.received.length, { timeout: 5_000 }).toBeGreaterThan(1);
    florin.answerWith(200);
    const seen = florin.received.length;
    await expect.poll(() => florin.received.length, { timeout: 5_000 }).toBe(seen + 1);
    expect(new Set(florin.received.map((notice) => notice.id)).size).toBe(1);
  });

  it("during a rotation a notice carries a signature for each secret", async () => {
    const newSecret = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
    await simulator.control("PUT", "/webhook", { url: florin.url, secret: newSecret, previous_secret: SECRET });
    await charge("pm_card_visa");
    await expect.poll(florin.types).toEqual(["charge.succeeded"]);
    expect(florin.received[0]?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  });
});

it.each(["", "whsec_", "whsec_***"])("the unusable secret %j is refused when it is registered", async (secret) => {
  const answer = await simulator.control("PUT", "/webhook", { url: florin.url, secret });
  expect(answer).toMatchObject({ error: { code: "invalid_request" } });
});

describe("crafted notices", () => {
  it.each([
    [{ signature: "bad" }, "forged"],
    [{ signature: "missing" }, "forged"],
    [{ timestamp_offset_s: -301 }, "stale"],
    [{ timestamp_offset_s: 302 }, "stale"],
    [{ timestamp_offset_s: -290 }, "genuine"],
    [{ type: "moon.landed" }, "genuine"],
    [{ body: "\u0000 no json" }, "genuine"],
  ])("%j is %s", async (crafted, verdict) => {
    const sent = await simulator.control("POST", "/webhook/send", crafted);
    expect(sent).toMatchObject({ statuses: [verdict === "genuine" ? 200 : 401] });
    expect(florin.received.map((notice) => notice.verdict)).toEqual([verdict]);
  });

  it("an unknown type carries no fact", async () => {
    await simulator.control("POST", "/webhook/send", { type: "moon.landed" });
    expect(florin.received[0]?.notice).toMatchObject({ type: "moon.landed", subject: null, fact: null });
  });

  it("copies arrive as often as asked", async () => {
    await simulator.control("POST", "/webhook/send", { id: "evt_same", copies: 3 });
    expect(florin.received.map((notice) => notice.id)).toEqual(["evt_same", "evt_same", "evt_same"]);
  });
});
