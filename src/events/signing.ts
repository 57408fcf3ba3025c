/**
 * Signatures of Standard Webhooks 1.0.0. The secret of an endpoint is never stored: it follows from the key that all
 * nodes share, the endpoint and the number of its generation. So a copy of the endpoints' table signs nothing.
 */
import { createHmac } from "node:crypto";
import { toPublicId, toUuid } from "../core/ids.ts";

export interface SecretOf {
  readonly merchantId: number;
  readonly endpointId: string;
  /** 1 for the first secret; every rotation adds one. */
  readonly generation: number;
}

function deriveKey(signingKey: Uint8Array, { merchantId, endpointId, generation }: SecretOf): Buffer {
  const endpoint = toPublicId("whe", toUuid(endpointId));
  return createHmac("sha256", signingKey).update(`webhook-secret/${merchantId}/${endpoint}/${generation}`).digest();
}

/** `whsec_` and 32 bytes in base64, as libraries of Standard Webhooks take it. */
export function toWebhookSecret(signingKey: Uint8Array, secret: SecretOf): string {
  return `whsec_${deriveKey(signingKey, secret).toString("base64")}`;
}

export interface SignedMessage {
  readonly id: string;
  /** Seconds since the epoch, of this attempt. */
  readonly timestamp: number;
  readonly body: string;
}

export interface Signer extends SecretOf {
  /** Earlier generations that sign along while the merchant moves over to the new secret, newest first. */
  readonly retiringGenerations: readonly number[];
}

/** The header `webhook-signature`: one signature for each secret that is in use, the newest first. */
export function signWebhook(signingKey: Uint8Array, message: SignedMessage, signer: Signer): string {
  return [signer.generation, ...signer.retiringGenerations]
    .map((generation) => {
      const key = deriveKey(signingKey, { ...signer, generation });
      const text = `${message.id}.${message.timestamp}.${message.body}`;
      return `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
    })
    .join(" ");
}
