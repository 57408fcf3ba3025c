/** What travels with one request through the HTTP front. */
import type { Context, Handler, MiddlewareHandler } from "hono";
import { SCOPES, type Scope } from "../core/scopes.ts";

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text);
}

/** Who sent the request: one API key of one merchant, itself or through a session at the console. */
export interface Caller {
  readonly via: "api" | "console";
  readonly apiKeyId: string;
  readonly merchantId: number;
  readonly mode: "test" | "live";
  readonly scopes: ReadonlySet<Scope>;
}

export interface HttpEnv {
  Variables: {
    requestId: string;
    /** The route's path as the document writes it; for metrics, which must not know ids. */
    route: string;
    caller: Caller;
  };
}

export type HttpContext = Context<HttpEnv>;
export type HttpHandler = Handler<HttpEnv>;
export type HttpMiddleware = MiddlewareHandler<HttpEnv>;
