/** Requests to the console's server. The session is an HttpOnly cookie that no script sees. */
import { sessionStore } from "../state/session.ts";
import { ApiError, toProblem, UNREACHABLE } from "./problem.ts";

export interface RequestOptions {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: unknown;
  /** One for each intention, the same for every repeat of it. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

const BASE = "/console/api";

/** `path` begins after `/console/api`. Throws `ApiError`. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const answer = await send(path, options);
  const text = await answer.text();
  const body = readJson(text);
  if (answer.ok) return body;
  const problem = toProblem(answer.status, body);
  // A key that is wrong at the sign-in is no session that ended.
  if (answer.status === 401 && path !== "/session") sessionStore.trigger.ended();
  throw new ApiError(problem);
}

async function send(path: string, { method = "GET", body, idempotencyKey, signal }: RequestOptions): Promise<Response> {
  try {
    return await fetch(`${BASE}${path}`, {
      method,
      headers: {
        accept: "application/json",
        ...(method === "GET" ? {} : { "x-florin-console": "1" }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      credentials: "same-origin",
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(UNREACHABLE);
  }
}

function readJson(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
