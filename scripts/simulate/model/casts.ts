/** PostgreSQL's input functions, for a value that came out of JSON: `null` and what is absent are NULL. */
import { invalidParameter, invalidText, outOfRange, postgresError } from "./errors.ts";

export type Cast<T> = (value: unknown) => T | null;

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

export const text: Cast<string> = (value) =>
  typeof value === "string" ? value : value === null || value === undefined ? null : JSON.stringify(value);

/** A `json` column keeps the text; it comes back parsed, so parsed is how it lies here. */
export const json: Cast<unknown> = (value) => value ?? null;

const INTEGER =
  /^[ \t\n\v\f\r]*([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|\d(?:_?\d)*)[ \t\n\v\f\r]*$/;

function toInteger(value: unknown, type: string, bits: number): bigint {
  const match = INTEGER.exec(asText(value));
  if (match === null) throw invalidText(type, value);
  const magnitude = BigInt((match[2] ?? "").replaceAll("_", ""));
  const integer = match[1] === "-" ? -magnitude : magnitude;
  if (BigInt.asIntN(bits, integer) !== integer) throw outOfRange(type, value);
  return integer;
}

function castInteger(type: string, bits: number): Cast<number> {
  const limit = 2 ** (bits - 1);
  return (value) => {
    if (typeof value === "number" && Number.isInteger(value) && value < limit && value >= -limit) return value;
    return value === null || value === undefined ? null : Number(toInteger(value, type, bits));
  };
}

export const int2 = castInteger("smallint", 16);
export const int4 = castInteger("integer", 32);
const PLAIN_DIGITS = /^\d{1,18}$/;

export const int8: Cast<bigint> = (value) => {
  if (typeof value === "string" && PLAIN_DIGITS.test(value)) return BigInt(value);
  return value === null || value === undefined ? null : toInteger(value, "bigint", 64);
};

const CANONICAL_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ANY_UUID = /^(\{?)((?:[0-9a-f]{4}-?){7}[0-9a-f]{4})(\}?)$/i;

export const uuid: Cast<string> = (value) => {
  if (typeof value === "string" && CANONICAL_UUID.test(value)) return value;
  if (value === null || value === undefined) return null;
  const [, opening, digits, closing] = ANY_UUID.exec(asText(value)) ?? [];
  if (digits === undefined || (opening === "") !== (closing === "")) throw invalidText("uuid", value);
  return digits
    .toLowerCase()
    .replaceAll("-", "")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
};

const TRUE = /^(?:t|tr|tru|true|y|ye|yes|on|1)$/i;
const FALSE = /^(?:f|fa|fal|fals|false|n|no|of|off|0)$/i;

export const bool: Cast<boolean> = (value) => {
  if (typeof value === "boolean") return value;
  if (value === null || value === undefined) return null;
  const word = asText(value).replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
  if (TRUE.test(word)) return true;
  if (FALSE.test(word)) return false;
  throw invalidText("boolean", value);
};

const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d(?::\d\d)?)$/;
/** As JavaScript writes it, on a day that every month has. */
const ISO = /^\d{4}-\d\d-(?:[01]\d|2[0-8])T\d\d:\d\d:\d\d\.\d{3}Z$/;
let lastInstant = "";
let lastMs = 0;

/** Milliseconds, rounded as `timestamptz(3)` rounds. Knows ISO 8601 with an offset, which is all that Florin writes. */
export const timestamptz: Cast<number> = (value) => {
  if (value === null || value === undefined) return null;
  const written = asText(value);
  // The rows of one step carry one time.
  if (written === lastInstant) return lastMs;
  const ms = ISO.test(written) ? Date.parse(written) : Number.NaN;
  lastMs = Number.isNaN(ms) ? toInstant(written) : ms;
  lastInstant = written;
  return lastMs;
};

function toInstant(written: string): number {
  if (!INSTANT.test(written)) throw postgresError("22007", `invalid input syntax for type timestamp: "${written}"`);
  const fraction = /\.(\d+)/.exec(written)?.[1] ?? "0";
  const wholeMs = Date.parse(written.replace(/\.\d+/, "").replace(/([+-]\d\d)$/, "$1:00"));
  const day = new Date(`${written.slice(0, 10)}T00:00:00Z`);
  // JavaScript takes the 30th of February for the 2nd of March.
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(written.slice(0, 10));
  if (Number.isNaN(wholeMs) || !isDay) throw postgresError("22008", `date/time field value out of range: "${written}"`);
  return wholeMs + Math.round(Number(`0.${fraction}`) * 1_000);
}

const HEX = /^(?:[0-9a-f]{2})*$/;

/** `decode(…, 'hex')`, as lower-case hex. */
export function decodeHex(value: string | null): string | null {
  if (value === null || HEX.test(value)) return value;
  const digits = value.toLowerCase().replace(/[ \t\n\r]/g, "");
  if (!HEX.test(digits)) throw invalidParameter("invalid hexadecimal data");
  return digits;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** `decode(…, 'base64')`, as base64. */
export function decodeBase64(value: string | null): string | null {
  if (value === null) return null;
  const digits = BASE64.test(value) ? value : value.replace(/[ \t\n\r]/g, "");
  if (!BASE64.test(digits)) throw invalidParameter("invalid base64 data");
  return digits;
}

/** A text that goes to the server as a parameter. */
export function textArgument(value: string): string {
  if (value.includes("\u0000")) throw postgresError("22021", 'invalid byte sequence for encoding "UTF8": 0x00');
  // The driver writes half a surrogate pair as U+FFFD.
  return value.isWellFormed() ? value : value.toWellFormed();
}

/** A UUID, or an integer, that goes to the server as a parameter and is not NULL. */
export function uuidArgument(value: string): string {
  return uuid(value) ?? "";
}
