/** Query and path parameters: unknown and repeated ones are refused, so that a mistyped filter never returns everything. */
import type { z } from "@hono/zod-openapi";
import { CLIENT_ID_PATTERN } from "../core/ids.ts";
import { type FieldError, Refusal } from "../core/errors.ts";
import { readBody, toFieldRefusal, toPointer } from "./body/field-errors.ts";
import type { HttpContext } from "./http-env.ts";
import { DEFAULT_PAGE } from "./schemas/parameters.ts";

export function readQuery<T>(c: HttpContext, schema: z.ZodType<T>): T {
  const repeated = Object.entries(c.req.queries()).filter(([, values]) => values.length > 1);
  if (repeated.length > 0) throw toFieldRefusal(repeated.map(([name]) => toRepeatedError(name)));
  return readBody(schema, c.req.query());
}

/** Whichever value is taken, the caller may have meant the other. */
function toRepeatedError(name: string): FieldError {
  return { pointer: toPointer([name]), code: "invalid-request", detail: "Give this parameter once." };
}

export const readLimit = (limit: string | undefined): number => (limit === undefined ? DEFAULT_PAGE : Number(limit));

/** An id of the merchant's from the path. What can't be one names nothing. */
export function readPathId(c: HttpContext, name: string): string {
  const id = c.req.param(name) ?? "";
  if (!CLIENT_ID_PATTERN.test(id)) throw notFound();
  return id;
}

export function notFound(
  detail = "There is nothing with this id. Check the id and that the key belongs to the same merchant.",
): Refusal {
  return new Refusal("not-found", detail);
}
