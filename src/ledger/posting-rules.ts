/**
 * Which accounts a movement of money touches. A posting is one amount from one account to another, so a book
 * that does not balance can't be written down; legs of zero are left out.
 */
import { invariant } from "../core/assert.ts";

export type AccountKind = "asset" | "liability" | "revenue" | "expense" | "clearing";

export interface LedgerAccount {
  readonly name: string;
  readonly kind: AccountKind;
}

/** `amountMinor` is in minor units of `currency`, above zero. */
export interface Posting {
  readonly debit: LedgerAccount;
  readonly credit: LedgerAccount;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** Captured at the PSP, not yet in our bank. */
export const pspClearing = (psp: string): LedgerAccount => ({ name: `psp:${psp}:clearing`, kind: "asset" });
/** The seller's wallet: what we owe the seller. */
export const sellerPayable = (seller: string): LedgerAccount => ({
  name: `seller:${seller}:payable`,
  kind: "liability",
});
/** Held for a payout in flight or a dispute. */
export const sellerReserved = (seller: string): LedgerAccount => ({
  name: `seller:${seller}:reserved`,
  kind: "liability",
});
export const PLATFORM_FEES: LedgerAccount = { name: "platform:fees", kind: "revenue" };
/** Money whose place is not known yet. */
export const SUSPENSE: LedgerAccount = { name: "suspense", kind: "clearing" };

function post(debit: LedgerAccount, credit: LedgerAccount, currency: string, amountMinor: bigint): Posting[] {
  invariant(amountMinor >= 0n, "a posting's amount is never negative; turn the accounts around");
  return amountMinor === 0n ? [] : [{ debit, credit, currency, amountMinor }];
}

export interface PayIn {
  readonly psp: string;
  readonly seller: string;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly platformFeeMinor: bigint;
}

/** What the buyer paid: the seller's share to the wallet, our commission to the fees. */
export function postPayIn({ psp, seller, currency, amountMinor, platformFeeMinor }: PayIn): Posting[] {
  // An operator may book less than was asked; the commission never exceeds what came in.
  const fee = platformFeeMinor < amountMinor ? platformFeeMinor : amountMinor;
  return [
    ...post(pspClearing(psp), sellerPayable(seller), currency, amountMinor - fee),
    ...post(pspClearing(psp), PLATFORM_FEES, currency, fee),
  ];
}

/** Money that the PSP took for an order which failed, or took twice: ours to explain, nobody's wallet. */
export function postLateSuccess(late: { psp: string; currency: string; amountMinor: bigint }): Posting[] {
  return post(pspClearing(late.psp), SUSPENSE, late.currency, late.amountMinor);
}
