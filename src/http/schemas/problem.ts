/** The problem document (RFC 9457) as it stands in the API document, and the refusals that a route lists. */
import { z } from "@hono/zod-openapi";
import { REFUSAL_STATUS, type RefusalCode } from "../../core/errors.ts";
import { PROBLEM_TITLES, PROBLEM_TYPE } from "../problems.ts";

const REFUSAL_CODES = Object.keys(REFUSAL_STATUS);

const code = z.enum(REFUSAL_CODES).openapi({ example: "invalid-amount" });

export const problem = z
  .looseObject({
    type: z.string().openapi({ example: "http://127.0.0.1:3000/problems/invalid-amount" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: "Says what to do." }),
    instance: z.string(),
    code,
    request_id: z.string(),
    errors: z
      .array(
        z.strictObject({
          pointer: z.string().openapi({ description: "JSON Pointer into the body." }),
          code,
          detail: z.string(),
        }),
      )
      .optional(),
    current_state: z.string().optional().openapi({ description: "With `invalid-state`." }),
    allowed: z.array(z.string()).optional().openapi({ description: "With `invalid-state`: what can be done now." }),
  })
  .openapi("Problem", { description: "Every error (RFC 9457)." });

/** What any call with an API key may be answered. */
const ALWAYS: readonly RefusalCode[] = [
  "unauthenticated",
  "insufficient-scope",
  "rate-limited",
  "card-data-refused",
  "invalid-character",
  "invalid-request",
  "internal-error",
  "temporarily-unavailable",
];

const WITH_BODY: readonly RefusalCode[] = [
  "invalid-json",
  "duplicate-json-key",
  "body-too-large",
  "unsupported-media-type",
  "unknown-field",
  "json-too-complex",
];

const WITH_KEY: readonly RefusalCode[] = [
  "idempotency-key-missing",
  "idempotency-key-invalid",
  "idempotency-key-reused",
  "idempotency-in-progress",
];

interface ProblemResponse {
  description: string;
  content: Record<typeof PROBLEM_TYPE, { schema: typeof problem }>;
}

/** Responses of a document for these refusals, one for each status. */
export function problems(codes: readonly RefusalCode[]): Record<string, ProblemResponse> {
  const responses: Record<string, ProblemResponse> = {};
  for (const refusal of new Set(codes)) {
    const status = REFUSAL_STATUS[refusal];
    const line = `\`${refusal}\`: ${PROBLEM_TITLES[refusal]}.`;
    const known = responses[status];
    if (known === undefined)
      responses[status] = { description: line, content: { [PROBLEM_TYPE]: { schema: problem } } };
    else known.description += ` ${line}`;
  }
  return responses;
}

export const readProblems = (...codes: RefusalCode[]) => problems([...ALWAYS, ...codes]);
export const writeProblems = (...codes: RefusalCode[]) => problems([...ALWAYS, ...WITH_BODY, ...codes]);
export const onceProblems = (...codes: RefusalCode[]) => problems([...ALWAYS, ...WITH_BODY, ...WITH_KEY, ...codes]);
