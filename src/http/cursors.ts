/**
 * Cursors of lists: where a page ended. Opaque and signed, so that nobody builds on their inside, and bound to
 * the list, its filters and the merchant that they were made for.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { Refusal } from "../core/errors.ts";

export interface Cursors {
  encode(list: CursorScope, position: readonly string[]): string;
  /** Throws `invalid-cursor`. */
  decode(list: CursorScope, cursor: string): readonly string[];
}

export interface CursorScope {
  /** With its filters, if it has any. */
  readonly list: string;
  readonly merchantId: number;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

const SIGNATURE_BYTES = 9;
const position = z.array(z.string());

export function createCursors(key: Uint8Array): Cursors {
  const sign = ({ list, merchantId }: CursorScope, payload: string): Buffer =>
    createHmac("sha256", key).update(`cursor/${list}/${merchantId}/${payload}`).digest().subarray(0, SIGNATURE_BYTES);

  return {
    encode(scope, place) {
      const payload = Buffer.from(JSON.stringify(place)).toString("base64url");
      return `${payload}.${sign(scope, payload).toString("base64url")}`;
    },
    decode(scope, cursor) {
      const [payload = "", signature = ""] = cursor.split(".");
      const given = Buffer.from(signature, "base64url");
      const expected = sign(scope, payload);
      // Compared as text too: base64url has spare bits, and a changed character must not pass.
      const isOurs =
        given.length === expected.length &&
        timingSafeEqual(given, expected) &&
        cursor === `${payload}.${expected.toString("base64url")}`;
      if (!isOurs)
        throw new Refusal(
          "invalid-cursor",
          "Use next_cursor of the page before, of the same list and filters, unchanged.",
        );
      return position.parse(JSON.parse(Buffer.from(payload, "base64url").toString()));
    },
  };
}

/** The name of a list under the filters of a query. The size of a page is none: it may change from page to page. */
export function toFilteredList(list: string, query: Readonly<Record<string, string | undefined>>): string {
  const filters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && name !== "limit" && name !== "cursor") filters.set(name, value);
  }
  filters.sort();
  return filters.size === 0 ? list : `${list}?${filters}`;
}

/** A page from one row more than was asked for. */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  form: { readonly show: (row: Row) => T; readonly toCursor: (last: Row) => string },
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const hasMore = rows.length > limit;
  return {
    data: kept.map(form.show),
    has_more: hasMore,
    next_cursor: hasMore && last !== undefined ? form.toCursor(last) : null,
  };
}
