/** What is kept of a receiver's answer: enough to see what it said, nothing that a terminal or a table stumbles over. */

export const MAX_EXCERPT_CHARS = 500;

/** Long runs of digits may be card numbers, which are stored nowhere. */
const LONG_NUMBER = /\d(?:[ -]?\d){12,}/g;

/** Null for an empty answer. */
export function toExcerpt(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("utf8")
    .replace(LONG_NUMBER, "[number]")
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, MAX_EXCERPT_CHARS)
    .toWellFormed();
  return text === "" ? null : text;
}
