/**
 * The public API for whoever has signed in: the request goes into the same app once more, without its cookie and with
 * the session's identity, so scopes, merchants, audit and answers are those of the API itself.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Refusal } from "../../core/errors.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { Authentication } from "../../http/authenticate.ts";
import type { HttpEnv } from "../../http/http-env.ts";
import type { ConsoleRouter } from "./console-router.ts";
import { isReading } from "./same-site.ts";
import { toVoucher } from "./sessions.ts";

const PREFIX = "/console/api";
const METHODS = ["GET", "POST", "PATCH", "DELETE"] as const;
/** What names the browser's user, or would name another one. */
const LEFT_OUT = ["cookie", "authorization"] as const;

export function addPublicApi(
  router: ConsoleRouter,
  deps: {
    readonly app: OpenAPIHono<HttpEnv>;
    readonly authentication: Authentication;
    readonly queries: ConsoleQueries;
  },
): void {
  for (const method of METHODS) {
    router.signedIn(method, `${PREFIX}/v1/*`, null, async (c, session) => {
      if (session.role === "reader" && !isReading(c.req.method)) {
        throw new Refusal(
          "insufficient-scope",
          "You have signed in to read only. Sign in as an operator to change something.",
          {
            extra: { required_scope: "operator" },
          },
        );
      }
      const url = new URL(c.req.url);
      url.pathname = url.pathname.slice(PREFIX.length);
      const request = new Request(url, c.req.raw);
      for (const name of LEFT_OUT) request.headers.delete(name);
      deps.authentication.vouchFor(request, toVoucher(session, deps.queries));
      return await deps.app.fetch(request, c.env);
    });
  }
}
