/**
 * Every answer is made here, so none can lack the headers that protect it. Plain objects instead of `Headers`:
 * the Node adapter writes them straight to the socket, which is most of what an answer costs.
 */
import type { HttpContext } from "./http-env.ts";

export type AnswerHeaders = Readonly<Record<string, string>>;

/** An API answer is nobody's page: it loads nothing, is framed nowhere and kept in no cache. */
const API_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

const JSON_TYPE = "application/json";

export interface AnswerBody {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  readonly headers?: AnswerHeaders;
}

export function sendBody(c: HttpContext, answer: AnswerBody): Response {
  const headers = {
    ...API_HEADERS,
    "content-type": answer.contentType,
    "x-request-id": c.get("requestId"),
    ...answer.headers,
  };
  return new Response(answer.body, { status: answer.status, headers });
}

/** 200 with a value as JSON. */
export function sendJson(c: HttpContext, value: unknown): Response {
  return sendBody(c, { status: 200, contentType: JSON_TYPE, body: JSON.stringify(value) });
}

/** Text that is JSON already, sent byte for byte. */
export function sendJsonText(c: HttpContext, answer: Omit<AnswerBody, "contentType">): Response {
  return sendBody(c, { ...answer, contentType: JSON_TYPE });
}

/** Server-Sent Events; null for the headers alone. No proxy may hold frames back to send several at once. */
export function sendEventStream(c: HttpContext, body: ReadableStream<Uint8Array> | null): Response {
  const headers = {
    ...API_HEADERS,
    "content-type": "text/event-stream",
    "x-request-id": c.get("requestId"),
    "x-accel-buffering": "no",
  };
  return new Response(body, { status: 200, headers });
}

export interface Page {
  readonly status: number;
  readonly html: string;
  /** The CSP hash of the page's only style element. */
  readonly styleHash: string;
  readonly headers?: AnswerHeaders;
}

/** A page for people. */
export function sendPage(c: HttpContext, { status, html, styleHash, headers }: Page): Response {
  return sendBody(c, {
    status,
    contentType: "text/html; charset=utf-8",
    body: html,
    headers: {
      "content-security-policy":
        `default-src 'none'; style-src '${styleHash}'; img-src data:; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      ...headers,
    },
  });
}

/** See other: the browser goes there with GET. */
export function sendRedirect(c: HttpContext, location: string): Response {
  return sendBody(c, { status: 303, contentType: "text/plain; charset=utf-8", body: "", headers: { location } });
}
