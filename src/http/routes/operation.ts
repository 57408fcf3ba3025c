/** Probes and metrics: for machines that look after the process. No key; they tell nothing about payments. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Registry } from "prom-client";
import { PROBLEM_TITLES } from "../problems.ts";
import { REFUSAL_STATUS, Refusal, type RefusalCode } from "../../core/errors.ts";
import { sendBody, sendJson } from "../answers.ts";
import { jsonResponse, type RouteTable } from "../route-table.ts";
import { notFound } from "../read-query.ts";
import { problems } from "../schemas/problem.ts";

const TAGS = ["Operation"];
const status = z.strictObject({ status: z.string() }).openapi("Status", { example: { status: "ready" } });
const text = (description: string, type: string) => ({ description, content: { [type]: { schema: z.string() } } });

const livez = createRoute({
  method: "get",
  path: "/livez",
  tags: TAGS,
  summary: "Whether the process runs",
  responses: { 200: jsonResponse(status, "It runs."), ...problems(["internal-error"]) },
});

const readyz = createRoute({
  method: "get",
  path: "/readyz",
  tags: TAGS,
  summary: "Whether the node takes requests",
  responses: { 200: jsonResponse(status, "It does."), ...problems(["temporarily-unavailable", "internal-error"]) },
});

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  tags: TAGS,
  summary: "Metrics for Prometheus",
  responses: { 200: text("The metrics in Prometheus' text format.", "text/plain"), ...problems(["internal-error"]) },
});

const problemRoute = createRoute({
  method: "get",
  path: "/problems/{code}",
  tags: TAGS,
  summary: "What a problem's code means",
  request: { params: z.object({ code: z.string().openapi({ param: { name: "code", in: "path" } }) }) },
  responses: {
    200: text("A short text.", "text/plain"),
    ...problems(["not-found", "card-data-refused", "invalid-character", "internal-error"]),
  },
});

export interface OperationRouteDeps {
  readonly metrics: Registry;
  readonly findUnreadiness: () => Promise<string | null>;
}

export function addOperationRoutes(table: RouteTable, { metrics, findUnreadiness }: OperationRouteDeps): void {
  table.add(livez, (c) => sendJson(c, { status: "live" }));

  table.add(readyz, async (c) => {
    const reason = await findUnreadiness();
    if (reason !== null) throw new Refusal("temporarily-unavailable", `Not ready: ${reason}.`);
    return sendJson(c, { status: "ready" });
  });

  table.add(metricsRoute, async (c) =>
    sendBody(c, { status: 200, contentType: metrics.contentType, body: await metrics.metrics() }),
  );

  table.add(problemRoute, (c) => {
    const code = c.req.param("code") ?? "";
    if (!isRefusalCode(code)) throw notFound("There is no problem with this code.");
    const body = `${code} (HTTP ${REFUSAL_STATUS[code]})\n\n${PROBLEM_TITLES[code]}. The detail of the answer says what to do.\n`;
    return sendBody(c, { status: 200, contentType: "text/plain; charset=utf-8", body });
  });
}

function isRefusalCode(code: string): code is RefusalCode {
  return Object.hasOwn(REFUSAL_STATUS, code);
}
