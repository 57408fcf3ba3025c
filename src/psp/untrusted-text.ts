/**
 * A PSP's text is not ours: JSON may carry NUL, control characters and lone surrogates, which no text column
 * takes, and a commit that fails on them would fail *after* the charge.
 */

/** Control characters and lone surrogates become U+FFFD; at most `maxChars` UTF-16 units are kept. */
export function cleanText(text: string, maxChars: number): string {
  return text
    .slice(0, maxChars)
    .replace(/\p{Cc}/gu, "\ufffd")
    .toWellFormed();
}

/** An identifier that can be stored, compared and put into a URL as it is: printable ASCII without spaces. */
export function isPlainId(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]{1,255}$/.test(value);
}

/** Strict UTF-8 and strict JSON; undefined when the bytes are neither. */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
