/**
 * Addresses of the hosted payment page. Checkout ids are chosen by merchants and easy to guess, so an address
 * carries a keyed hash of merchant and checkout; who has it may see the cart and pay it, nothing more.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface PayLinks {
  /** Where the buyer of a checkout pays. The same inputs give the same address. */
  toPayUrl(merchantId: number, checkoutId: string): string;
  /** Where the PSP's card form sends the buyer back to, with `token` added. */
  toReturnUrl(merchantId: number, checkoutId: string): string;
  /** The merchant that an address belongs to; null when the address was not made by us. */
  readMerchant(address: {
    readonly checkoutId: string;
    readonly merchant: string;
    readonly signature: string;
  }): number | null;
}

/** 144 bits: beyond guessing, and short enough for a QR code. */
const SIGNATURE_BYTES = 18;

export function createPayLinks(publicUrl: string, key: Uint8Array): PayLinks {
  const sign = (merchantId: number, checkoutId: string): string =>
    createHmac("sha256", key)
      .update(`pay/${merchantId}/${checkoutId}`)
      .digest()
      .subarray(0, SIGNATURE_BYTES)
      .toString("base64url");
  const toQuery = (merchantId: number, checkoutId: string): string =>
    `m=${merchantId}&s=${sign(merchantId, checkoutId)}`;

  return {
    toPayUrl: (merchantId, checkoutId) => `${publicUrl}/pay/${checkoutId}?${toQuery(merchantId, checkoutId)}`,
    toReturnUrl: (merchantId, checkoutId) => `${publicUrl}/pay/${checkoutId}/return?${toQuery(merchantId, checkoutId)}`,
    readMerchant({ checkoutId, merchant, signature }) {
      const merchantId = Number(merchant);
      if (!/^[1-9]\d{0,9}$/.test(merchant) || merchantId > 2_147_483_647) return null;
      const [given, expected] = [Buffer.from(signature), Buffer.from(sign(merchantId, checkoutId))];
      return given.length === expected.length && timingSafeEqual(given, expected) ? merchantId : null;
    },
  };
}
