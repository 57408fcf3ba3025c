/** What no text of a request may hold: card numbers, control characters, half a surrogate pair. */
import { type FieldError, Refusal } from "../../core/errors.ts";
import { containsCardNumber, mayContainCardNumber } from "./card-guard.ts";
import { escapePointer } from "./json-scan.ts";

/** C0, DEL and C1. PostgreSQL refuses NUL after the work is done; the others forge log lines and terminals. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const AMOUNT_KEYS: ReadonlySet<string> = new Set(["amount", "platform_fee"]);
/** Whatever the merchant puts there is text, even under the name "amount". */
const FREE_KEYS: ReadonlySet<string> = new Set(["metadata", "buyer_info"]);

export function hasForbiddenCharacter(text: string): boolean {
  return CONTROL.test(text) || !text.isWellFormed();
}

export function refuseCardData(pointer?: string): Refusal {
  const detail =
    "A text looks like a card number. Give cards to the PSP's form and send us its token; use other ids where this is no card.";
  return new Refusal("card-data-refused", detail, {
    errors: pointer === undefined ? [] : [{ pointer, code: "card-data-refused", detail: "Looks like a card number." }],
  });
}

/**
 * Whether a JSON text can skip the walk below: all ASCII, no escapes, nothing suspicious. Most requests can.
 * `byteLength` is the length of its UTF-8 form.
 */
export function isPlainJson(text: string, byteLength: number): boolean {
  return (
    byteLength === text.length &&
    !text.includes("\\") &&
    !text.includes("\u007f") &&
    !text.includes("__proto__") &&
    !mayContainCardNumber(text)
  );
}

/** Throws `card-data-refused`, `invalid-character` or `unknown-field` for a value of limited depth. */
export function guardTexts(value: unknown): void {
  const errors: FieldError[] = [];
  walk(value, { pointer: "", isAmount: false, isFree: false }, errors);
  const [first] = errors;
  if (first === undefined) return;
  const detail =
    first.code === "invalid-character"
      ? "Remove control characters (NUL, line breaks and tabs too) and lone surrogates."
      : "Remove the key __proto__.";
  throw new Refusal(first.code, detail, { errors });
}

interface Place {
  readonly pointer: string;
  readonly isAmount: boolean;
  readonly isFree: boolean;
}

function walk(value: unknown, place: Place, errors: FieldError[]): void {
  if (typeof value === "string") {
    checkText(value, place, errors);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(item, { ...place, pointer: `${place.pointer}/${index}` }, errors);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const known = errors.length;
      checkText(key, { ...place, isAmount: false }, errors);
      if (key === "__proto__") {
        errors.push({ pointer: place.pointer, code: "unknown-field", detail: "The key __proto__ is not allowed." });
      }
      // A key that is refused must not appear in the pointers below it.
      const pointer = errors.length > known ? place.pointer : `${place.pointer}/${escapePointer(key)}`;
      const isAmount = !place.isFree && AMOUNT_KEYS.has(key);
      walk(member, { pointer, isAmount, isFree: place.isFree || FREE_KEYS.has(key) }, errors);
    }
  }
}

function checkText(text: string, { pointer, isAmount }: Place, errors: FieldError[]): void {
  if (!isAmount && containsCardNumber(text)) throw refuseCardData(pointer);
  if (hasForbiddenCharacter(text) && errors.length < MAX_ERRORS) {
    errors.push({ pointer, code: "invalid-character", detail: "Has a control character or a lone surrogate." });
  }
}

/** Enough to mend a request; a body of 64 KB could have thousands. */
export const MAX_ERRORS = 50;
