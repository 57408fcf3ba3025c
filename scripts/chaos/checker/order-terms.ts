/** What was asked for, by the merchant's words: in a request, its answer, a webhook and a row it must be the same. */
import type { OrderRow } from "./facts.ts";

export interface OrderTerms {
  readonly seller_account: string;
  readonly amount: string;
  readonly currency: string;
  readonly platform_fee: string;
}

const FIELDS = ["seller_account", "amount", "currency", "platform_fee"] as const;
const DIGITS: Readonly<Record<string, number>> = { USD: 2, EUR: 2, JPY: 0, KWD: 3 };

export function findDifferences(id: string, wanted: OrderTerms, found: OrderTerms): readonly string[] {
  return FIELDS.filter((field) => wanted[field] !== found[field]).map(
    (field) => `order ${id}: ${field} ${wanted[field]} became ${found[field]}`,
  );
}

export function toTerms(row: OrderRow): OrderTerms {
  return {
    seller_account: row.seller,
    amount: toMajor(row.amount, row.currency),
    currency: row.currency,
    platform_fee: toMajor(row.fee, row.currency),
  };
}

function toMajor(minor: string, currency: string): string {
  const digits = DIGITS[currency];
  if (digits === undefined) throw new Error(`the shop knows no currency ${currency}`);
  if (digits === 0) return minor;
  const padded = minor.padStart(digits + 1, "0");
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}
