/**
 * Money is a `bigint` of minor units beside its currency. At the door it is a decimal string in major units
 * with exactly the currency's digits, so that nobody can mistake 25 for 0.25.
 */
import { invariant } from "./assert.ts";
import { exponentOf } from "./currencies.ts";

/** Refused above this: far beyond any payment, and sums of billions of them still fit `numeric(38,0)`. */
export const MAX_AMOUNT_MINOR = 10n ** 17n;

export type ParsedAmount =
  | { readonly kind: "amount"; readonly minor: bigint }
  | { readonly kind: "malformed"; readonly expected: string }
  | { readonly kind: "out-of-range" };

/** A text longer than this is no amount; keeps `BigInt()` away from megabytes of digits. */
const MAX_AMOUNT_TEXT = 40;

/** How an amount of that currency is written: `"25.00"` for USD, `"25"` for JPY. */
export function exampleAmount(currency: string): string {
  const digits = exponentOf(currency) ?? 2;
  return digits === 0 ? "25" : `25.${"0".repeat(digits)}`;
}

/** Reads a major-unit text such as `"25.00"`; zero is allowed here, the caller decides on the lower bound. */
export function parseAmount(text: string, currency: string): ParsedAmount {
  const digits = exponentOf(currency);
  invariant(digits !== null, `currency ${currency} is not in the table`);
  const expected = exampleAmount(currency);
  if (text.length > MAX_AMOUNT_TEXT)
    return { kind: /^\d+(\.\d+)?$/.test(text) ? "out-of-range" : "malformed", expected };
  const match = /^(0|[1-9]\d*)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[2] ?? "";
  if (!match || fraction.length !== digits || (digits === 0 && text.includes(".")))
    return { kind: "malformed", expected };
  const minor = BigInt(`${match[1] ?? "0"}${fraction}`);
  return minor > MAX_AMOUNT_MINOR ? { kind: "out-of-range" } : { kind: "amount", minor };
}

/** `2500n USD` → `"25.00"`. Negative amounts keep their sign: `"-0.05"`. A currency outside the table has no digits. */
export function formatAmount(minor: bigint, currency: string): string {
  const digits = exponentOf(currency) ?? 0;
  if (digits === 0) return minor.toString();
  const negative = minor < 0n;
  const text = (negative ? -minor : minor).toString().padStart(digits + 1, "0");
  return `${negative ? "-" : ""}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
