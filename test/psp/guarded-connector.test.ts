import { describe, expect, it, vi } from "vitest";
import type { Outcome } from "../../src/core/outcomes.ts";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import type { Answer, Connector } from "../../src/psp/connector.ts";
import { createGuardedConnector, type GuardOptions } from "../../src/psp/guarded-connector.ts";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";

const EMPTY = new Uint8Array(0);
const success: Answer<Outcome> = {
  outcome: { kind: "succeeded", reference: "ch_1", amountMinor: 1n, currency: "USD", captured: true },
  raw: { status: 201, body: EMPTY },
};
const timeout: Answer<Outcome> = {
  outcome: { kind: "unknown", reason: "timeout" },
  raw: { status: null, body: EMPTY },
};
const refused: Answer<Outcome> = {
  outcome: { kind: "unsent", reason: "econnrefused", retryAfterMs: null },
  raw: { status: null, body: EMPTY },
};

/** A PSP whose calls end when the test says so, under a clock that the test moves. */
function arrange(options: Partial<GuardOptions> & { readonly maxConcurrent?: number } = {}) {
  let nowMs = 1_000;
  const ports: Ports = { ...systemPorts, clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } };
  const charges: ((answer: Answer<Outcome>) => void)[] = [];
  const inquiries: string[] = [];
  let inquiryGate = Promise.resolve();
  let charge: Connector["charge"] = () => new Promise((resolve) => charges.push(resolve));
  const instant = createInstantConnector({ account: "psp" });
  const inner: Connector = {
    ...instant,
    limits: { ...instant.limits, timeoutMs: 2_000, maxConcurrent: options.maxConcurrent ?? 4 },
    charge: (call) => charge(call),
    inquire: async ({ idempotencyKey }) => {
      inquiries.push(idempotencyKey);
      await inquiryGate;
      return { outcome: { kind: "not_found" }, raw: { status: 404, body: EMPTY } };
    },
  };
  const guard = createGuardedConnector(inner, {
    ports,
    failuresToOpen: 3,
    openMs: 1_000,
    maxOpenMs: 4_000,
    ...options,
  });
  return {
    guard,
    charges,
    inquiries,
    nowMs: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
    always: (answer: Answer<Outcome>) => {
      charge = async () => answer;
    },
    use: (next: Connector["charge"]) => {
      charge = next;
    },
    send: (sendBeforeMs?: number) =>
      guard
        .charge({ idempotencyKey: "k", body: "{}", ...(sendBeforeMs === undefined ? {} : { sendBeforeMs }) })
        .then((answer) => answer.outcome),
    /** Inquiries get no answer until they are let go. */
    hold() {
      const gate = Promise.withResolvers<void>();
      inquiryGate = gate.promise;
      return () => gate.resolve();
    },
    ask: () => guard.inquire({ idempotencyKey: "k" }).then((answer) => answer.outcome),
    settled: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

describe("the guard's places", () => {
  it("never has more calls out than the PSP's limit, and sends the waiting ones in order", async () => {
    const { guard, charges, send, settled } = arrange({ maxConcurrent: 4 });
    const outcomes = [send(), send(), send(), send(), send()];
    await settled();
    expect(charges).toHaveLength(3);
    expect(guard.stats()).toMatchObject({ inFlight: 3, queued: 2 });
    for (let call = 0; call < 5; call += 1) {
      charges[call]?.(success);
      await settled();
    }
    expect((await Promise.all(outcomes)).every((outcome) => outcome.kind === "succeeded")).toBe(true);
    expect(guard.stats()).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("a full line is unsent at once", async () => {
    const { charges, send, settled } = arrange({ maxConcurrent: 2, maxQueued: 1 });
    void send();
    void send();
    expect(await send()).toEqual({ kind: "unsent", reason: "queue_full", retryAfterMs: 500, heldBack: true });
    await settled();
    expect(charges).toHaveLength(1);
  });

  it("an inquiry passes while charges fill places and line", async () => {
    const { ask, inquiries, send } = arrange({ maxConcurrent: 2, maxQueued: 1 });
    void send();
    void send();
    expect(await ask()).toEqual({ kind: "not_found" });
    expect(inquiries).toEqual(["k"]);
  });

  it("every inquiry is asked in the end, however long the line and the wait: one held back would use up its order's schedule", async () => {
    const { ask, hold, inquiries, pass, settled } = arrange({ maxConcurrent: 1, maxQueued: 1 });
    const letGo = hold();
    const outcomes = Array.from({ length: 50 }, () => ask());
    await settled();
    expect(inquiries).toHaveLength(1);
    pass(3_600_000);
    letGo();
    expect(new Set((await Promise.all(outcomes)).map(({ kind }) => kind))).toEqual(new Set(["not_found"]));
    expect(inquiries).toHaveLength(50);
  });

  it("a call whose claim ran out in the line is not sent", async () => {
    const { charges, nowMs, pass, send, settled } = arrange({ maxConcurrent: 1 });
    void send();
    const late = send(nowMs() + 100);
    await settled();
    pass(100);
    charges[0]?.(success);
    expect(await late).toEqual({ kind: "unsent", reason: "claim_expired", retryAfterMs: null, heldBack: true });
    expect(charges).toHaveLength(1);
  });

  it("a call that waited longer than the PSP's limit is not sent", async () => {
    const { charges, pass, send, settled } = arrange({ maxConcurrent: 1 });
    void send();
    const late = send();
    await settled();
    pass(2_001);
    charges[0]?.(success);
    expect(await late).toMatchObject({ kind: "unsent", reason: "queue_timeout" });
  });

  it("a thousand calls through few places all end, and no place is lost", async () => {
    const { guard, always, send } = arrange({ maxConcurrent: 8, maxQueued: 1_000 });
    always(success);
    const outcomes = await Promise.all(Array.from({ length: 1_000 }, () => send()));
    expect(outcomes.filter((outcome) => outcome.kind === "succeeded")).toHaveLength(1_000);
    expect(guard.stats()).toMatchObject({ inFlight: 0, queued: 0 });
  });
});

describe("the guard's hard end", () => {
  it("a connector that never answers is unknown, and its place is free again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { guard, send } = arrange();
    const outcome = send();
    await vi.advanceTimersByTimeAsync(2_500);
    vi.useRealTimers();
    expect(await outcome).toEqual({ kind: "unknown", reason: "hard_timeout" });
    expect(guard.stats().inFlight).toBe(0);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("bug");
      },
    ],
    ["rejects", async () => Promise.reject(new Error("bug"))],
  ])("a connector that %s is unknown, never unsent", async (_how, charge) => {
    const { guard, send, use } = arrange();
    use(charge);
    expect(await send()).toEqual({ kind: "unknown", reason: "connector_threw" });
    expect(guard.stats().inFlight).toBe(0);
  });
});

describe("the circuit breaker", () => {
  async function opened() {
    const parts = arrange();
    parts.always(timeout);
    await parts.send();
    parts.always(refused);
    await parts.send();
    expect(parts.guard.stats().breaker).toBe("closed");
    await parts.send();
    expect(parts.guard.stats().breaker).toBe("open");
    return parts;
  }

  it("opens after failures in a row; then charges are unsent with the time to wait, inquiries unknown", async () => {
    const { always, ask, inquiries, pass, send } = await opened();
    always(success);
    pass(400);
    expect(await send()).toEqual({ kind: "unsent", reason: "circuit_open", retryAfterMs: 600, heldBack: true });
    expect(await ask()).toEqual({ kind: "unknown", reason: "circuit_open" });
    expect(inquiries).toEqual([]);
  });

  it.each([
    [
      "a decline",
      {
        outcome: { kind: "declined", reference: null, code: "c", declineCode: null, message: "", retryable: false },
        raw: { status: 200, body: EMPTY },
      },
    ],
    [
      "429",
      { outcome: { kind: "unsent", reason: "rate_limited", retryAfterMs: null }, raw: { status: 429, body: EMPTY } },
    ],
    [
      "an unreadable 200",
      { outcome: { kind: "unknown", reason: "unreadable_answer" }, raw: { status: 200, body: EMPTY } },
    ],
  ] satisfies [string, Answer<Outcome>][])("%s shows that the PSP lives", async (_what, answer) => {
    const { guard, always, send } = arrange();
    for (let round = 0; round < 3; round += 1) {
      always(timeout);
      await send();
      await send();
      always(answer);
      await send();
    }
    expect(guard.stats().breaker).toBe("closed");
  });

  it("5xx answers open it too", async () => {
    const { guard, always, send } = arrange();
    always({ outcome: { kind: "unknown", reason: "http_503" }, raw: { status: 503, body: EMPTY } });
    await send();
    await send();
    await send();
    expect(guard.stats().breaker).toBe("open");
  });

  it("lets one call through after the pause and closes when it succeeds", async () => {
    const { guard, charges, pass, send, settled, use } = await opened();
    use(() => new Promise((resolve) => charges.push(resolve)));
    pass(1_000);
    expect(guard.stats().breaker).toBe("half_open");
    const probe = send();
    expect(await send()).toMatchObject({ kind: "unsent", reason: "circuit_open" });
    await settled();
    charges[0]?.(success);
    expect((await probe).kind).toBe("succeeded");
    expect(guard.stats().breaker).toBe("closed");
  });

  it("an inquiry may be the one that finds the PSP back", async () => {
    const { guard, ask, pass } = await opened();
    pass(1_000);
    expect(await ask()).toEqual({ kind: "not_found" });
    expect(guard.stats().breaker).toBe("closed");
  });

  it("stays open for twice as long after a failed probe, up to its bound", async () => {
    const { guard, pass, send } = await opened();
    for (const openMs of [2_000, 4_000, 4_000]) {
      pass(4_000);
      expect(guard.stats().breaker).toBe("half_open");
      expect(await send()).toMatchObject({ reason: "econnrefused" });
      expect(await send()).toEqual({ kind: "unsent", reason: "circuit_open", retryAfterMs: openMs, heldBack: true });
    }
  });

  it("refuses those who wait in line when it opens", async () => {
    const { charges, send, settled } = arrange({ maxConcurrent: 1, failuresToOpen: 1 });
    const first = send();
    const second = send();
    await settled();
    charges[0]?.(timeout);
    expect(await first).toMatchObject({ kind: "unknown" });
    expect(await second).toMatchObject({ kind: "unsent", reason: "circuit_open" });
    expect(charges).toHaveLength(1);
  });
});

it("one PSP that hangs leaves another one's guard untouched", async () => {
  const hanging = arrange({ maxConcurrent: 2, maxQueued: 10 });
  const healthy = arrange({ maxConcurrent: 2, maxQueued: 10 });
  healthy.always(success);
  for (let call = 0; call < 10; call += 1) void hanging.send();
  expect((await healthy.send()).kind).toBe("succeeded");
  expect(hanging.guard.stats().queued).toBeGreaterThan(0);
});
