/** Money as the simulation's shops write it, told by itself and not by the code that it judges. */
const DIGITS: Readonly<Record<string, number>> = { USD: 2, EUR: 2, JPY: 0, KWD: 3 };

export function toMajor(minor: bigint, currency: string): string {
  const digits = DIGITS[currency];
  if (digits === undefined) throw new Error(`the shops know no currency ${currency}`);
  if (digits === 0) return String(minor);
  const text = String(minor).padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
