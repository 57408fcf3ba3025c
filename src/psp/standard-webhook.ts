/**
 * Verifies Standard Webhooks 1.0.0 on the raw bytes, with the time passed in (the `standardwebhooks` package
 * reads the clock itself). The signature comes first: a forger must not learn from us which timestamps would do,
 * and only a genuine notice can be stale.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { RawNotice } from "./connector.ts";
import { isPlainId } from "./untrusted-text.ts";

/** How far a notice's stamp may be off our clock, either way (api.md: more than 300 s is refused). */
export const NOTICE_TOLERANCE_MS = 300_000;
/** A genuine sender signs with one or two secrets; a header of thousands would only cost us time. */
const MAX_SIGNATURES = 16;

export type SignatureVerdict =
  | { readonly kind: "genuine"; readonly id: string }
  | { readonly kind: "forged"; readonly reason: string }
  | { readonly kind: "stale"; readonly reason: string };

export function verifyStandardWebhook({ body, headers, nowMs, secrets }: RawNotice): SignatureVerdict {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const signatures = headers["webhook-signature"];
  if (id === undefined || timestamp === undefined || signatures === undefined) {
    return { kind: "forged", reason: "a webhook-id, webhook-timestamp or webhook-signature header is missing" };
  }
  if (!isPlainId(id) || !/^\d{1,12}$/.test(timestamp)) {
    return { kind: "forged", reason: "the webhook-id or webhook-timestamp header is malformed" };
  }
  const offered = signatures
    .split(" ", MAX_SIGNATURES)
    .filter((signature) => signature.startsWith("v1,"))
    .map((signature) => Buffer.from(signature.slice(3), "base64"));
  const matches = secrets.some((secret) => {
    const expected = sign({ secret, id, timestamp, body });
    // Every offered signature is compared, so that the time does not tell which one matched.
    return expected !== null && offered.filter((signature) => isEqual(signature, expected)).length > 0;
  });
  if (!matches) return { kind: "forged", reason: "no signature matches" };
  if (Math.abs(nowMs - Number(timestamp) * 1_000) > NOTICE_TOLERANCE_MS) {
    return { kind: "stale", reason: "the signed timestamp is more than 300 s off" };
  }
  return { kind: "genuine", id };
}

/** Null for an unusable secret: an empty key would let anybody sign. */
function sign(parts: {
  readonly secret: string;
  readonly id: string;
  readonly timestamp: string;
  readonly body: Uint8Array;
}): Buffer | null {
  const key = Buffer.from(parts.secret.replace(/^whsec_/, ""), "base64");
  if (key.length === 0) return null;
  return createHmac("sha256", key).update(`${parts.id}.${parts.timestamp}.`).update(parts.body).digest();
}

function isEqual(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
