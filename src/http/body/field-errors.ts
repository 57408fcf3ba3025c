/** From what a schema says about a body to field errors with our codes; and from many field errors to one refusal. */
import type { z } from "@hono/zod-openapi";
import { type FieldError, Refusal, type RefusalCode } from "../../core/errors.ts";
import { exampleAmount } from "../../core/money.ts";
import { isCurrency } from "../../core/currencies.ts";
import { escapePointer } from "./json-scan.ts";
import { MAX_ERRORS } from "./text-guards.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const AMOUNT_FIELDS: ReadonlySet<PropertyKey> = new Set(["amount", "platform_fee"]);

export function toPointer(path: Path): string {
  return path.map((key) => `/${escapePointer(String(key))}`).join("");
}

/** One code for the whole refusal: the errors' own where they agree. Throws nothing; the caller does. */
export function toFieldRefusal(errors: readonly FieldError[]): Refusal {
  const codes = new Set(errors.map(({ code }) => code));
  const [first] = errors;
  const code = first !== undefined && codes.size === 1 ? first.code : "invalid-request";
  const places = errors.map(({ pointer, detail }) => `${pointer === "" ? "the body" : pointer}: ${detail}`);
  const more = places.length > 3 ? ` (and ${places.length - 3} more, see errors)` : "";
  return new Refusal(code, places.slice(0, 3).join(" ") + more, { errors: errors.slice(0, MAX_ERRORS) });
}

/** The value when the schema takes it, else a thrown refusal with every field error. */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw toFieldRefusal(result.error.issues.flatMap((issue) => toFieldErrors(issue, body, [])));
}

function toFieldErrors(issue: Issue, body: unknown, base: Path): FieldError[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: toPointer([...path, key]),
      code: "unknown-field",
      detail: "There is no such field here; remove it.",
    }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The alternative that was probably meant is the one with the least to complain about.
    const [meant = []] = issue.errors.toSorted((one, other) => faultsOf(one) - faultsOf(other));
    return meant.flatMap((inner) => toFieldErrors(inner, body, path));
  }
  if (issue.code === "invalid_key") {
    const detail = issue.issues[0]?.message ?? issue.message;
    return [{ pointer: toPointer(path), code: "invalid-request", detail }];
  }
  const value = valueAt(body, path);
  const code = codeOf(path.at(-1), value);
  return [{ pointer: toPointer(path), code, detail: detailOf(issue, { code, value, body, path }) }];
}

const faultsOf = (issues: readonly Issue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);

function codeOf(field: PropertyKey | undefined, value: unknown): RefusalCode {
  if (field === undefined || value === undefined) return "invalid-request";
  if (AMOUNT_FIELDS.has(field)) return "invalid-amount";
  return field === "currency" ? "invalid-currency" : "invalid-request";
}

interface Finding {
  readonly code: RefusalCode;
  readonly value: unknown;
  readonly body: unknown;
  readonly path: Path;
}

function detailOf(issue: Issue, { code, value, body, path }: Finding): string {
  if (value === undefined) return "The field is required.";
  if (code === "invalid-amount") {
    const currency = valueAt(body, [...path.slice(0, -1), "currency"]);
    return expectedAmount(typeof currency === "string" && isCurrency(currency) ? currency : "USD");
  }
  return code === "invalid-currency" ? EXPECTED_CURRENCY : issue.message;
}

export const EXPECTED_CURRENCY = "Give an upper-case ISO 4217 code such as USD.";

export function expectedAmount(currency: string): string {
  return `Write the amount as a string in major units with exactly the digits of ${currency}, such as "${exampleAmount(currency)}".`;
}

function valueAt(body: unknown, path: Path): unknown {
  let value: unknown = body;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
