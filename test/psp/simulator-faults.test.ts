import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFaults, faultPlanSchema } from "../../src/psp/simulator/faults.ts";
import {
  aCharge,
  connectTo,
  SECRET,
  type SimulatorUnderTest,
  startNoticeReceiver,
  startSimulatorUnderTest,
} from "./simulator-under-test.ts";

let simulator: SimulatorUnderTest;
beforeEach(async () => {
  simulator = await startSimulatorUnderTest();
});
afterEach(() => simulator.close());

const faults = (plan: object) => simulator.control("POST", "/faults", plan);
const newCall = (order = aCharge()) => ({
  order,
  idempotencyKey: `${order.orderId}:charge:1`,
  body: simulator.connector.buildCharge(order),
});

describe("faults", () => {
  it("the same seed draws the same faults", () => {
    const plan = faultPlanSchema.parse({ seed: 42, rates: { timeout_before: 0.3, reset_after: 0.3 } });
    const draw = () => {
      const { drawCall } = createFaults(plan);
      return Array.from({ length: 50 }, () => drawCall());
    };
    expect(draw()).toEqual(draw());
    expect(new Set(draw().map((fault) => fault?.loss ?? "none"))).toEqual(new Set(["hold", "reset", "none"]));
  });

  it.each([
    [{ timeout_before: 1 }, { kind: "unknown", reason: "timeout" }, 0],
    [{ timeout_after: 1 }, { kind: "unknown", reason: "timeout" }, 1],
    [{ reset_after: 1 }, { kind: "unknown", reason: "econnreset" }, 1],
    [{ status_500: 1 }, { kind: "unknown", reason: "http_500" }, 0],
    [{ status_429: 1 }, { kind: "unsent", reason: "rate_limited", retryAfterMs: 1_000 }, 0],
  ])("%j gives %j and %s effects", async (rates, outcome, effects) => {
    await faults({ seed: 1, rates });
    const call = newCall();
    expect((await simulator.connector.charge(call)).outcome).toEqual(outcome);
    expect(await simulator.effects(call.order.paymentOrderId)).toHaveLength(effects);
  });

  it("a plan without rates ends the faults", async () => {
    await faults({ seed: 1, rates: { status_500: 1 } });
    await faults({});
    expect((await simulator.connector.charge(newCall())).outcome.kind).toBe("succeeded");
  });

  it("a misspelt rate is refused rather than ignored", async () => {
    expect(await faults({ rates: { timeout: 1 } })).toMatchObject({ error: { code: "invalid_request" } });
  });

  it("a hanging PSP answers nothing, charges nothing, and recovers", async () => {
    await faults({ hang: true });
    const call = newCall();
    expect((await simulator.connector.charge(call)).outcome).toEqual({ kind: "unknown", reason: "timeout" });
    expect((await simulator.connector.inquire(call)).outcome).toEqual({ kind: "unknown", reason: "timeout" });
    await faults({ hang: false });
    expect((await simulator.connector.inquire(call)).outcome).toEqual({ kind: "not_found" });
    expect((await simulator.connector.charge(call)).outcome.kind).toBe("succeeded");
  });

  it.each([
    [{ webhook_lost: 1 }, 0],
    [{ webhook_dup: 1 }, 2],
    [{ webhook_delay_ms: 20 }, 1],
  ])("%j delivers %s copies of a notice", async (rates, copies) => {
    const florin = await startNoticeReceiver(simulator.connector);
    await simulator.control("PUT", "/webhook", { url: florin.url, secret: SECRET });
    await faults({ seed: 3, rates });
    await simulator.connector.charge(newCall());
    await faults({});
    const last = newCall();
    await simulator.connector.charge(last);
    const lastOrderIds = () => florin.received.map((received) => received.notice?.subject?.orderId);
    await expect.poll(lastOrderIds).toContain(last.order.orderId);
    await expect.poll(() => florin.received.length).toBe(copies + 1);
    await florin.close();
  });
});

describe("keys", () => {
  it("twenty calls at once under one key make one charge; the others are told that it is in use, or the same", async () => {
    const call = newCall();
    const patient = connectTo(simulator.url, 5_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => patient.charge(call)));
    const kinds = new Set(answers.map(({ outcome }) => ("reason" in outcome ? outcome.reason : outcome.kind)));
    expect(kinds).toContain("succeeded");
    expect([...kinds].filter((kind) => kind !== "succeeded" && kind !== "idempotency_key_in_use")).toEqual([]);
    expect(await simulator.effects(call.order.paymentOrderId)).toHaveLength(1);
    patient.close();
  });

  it("a key whose call is not finished is in use", async () => {
    // The answer of this token waits for its notice, which nobody takes.
    await simulator.control("PUT", "/webhook", { url: "http://127.0.0.1:1/", secret: SECRET });
    const call = newCall(aCharge({ paymentMethodToken: "sim_webhook_first" }));
    const patient = connectTo(simulator.url, 5_000);
    const first = patient.charge(call);
    await expect.poll(() => simulator.effects(call.order.paymentOrderId)).toHaveLength(1);
    expect((await simulator.connector.charge(call)).outcome).toEqual({
      kind: "unknown",
      reason: "idempotency_key_in_use",
    });
    expect((await first).outcome.kind).toBe("succeeded");
    patient.close();
  });

  it("a key may not be used with another body", async () => {
    const call = newCall();
    await simulator.connector.charge(call);
    const { outcome } = await simulator.connector.charge({ ...newCall(), idempotencyKey: call.idempotencyKey });
    expect(outcome).toEqual({ kind: "unknown", reason: "idempotency_key_reused" });
  });
});

describe("the PSP's truth", () => {
  it("lists all effects in pages, newest first, each once", async () => {
    const calls = Array.from({ length: 7 }, () => newCall());
    for (const call of calls) await simulator.connector.charge(call);
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page = (await simulator.control("GET", `/effects?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`)) as {
        data: { idempotency_key: string }[];
        next_cursor: string | null;
      };
      seen.push(...page.data.map((effect) => effect.idempotency_key));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(calls.map((call) => call.idempotencyKey).toReversed());
  });

  it("is empty after a reset, and the key is free", async () => {
    const call = newCall();
    const first = await simulator.connector.charge(call);
    await simulator.control("POST", "/reset");
    expect(await simulator.effects(call.order.paymentOrderId)).toEqual([]);
    const again = await simulator.connector.charge(call);
    expect(again.outcome).toMatchObject({ kind: "succeeded" });
    expect(again.outcome).not.toEqual(first.outcome);
  });

  it("a test may settle any charge by itself", async () => {
    const call = newCall(aCharge({ paymentMethodToken: "sim_pending_forever" }));
    await simulator.connector.charge(call);
    await simulator.control("POST", "/settle", { idempotency_key: call.idempotencyKey, status: "succeeded" });
    expect((await simulator.connector.inquire(call)).outcome.kind).toBe("succeeded");
  });

  it("an unknown reference is not found, and the health check answers", async () => {
    expect((await fetch(`${simulator.url}/charges/ch_${randomUUID()}`)).status).toBe(404);
    expect((await fetch(`${simulator.url}/healthz`)).status).toBe(200);
  });
});
