/** The API document: for machines, and for people. Both are made once, when somebody first asks. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { sendJsonText, sendPage } from "../answers.ts";
import type { HttpEnv } from "../http-env.ts";
import { type ApiDocument, docsPage } from "../pages/docs-page.ts";
import { renderPage, STYLE_HASH } from "../pages/page.ts";
import { jsonResponse, type RouteTable } from "../route-table.ts";
import { problems } from "../schemas/problem.ts";

const TAGS = ["Operation"];

const openApiRoute = createRoute({
  method: "get",
  path: "/openapi.json",
  tags: TAGS,
  summary: "This document",
  responses: { 200: jsonResponse(z.looseObject({}), "OpenAPI 3.1."), ...problems(["internal-error"]) },
});

const docsRoute = createRoute({
  method: "get",
  path: "/docs",
  tags: TAGS,
  summary: "This document for people",
  responses: {
    200: { description: "A page.", content: { "text/html": { schema: z.string() } } },
    ...problems(["internal-error"]),
  },
});

const INTRODUCTION =
  "Amounts are decimal strings in major units with exactly the currency's digits. Every error is a problem document " +
  "(RFC 9457) whose `code` is stable and whose `detail` says what to do. Requests that must happen once carry an " +
  "`Idempotency-Key`: send the same request under the same key again whenever an answer was lost. Lists are newest first; " +
  "give `next_cursor` as `cursor` to go on. Card numbers are refused everywhere.";

const TAG_TEXTS = [
  { name: "Payments", description: "Take money: one checkout, one to many payment orders, each to one seller." },
  { name: "Queues", description: "What is not settled, with reason and next action." },
  { name: "Books", description: "Wallets, accounts, postings and the proof that they balance." },
  { name: "Events", description: "What happened, as a list and as a stream." },
  { name: "Webhooks", description: "Where events are sent, signed, and how that went." },
  { name: "API keys", description: "Secret keys and what they may do." },
  { name: "Hosted page", description: "Where a buyer gives the card to the PSP's own form." },
  { name: "PSP webhooks", description: "Where PSPs send their notices." },
  { name: "Operation", description: "Probes, metrics, this document." },
];

export interface DocsRouteDeps {
  readonly app: OpenAPIHono<HttpEnv>;
  readonly publicUrl: string;
  readonly version: string;
}

export function addDocsRoutes(table: RouteTable, { app, publicUrl, version }: DocsRouteDeps): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", {
    type: "http",
    scheme: "bearer",
    description: "A secret key: `sk_test_…` or `sk_live_…`.",
  });
  let documentText: string | null = null;
  let pageText: string | null = null;

  const writeDocument = (): string => {
    documentText ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: { title: "Florin", version, description: INTRODUCTION, license: { name: "MIT" } },
        servers: [{ url: publicUrl }],
        tags: TAG_TEXTS,
      }),
    );
    return documentText;
  };

  table.add(openApiRoute, (c) => sendJsonText(c, { status: 200, body: writeDocument() }));

  table.add(docsRoute, async (c) => {
    // Our own document: its shape is known, and parsing gives it the type that the page reads.
    const document: ApiDocument = JSON.parse(writeDocument());
    pageText ??= await renderPage(docsPage(document));
    return sendPage(c, { status: 200, html: pageText, styleHash: STYLE_HASH });
  });
}
