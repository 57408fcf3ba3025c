/** Numbers, money and times as people read them; the exact form is always at hand (title, copy). */

const digitsOf = (decimal: string): number => decimal.split(".")[1]?.length ?? 0;

/** `"1234.50"` → `1,234.50` in the reader's way; exact, however many digits. */
export function formatMoney(decimal: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(decimal)) return decimal;
  const digits = digitsOf(decimal);
  const format = new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  // The decimal string itself, not a number made of it: a float would lose digits.
  const exact: Intl.StringNumericLiteral = toNumericLiteral(decimal);
  return format.format(exact);
}

function isNumericLiteral(text: string): text is `${number}` {
  return /^-?\d+(\.\d+)?$/.test(text);
}

function toNumericLiteral(text: string): `${number}` {
  return isNumericLiteral(text) ? text : "0";
}

export function formatCount(count: number): string {
  return new Intl.NumberFormat().format(count);
}

/** Few digits where they tell nothing: 0.04, 3.2, 187. */
export function formatRate(rate: number): string {
  const digits = rate === 0 || rate >= 100 ? 0 : rate >= 10 ? 1 : rate >= 1 ? 1 : 2;
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(rate);
}

export function formatShare(share: number): string {
  return new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: share === 1 ? 0 : 1 }).format(
    share,
  );
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `850 ms`, `2.1 s`, `4 min 10 s`, `3 h 5 min`, `12 d`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  return formatAge(ms);
}

/** Whole seconds at least: for ages that tick. */
export function formatAge(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return twoUnits([Math.floor(ms / MINUTE), "min"], [Math.floor((ms % MINUTE) / SECOND), "s"]);
  if (ms < DAY) return twoUnits([Math.floor(ms / HOUR), "h"], [Math.floor((ms % HOUR) / MINUTE), "min"]);
  return twoUnits([Math.floor(ms / DAY), "d"], [Math.floor((ms % DAY) / HOUR), "h"]);
}

function twoUnits(large: readonly [number, string], small: readonly [number, string]): string {
  const first = `${large[0]} ${large[1]}`;
  return small[0] === 0 || large[0] >= 10 ? first : `${first} ${small[0]} ${small[1]}`;
}

const isSameDay = (one: Date, other: Date): boolean => one.toDateString() === other.toDateString();

/** Local time; the day only when it is another one than today. */
export function formatTime(instant: Date, now: Date): string {
  const time = instant.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  if (isSameDay(instant, now)) return time;
  const isSameYear = instant.getFullYear() === now.getFullYear();
  const day = instant.toLocaleDateString(undefined, {
    day: "numeric",
    month: "short",
    ...(isSameYear ? {} : { year: "numeric" }),
  });
  return `${day}, ${time}`;
}

/** For titles: what the servers and the PSP write. */
export function formatUtc(instant: Date): string {
  return `${instant.toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

/** `psp.not_found` → `psp not found`; `currency_mismatch` → `currency mismatch`. */
export function toWords(code: string): string {
  return code.replace(/[._]/g, " ");
}
