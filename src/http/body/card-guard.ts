/**
 * Finds card numbers in texts that must never hold one: 13 to 19 digits with a known prefix and a valid Luhn
 * sum, also spaced, dashed or in full-width digits. A shop that puts a card number into a description or an id
 * by mistake would otherwise bring our database, logs and webhooks into the scope of PCI DSS.
 */
import { fromPublicId, ID_PREFIXES } from "../../core/ids.ts";

const MIN_DIGITS = 13;
const MAX_DIGITS = 19;

/** Visa; Mastercard; Amex; Discover; Diners; JCB; UnionPay; Maestro; Mir; RuPay. */
const KNOWN_PREFIX =
  /^(?:4|5[0-8]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|220[0-4]|3[0478]|36|39|35[2-8]|6011|60|62|63|64[4-9]|65|67|81|82)/;

/** Between the digits of one number: blanks, dashes, dots, slashes, underscores and what can't be seen. */
const BETWEEN = "[\\s\\p{Z}\\p{Pd}\\p{Cf}._/,·•−]{0,3}";
const RUNS = new RegExp(`\\d(?:${BETWEEN}\\d){${MIN_DIGITS - 1},}`, "gu");

/** Never misses what `RUNS` finds in a text of one alphabet: the cheap question that most texts answer with no. */
const MAYBE = /\d(?:[^0-9A-Za-z"]{0,6}\d){12}/;

/** Whether a text of any length may hold a card number; cheap, and true too often. */
export function mayContainCardNumber(text: string): boolean {
  return MAYBE.test(text);
}

export function containsCardNumber(text: string): boolean {
  const plain = isAscii(text) ? text : text.normalize("NFKC").replace(/\p{Nd}/gu, toAsciiDigit);
  if (plain.length < MIN_DIGITS || !MAYBE.test(plain) || isOwnId(plain)) return false;
  for (const [run] of plain.matchAll(RUNS)) if (hasCardNumber(run)) return true;
  return false;
}

/** Looks at every stretch of whole groups: "12 4242 4242 4242 4242 99" has one, the digits inside "1704242…" do not count. */
function hasCardNumber(run: string): boolean {
  const groups = run.split(/\D+/);
  for (let first = 0; first < groups.length; first += 1) {
    let digits = "";
    for (let last = first; last < groups.length && digits.length <= MAX_DIGITS; last += 1) {
      digits += groups[last] ?? "";
      if (isCardNumber(digits)) return true;
    }
  }
  return false;
}

function isCardNumber(digits: string): boolean {
  return digits.length >= MIN_DIGITS && digits.length <= MAX_DIGITS && KNOWN_PREFIX.test(digits) && hasLuhnSum(digits);
}

function hasLuhnSum(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** One of our own ids in some millions has 13 digits in a row that add up; it must stay usable. */
function isOwnId(text: string): boolean {
  return ID_PREFIXES.some((prefix) => {
    const uuid = text.startsWith(prefix) ? fromPublicId(prefix, text) : null;
    return uuid !== null && uuid[14] === "7";
  });
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 127) return false;
  return true;
}

/** Digits of any script stand ten in a row, and the zero is the one that no digit precedes by a whole row. */
function toAsciiDigit(char: string): string {
  const code = char.codePointAt(0) ?? 48;
  if (code < 128) return char;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value += 1;
  return String(value);
}
