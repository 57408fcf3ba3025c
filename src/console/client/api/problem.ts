/** What went wrong with a request, as people can act on it. */

export interface Problem {
  /** 0 when no answer came. */
  readonly status: number;
  readonly code: string;
  readonly title: string;
  /** Says what to do. */
  readonly detail: string;
  readonly requestId: string | null;
}

/** Thrown by `request`; only the places that show a problem catch it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export const UNREACHABLE: Problem = {
  status: 0,
  code: "unreachable",
  title: "Florin does not answer",
  detail: "Check your network and that Florin runs, then try again. Nothing that was sent before is lost.",
  requestId: null,
};

const textOf = (value: object, key: string): string | null => {
  const member: unknown = Reflect.get(value, key);
  return typeof member === "string" && member !== "" ? member : null;
};

/** Reads problem+json; a proxy in between may have answered with anything else. */
export function toProblem(status: number, body: unknown): Problem {
  const value = typeof body === "object" && body !== null ? body : {};
  return {
    status,
    code: textOf(value, "code") ?? `http-${status}`,
    title: textOf(value, "title") ?? "The request failed",
    detail: textOf(value, "detail") ?? `The server answered with status ${status} and no explanation. Try again.`,
    requestId: textOf(value, "request_id"),
  };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof Error ? error.message : "Load the page again.";
  return { status: 0, code: "page-error", title: "The page has a fault", detail, requestId: null };
}
