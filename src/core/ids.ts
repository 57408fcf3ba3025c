/**
 * Ids are UUIDv7 (RFC 9562): time-ordered, so new rows land at the right edge of an index. Inside they are
 * plain UUIDs; at the door they carry a prefix that says what they name, in Crockford's base32.
 */
import type { Ports } from "./ports.ts";

export type Uuid = string & { readonly __brand: "Uuid" };

export const ID_PREFIXES = ["po", "chk", "rfd", "dsp", "out", "evt", "whe", "dlv", "rcn", "brk", "key", "cmd"] as const;
export type IdPrefix = (typeof ID_PREFIXES)[number];

/** What a client may choose for its own ids: 1 to 64 of these. */
export const CLIENT_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function isUuid(text: string): text is Uuid {
  return UUID_PATTERN.test(text);
}

/** A fresh UUIDv7 in its canonical text form. */
export function newUuid(ports: Ports): Uuid {
  const bytes = ports.random.bytes(16);
  let ms = ports.clock.nowMs();
  for (let index = 5; index >= 0; index -= 1) {
    bytes[index] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  const text = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  brandUuid(text);
  return text;
}

/** Made here, so it need not be checked. */
function brandUuid(_text: string): asserts _text is Uuid {}

/** Brands a text that is known to be a UUID. Throws `TypeError` when it is not. */
export function toUuid(text: string): Uuid {
  if (!isUuid(text)) throw new TypeError(`not a UUID: ${text.slice(0, 64)}`);
  return text;
}

/** `po_01J…`: the public form of an id, 26 base32 digits behind its prefix. */
export function toPublicId(prefix: IdPrefix, uuid: Uuid): string {
  let value = BigInt(`0x${uuid.replaceAll("-", "")}`);
  let text = "";
  for (let digit = 0; digit < 26; digit += 1) {
    text = (CROCKFORD[Number(value & 31n)] ?? "") + text;
    value >>= 5n;
  }
  return `${prefix}_${text}`;
}

/** The UUID inside a public id of that prefix; null when the text is none. */
export function fromPublicId(prefix: IdPrefix, text: string): Uuid | null {
  if (!text.startsWith(`${prefix}_`) || text.length !== prefix.length + 27) return null;
  let value = 0n;
  for (const char of text.slice(prefix.length + 1)) {
    const digit = CROCKFORD.indexOf(char);
    if (digit < 0) return null;
    value = (value << 5n) | BigInt(digit);
  }
  const digits = value.toString(16).padStart(32, "0");
  if (digits.length > 32) return null;
  const uuid = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return isUuid(uuid) ? uuid : null;
}
