/** The one contract that every connector keeps. A PSP that can't show a case leaves its token out. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connector, MAX_ANSWER_BYTES } from "../../src/psp/connector.ts";
import { aCharge } from "./simulator-under-test.ts";

export interface ConnectorUnderTest {
  readonly connector: Connector;
  close(): Promise<void>;
}

export interface ConnectorTraits {
  readonly start: () => Promise<ConnectorUnderTest>;
  /** Whether the PSP remembers charges, so that an inquiry can find them. */
  readonly remembers: boolean;
  readonly tokens: {
    readonly succeeds: string;
    readonly declines?: string;
    readonly pends?: string;
    readonly neverAnswers?: string;
  };
}

export function describeConnectorContract(name: string, { start, remembers, tokens }: ConnectorTraits): void {
  describe(`${name} keeps the connector contract`, () => {
    let parts: ConnectorUnderTest;
    const newKey = (): string => `${randomUUID()}:charge:1`;
    const chargeWith = (token: string, changes = {}) => {
      const body = parts.connector.buildCharge(aCharge({ paymentMethodToken: token, ...changes }));
      return { idempotencyKey: newKey(), body };
    };

    beforeAll(async () => {
      parts = await start();
    });
    afterAll(() => parts.close());

    it("builds the same bytes from the same request", () => {
      const request = aCharge();
      expect(parts.connector.buildCharge({ ...request })).toBe(parts.connector.buildCharge(request));
    });

    it.each([
      ["USD", 10_000n],
      ["JPY", 1n],
      ["KWD", 1_234n],
      ["USD", 100_000_000_000_000_000n],
    ])("reports a success in %s with exactly %s minor units", async (currency, amountMinor) => {
      const { outcome, raw } = await parts.connector.charge(chargeWith(tokens.succeeds, { currency, amountMinor }));
      expect(outcome).toMatchObject({ kind: "succeeded", amountMinor, currency, captured: true });
      expect(raw.status).not.toBeNull();
      expect(raw.body.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
    });

    it("gives two keys two references, and one key one", async () => {
      const call = chargeWith(tokens.succeeds);
      const first = await parts.connector.charge(call);
      const again = await parts.connector.charge(call);
      const other = await parts.connector.charge({ ...call, idempotencyKey: newKey() });
      expect(again.outcome).toEqual(first.outcome);
      expect(referenceOf(other.outcome)).not.toBe(referenceOf(first.outcome));
    });

    it("says not found for a key that was never used", async () => {
      expect((await parts.connector.inquire({ idempotencyKey: newKey() })).outcome).toEqual({ kind: "not_found" });
    });

    if (remembers)
      it("finds by inquiry exactly what the charge said", async () => {
        const call = chargeWith(tokens.succeeds);
        const { outcome } = await parts.connector.charge(call);
        expect((await parts.connector.inquire(call)).outcome).toEqual(outcome);
      });

    if (tokens.declines)
      it("reports a decline with a code and without money", async () => {
        const { outcome } = await parts.connector.charge(chargeWith(tokens.declines ?? ""));
        expect(outcome).toMatchObject({ kind: "declined", retryable: false, code: expect.any(String) });
      });

    if (tokens.pends)
      it("reports a pending charge with its reference", async () => {
        const { outcome } = await parts.connector.charge(chargeWith(tokens.pends ?? ""));
        expect(outcome).toMatchObject({ kind: "pending", reference: expect.any(String) });
      });

    if (tokens.neverAnswers)
      it("gives up within its limit and says unknown, not failed", async () => {
        const { outcome, raw } = await parts.connector.charge(chargeWith(tokens.neverAnswers ?? ""));
        expect(outcome.kind).toBe("unknown");
        expect(raw.status).toBeNull();
      });

    it("resolves instead of throwing when it is handed nonsense", async () => {
      const { outcome } = await parts.connector.charge({ idempotencyKey: newKey(), body: "\u0000 not a body" });
      expect(["unsent", "unknown", "declined"]).toContain(outcome.kind);
    });

    it("calls an unsigned notice forged", () => {
      const raw = { body: Buffer.from("{}"), headers: {}, nowMs: Date.now(), secrets: ["whsec_c2VjcmV0"] };
      expect(parts.connector.readNotice(raw).kind).toBe("forged");
    });

    it("sends a buyer to a form that knows the way back", () => {
      const form = { checkoutId: "chk_1", returnUrl: "https://shop.example/done?a=1", summary: "2 items" };
      expect(decodeURIComponent(parts.connector.cardFormUrl(form))).toContain("https://shop.example/done?a=1");
    });
  });
}

function referenceOf(outcome: object): unknown {
  return "reference" in outcome ? outcome.reference : null;
}
