/** Every door of the console: where it is for the metrics, that the request is no foreign page's, and who has signed in. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Refusal } from "../../core/errors.ts";
import type { Scope } from "../../core/scopes.ts";
import type { HttpContext, HttpEnv } from "../../http/http-env.ts";
import { refuseForeignSites } from "./same-site.ts";
import type { ConsoleSession, Sessions } from "./sessions.ts";

type Handler = (c: HttpContext) => Promise<Response> | Response;
type SessionHandler = (c: HttpContext, session: ConsoleSession) => Promise<Response> | Response;

export interface ConsoleRouter {
  /** For everybody. */
  open(method: string, path: string, handler: Handler): void;
  /** For whoever has signed in with a key of that scope. */
  signedIn(method: string, path: string, scope: Scope | null, handler: SessionHandler): void;
}

export function createConsoleRouter(
  app: OpenAPIHono<HttpEnv>,
  { sessions, publicUrl }: { readonly sessions: Sessions; readonly publicUrl: string },
): ConsoleRouter {
  const router: ConsoleRouter = {
    open(method, path, handler) {
      app.on(method, path, async (c) => {
        c.set("route", path);
        if (path.startsWith("/console/api/")) refuseForeignSites(c, publicUrl);
        return handler(c);
      });
    },
    signedIn(method, path, scope, handler) {
      router.open(method, path, async (c) => {
        const session = await sessions.require(c);
        if (scope !== null) requireScope(session, scope);
        return handler(c, session);
      });
    },
  };
  return router;
}

function requireScope({ scopes }: ConsoleSession, scope: Scope): void {
  if (scopes.includes(scope) || scopes.includes("admin")) return;
  throw new Refusal("insufficient-scope", `Sign in with a key that has the scope ${scope}.`, {
    extra: { required_scope: scope },
  });
}
