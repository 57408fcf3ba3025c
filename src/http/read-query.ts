/** Query and path parameters: unknown ones are refused, so that a mistyped filter never returns everything. */
import type { z } from "@hono/zod-openapi";
import { CLIENT_ID_PATTERN } from "../core/ids.ts";
import { Refusal } from "../core/errors.ts";
import { readBody } from "./body/field-errors.ts";
import type { HttpContext } from "./http-env.ts";
import { DEFAULT_PAGE } from "./schemas/parameters.ts";

export function readQuery<T>(c: HttpContext, schema: z.ZodType<T>): T {
  return readBody(schema, c.req.query());
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
