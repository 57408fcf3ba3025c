/** Values that many requests and answers share, with what the document says about them. */
import { z } from "@hono/zod-openapi";
import { CLIENT_ID_PATTERN } from "../../core/ids.ts";

export const MAX_METADATA_PAIRS = 50;
export const MAX_URL_CHARS = 2_048;
const MAX_METADATA_KEY_CHARS = 40;
const MAX_METADATA_VALUE_CHARS = 500;

export const clientId = z
  .string()
  .regex(CLIENT_ID_PATTERN, "Use 1 to 64 letters, digits, underscores or hyphens.")
  .openapi({ example: "po_1" });

/** Its digits depend on the currency, so the form is checked where the currency is known. */
export const amount = z.string().openapi({
  description:
    'Decimal string in major units with exactly the currency\'s digits: "25.00" USD, "500" JPY, "1.234" KWD.',
  pattern: "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$",
  example: "25.00",
});

export const currency = z
  .string()
  .openapi({ description: "ISO 4217, upper case.", pattern: "^[A-Z]{3}$", example: "USD" });

export const metadata = z
  .record(
    z.string().min(1).max(MAX_METADATA_KEY_CHARS, `A metadata key has at most ${MAX_METADATA_KEY_CHARS} characters.`),
    z.string().max(MAX_METADATA_VALUE_CHARS, `A metadata value has at most ${MAX_METADATA_VALUE_CHARS} characters.`),
  )
  .refine(
    (pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS,
    `At most ${MAX_METADATA_PAIRS} pairs of metadata.`,
  )
  .openapi({ description: "Your own string pairs.", maxProperties: MAX_METADATA_PAIRS, example: { cart: "17" } });

export function isWebUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "https:" || url.protocol === "http:");
}

export const webUrl = z
  .string()
  .max(MAX_URL_CHARS)
  .refine(isWebUrl, "Give an absolute http or https URL.")
  .openapi({ format: "uri", example: "https://shop.example/done" });

export const time = z.string().openapi({
  description: "RFC 3339, UTC, with milliseconds.",
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$",
  example: "2026-01-31T12:00:00.000Z",
});

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    has_more: z.boolean(),
    next_cursor: z.string().nullable().openapi({ description: "Give it as `cursor` to get the next page." }),
  });
}
