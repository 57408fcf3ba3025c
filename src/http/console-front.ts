/** What the HTTP front knows of the console: it is put into the same app, and gets what the public routes have. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Authentication } from "./authenticate.ts";
import type { Cursors } from "./cursors.ts";
import type { HttpEnv } from "./http-env.ts";
import type { RouteTable } from "./route-table.ts";

export interface ConsoleParts {
  readonly app: OpenAPIHono<HttpEnv>;
  readonly table: RouteTable;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
}

export interface ConsoleFront {
  mount(parts: ConsoleParts): void;
}
