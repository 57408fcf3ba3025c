/** Bodies that went to a PSP or came from it, as a person may see them: bounded, readable, without secrets and card numbers. */
import { isUtf8 } from "node:buffer";
import type { BodyExcerpt } from "../../db/queries/list-calls.ts";
import { containsCardNumber } from "../../http/body/card-guard.ts";

const MASK = "••••";
/** More of a body that is no text helps nobody. */
const MAX_HEX_BYTES = 512;
/** The longest character of UTF-8 that a cut may have left in parts. */
const MAX_PARTIAL_BYTES = 3;

const DIGIT_RUNS = /\d(?:[ \-\u2010-\u2015]?\d){12,22}/g;
const SECRET_FIELDS =
  /("(?:[a-z_-]*secret|[a-z_-]*password|api_?key|authorization|cookie|cvc|cvv|pan|card_?number)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
const SECRET_TEXTS = /\b(?:sk_(?:live|test)_|whsec_|Bearer\s+)[\w+/=.-]{6,}/g;

export function redactText(text: string): string {
  return text
    .replace(SECRET_FIELDS, `$1"${MASK}"`)
    .replace(SECRET_TEXTS, MASK)
    .replace(DIGIT_RUNS, (run) => (containsCardNumber(run) ? `${MASK}${run.slice(-4)}` : run));
}

export function showBody({ bytes, length }: BodyExcerpt): string {
  const text = toText(bytes, length > bytes.length);
  if (text === null) {
    const hex = Buffer.from(bytes.subarray(0, MAX_HEX_BYTES)).toString("hex");
    return `(${length} bytes that are no text) ${hex}${length > MAX_HEX_BYTES ? "…" : ""}`;
  }
  const shown = redactText(text.replaceAll("\0", "\u2400"));
  return length > bytes.length ? `${shown}\n… (${length} bytes in all)` : shown;
}

/** Null when it is no UTF-8; a character that the cut went through is left away. */
function toText(bytes: Uint8Array, isCut: boolean): string | null {
  for (let less = 0; less <= (isCut ? MAX_PARTIAL_BYTES : 0); less += 1) {
    const part = bytes.subarray(0, bytes.length - less);
    if (isUtf8(part)) return Buffer.from(part).toString("utf8");
  }
  return null;
}
