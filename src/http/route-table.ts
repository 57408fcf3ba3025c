/** Routes and their document in one step, so that neither can exist without the other; and who else lives at a path. */
import { type OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import { Refusal } from "../core/errors.ts";
import type { HttpContext, HttpEnv, HttpHandler, HttpMiddleware } from "./http-env.ts";

export interface RouteTable {
  /** Adds a documented route. The handlers run in their order, the last one answers. */
  add(route: RouteConfig, ...handlers: readonly [...HttpMiddleware[], HttpHandler]): void;
  /** Throws `method-not-allowed` where the path has other methods, else `not-found`. */
  refuseUnknown(c: HttpContext): never;
}

interface Entry {
  readonly method: string;
  readonly pattern: RegExp;
}

/** `audit` gives the middleware of routes whose acts are written down; it runs once it is known who asks. */
export function createRouteTable(
  app: OpenAPIHono<HttpEnv>,
  audit: ((route: RouteConfig) => HttpMiddleware | null) | null = null,
): RouteTable {
  const entries: Entry[] = [];
  return {
    add(route, ...handlers) {
      app.openAPIRegistry.registerPath(route);
      const method = route.method.toUpperCase();
      const path = route.path.replaceAll(/\{([a-z_]+)\}/g, ":$1");
      entries.push({ method, pattern: new RegExp(`^${route.path.replaceAll(/\{[a-z_]+\}/g, "[^/]+")}$`) });
      const noteRoute: HttpMiddleware = (c, next) => {
        c.set("route", route.path);
        return next();
      };
      const audited = audit?.(route) ?? null;
      const last = handlers.length - 1;
      const all = audited === null ? handlers : [...handlers.slice(0, last), audited, ...handlers.slice(last)];
      app.on(method, path, noteRoute, ...all);
    },
    refuseUnknown(c) {
      const methods = entries.filter(({ pattern }) => pattern.test(c.req.path)).map(({ method }) => method);
      if (methods.length === 0) {
        throw new Refusal("not-found", "There is nothing at this address. See /docs for what there is.");
      }
      const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
      throw new Refusal("method-not-allowed", `Use ${allowed.join(" or ")} here.`, {
        extra: { allowed_methods: allowed },
      });
    },
  };
}

/** The response of a route that answers with one JSON value. */
export function jsonResponse<T extends z.ZodType>(
  schema: T,
  description: string,
  headers: readonly (keyof typeof ANSWER_HEADERS)[] = [],
) {
  return {
    description,
    headers: z.object(Object.fromEntries(headers.map((name) => [name, ANSWER_HEADERS[name]]))),
    content: { "application/json": { schema } },
  };
}

const ANSWER_HEADERS = {
  Location: z.string().openapi({ description: "Where the created thing is." }),
  "Idempotent-Replayed": z.literal("true").optional().openapi({ description: "Present on a repeated answer." }),
  "Preference-Applied": z.string().optional().openapi({ description: "`wait=N` when the request asked to wait." }),
} as const;

export function jsonRequest<T extends z.ZodType>(schema: T, required = true) {
  return { required, content: { "application/json": { schema } } };
}

export const SECURITY = [{ apiKey: [] }];
