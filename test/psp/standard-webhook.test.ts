import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import type { RawNotice } from "../../src/psp/connector.ts";
import { verifyStandardWebhook } from "../../src/psp/standard-webhook.ts";
import { SECRET } from "./simulator-under-test.ts";

const OLD_SECRET = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
const NOW_MS = 1_800_000_000_000;

/** A notice signed by the reference implementation. */
function signed(changes: { readonly body?: string; readonly secret?: string; readonly atMs?: number } = {}): RawNotice {
  const body = changes.body ?? '{"type":"charge.succeeded"}';
  const at = new Date(changes.atMs ?? NOW_MS);
  return {
    body: Buffer.from(body),
    headers: {
      "webhook-id": "evt_1",
      "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
      "webhook-signature": new Webhook(changes.secret ?? SECRET).sign("evt_1", at, body),
    },
    nowMs: NOW_MS,
    secrets: [SECRET],
  };
}
const kindOf = (raw: RawNotice) => verifyStandardWebhook(raw).kind;
const withHeader = (raw: RawNotice, name: string, value: string): RawNotice => ({
  ...raw,
  headers: { ...raw.headers, [name]: value },
});

describe("a Standard Webhook", () => {
  it("signed by the reference implementation is genuine, whatever its text", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (body) => kindOf(signed({ body })) === "genuine"));
  });

  it("is genuine under any secret that is valid now", () => {
    expect(kindOf({ ...signed({ secret: OLD_SECRET }), secrets: [SECRET, OLD_SECRET] })).toBe("genuine");
  });

  it("is genuine when one of several signatures matches", () => {
    const raw = signed();
    const signatures = `v1,${Buffer.alloc(32).toString("base64")} v2,abc ${raw.headers["webhook-signature"]}`;
    expect(kindOf(withHeader(raw, "webhook-signature", signatures))).toBe("genuine");
  });

  it("is forged under a secret that is not ours, or when we have none", () => {
    expect(kindOf(signed({ secret: OLD_SECRET }))).toBe("forged");
    expect(kindOf({ ...signed(), secrets: [] })).toBe("forged");
  });

  it("is forged when one byte of the body changed", () => {
    const raw = signed();
    const body = Buffer.from(raw.body);
    body[3] = 0;
    expect(kindOf({ ...raw, body })).toBe("forged");
  });

  it.each([
    ["webhook-id", "evt_2"],
    ["webhook-id", "evt\u00a01"],
    ["webhook-timestamp", "1800000001"],
    ["webhook-timestamp", "-5"],
    ["webhook-timestamp", "1e9"],
    ["webhook-signature", ""],
    ["webhook-signature", "v1,"],
    ["webhook-signature", "v1,AAAA"],
    ["webhook-signature", "v2,AAAA"],
  ])("is forged with %s: %j", (name, value) => {
    expect(kindOf(withHeader(signed(), name, value))).toBe("forged");
  });

  it("an empty secret signs nothing", () => {
    const raw = { ...signed(), secrets: ["", "whsec_", "whsec_!!!"] };
    expect(kindOf(raw)).toBe("forged");
  });

  it.each([
    [-300_000, "genuine"],
    [-301_000, "stale"],
    [300_000, "genuine"],
    [301_000, "stale"],
  ])("stamped %s ms off our clock is %s", (offsetMs, kind) => {
    expect(kindOf(signed({ atMs: NOW_MS + offsetMs }))).toBe(kind);
  });

  it("old and wrongly signed is forged, not stale", () => {
    expect(kindOf(signed({ secret: OLD_SECRET, atMs: NOW_MS - 900_000 }))).toBe("forged");
  });
});
