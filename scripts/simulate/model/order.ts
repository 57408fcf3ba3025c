/** In which order PostgreSQL puts values: texts by their bytes (the cluster's collation is C), NULL last. */

/** By code points, which is by UTF-8 bytes. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const a = one.charCodeAt(index);
    const b = other.charCodeAt(index);
    if (a === b) continue;
    const isSurrogateA = a >= 0xd800 && a <= 0xdfff;
    const isSurrogateB = b >= 0xd800 && b <= 0xdfff;
    return isSurrogateA === isSurrogateB ? a - b : isSurrogateA ? 1 : -1;
  }
  return one.length - other.length;
}

export function compareNullable<T>(one: T | null, other: T | null, compare: (one: T, other: T) => number): number {
  if (one === null || other === null) return (one === null ? 1 : 0) - (other === null ? 1 : 0);
  return compare(one, other);
}

export const compareNumbers = (one: number, other: number): number => one - other;

/** `ORDER BY merchant_id, <text>`, in place. */
export function sortByMerchant<T extends { readonly merchant_id: number | null }>(
  rows: T[],
  textOf: (row: T) => string | null,
): T[] {
  if (rows.length < 2) return rows;
  return rows.sort(
    (a, b) =>
      compareNullable(a.merchant_id, b.merchant_id, compareNumbers) ||
      compareNullable(textOf(a), textOf(b), compareText),
  );
}
