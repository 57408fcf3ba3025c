/** The API document: complete, closed in itself, and the same as what runs. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { REFUSAL_STATUS } from "../../src/core/errors.ts";
import { findFaults, isObject, type JsonObject } from "../support/json-schema.ts";
import { findAnswerFaults } from "../support/openapi-check.ts";
import { type HttpUnderTest, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
});
afterAll(() => http.close());

function everyObject(value: unknown): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(everyObject);
  return isObject(value) ? [value, ...Object.values(value).flatMap(everyObject)] : [];
}

const operations = (): { name: string; operation: JsonObject }[] =>
  Object.entries(http.document.paths as JsonObject).flatMap(([path, methods]) =>
    Object.entries(methods as JsonObject).map(([method, operation]) => ({
      name: `${method} ${path}`,
      operation: operation as JsonObject,
    })),
  );

test("it is OpenAPI 3.1 and its references lead somewhere", () => {
  expect(http.document.openapi).toBe("3.1.0");
  const references = everyObject(http.document).flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []));
  expect(references.length).toBeGreaterThan(50);
  const schemas = (http.document.components as { schemas: JsonObject }).schemas;
  expect(references.filter((ref) => !Object.hasOwn(schemas, ref.replace("#/components/schemas/", "")))).toEqual([]);
});

test("every route that runs is in it, and every route of it runs; the console's are its pages' alone", async () => {
  const running = http.app.routes
    .filter(({ method, path }) => method !== "ALL" && path !== "/*" && !path.startsWith("/console"))
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:([a-z_]+)/g, "{$1}")}`);
  expect(new Set(operations().map(({ name }) => name))).toEqual(new Set(running));
});

test("every operation has a summary, a tag and its errors; every /v1 call names its key", () => {
  for (const { name, operation } of operations()) {
    expect(operation.summary, name).toEqual(expect.any(String));
    expect(operation.tags, name).toHaveLength(1);
    const responses = operation.responses as JsonObject;
    expect(
      Object.keys(responses).some((status) => status.startsWith("5")),
      name,
    ).toBe(true);
    if (name.includes("/v1/")) {
      expect(operation.security, name).toEqual([{ apiKey: [] }]);
      expect(Object.keys(responses), name).toEqual(expect.arrayContaining(["401", "403", "429", "500", "503"]));
    }
    for (const response of Object.values(responses))
      expect((response as JsonObject).description, name).toEqual(expect.any(String));
  }
});

test("every code of a refusal stands in some answer", () => {
  const text = JSON.stringify(http.document.paths);
  // 405 is answered where there is no operation that could list it; the other by the console, whose own API is its pages'.
  const elsewhere = ["method-not-allowed", "cross-site-refused"];
  const missing = Object.keys(REFUSAL_STATUS).filter(
    (code) => !elsewhere.includes(code) && !text.includes(`\`${code}\``),
  );
  expect(missing).toEqual([]);
});

test("its examples fit its schemas", () => {
  const schemas = (http.document.components as { schemas: JsonObject }).schemas;
  const examples = Object.entries(schemas).flatMap(([name, schema]) =>
    isObject(schema) && schema.example !== undefined ? [{ name, schema }] : [],
  );
  expect(examples.length).toBeGreaterThan(3);
  for (const { name, schema } of examples) expect(findFaults(schema, schema.example, http.document), name).toEqual([]);
});

test("an answer that the document does not know is caught", async () => {
  const headers = { "content-type": "application/json" };
  const faultsOf = (answer: Response, path = "/v1/payments/po_1") =>
    findAnswerFaults(http.document, { method: "GET", path }, answer);
  expect(await faultsOf(new Response("{}", { headers }))).toEqual(
    expect.arrayContaining([expect.stringContaining("lacks payment_order_id")]),
  );
  expect(await faultsOf(new Response("{}", { status: 418, headers }))).toEqual(
    expect.arrayContaining([expect.stringContaining("lists only")]),
  );
  expect(await faultsOf(new Response("x", { headers: { "content-type": "text/plain" } }))).toEqual(
    expect.arrayContaining([expect.stringContaining("content type"), expect.stringContaining("x-request-id")]),
  );
  expect(await faultsOf(new Response("{}", { headers }), "/v2")).toEqual(
    expect.arrayContaining([expect.stringContaining("no such path")]),
  );
});

test("the page for people shows all of it and loads nothing", async () => {
  const answer = await http.ask("/docs", { key: null });
  const page = await answer.text();
  for (const { name } of operations()) {
    const [method = "", path = ""] = name.split(" ");
    expect(page).toContain(`<span class="method">${method.toUpperCase()}</span> <code>${path}</code>`);
  }
  expect(page).not.toMatch(/<script|<iframe|<link rel="stylesheet|src=|url\(|@import/);
  expect(page).not.toContain("undefined");
  expect(page).not.toContain("[object Object]");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
});

test("probes tell whether the node serves", async () => {
  expect((await http.ask("/livez", { key: null })).status).toBe(200);
  expect((await http.ask("/readyz", { key: null })).status).toBe(200);
  const leaving = http.openFront({ findUnreadiness: async () => "it is shutting down" });
  const answer = await http.ask("/readyz", { key: null, app: leaving });
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("shutting down");
});

test("metrics know routes, not ids", async () => {
  await http.ask("/v1/payments/po_secret_id");
  const text = await (await http.ask("/metrics", { key: null })).text();
  expect(text).toContain('route="/v1/payments/{payment_order_id}"');
  expect(text).not.toContain("po_secret_id");
});

test("HEAD answers as GET does, without a body", async () => {
  const answer = await http.ask("/livez", { method: "HEAD", key: null });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe("");
});

test("a request id of the caller is kept when it is harmless, and replaced when it is not", async () => {
  const idOf = async (id: string) =>
    (await http.ask("/livez", { headers: { "x-request-id": id } })).headers.get("x-request-id");
  expect(await idOf("abc-123.X_y")).toBe("abc-123.X_y");
  for (const bad of ["a b", "x".repeat(65), "4242424242424242", "../../etc", "-"])
    expect(await idOf(bad)).not.toBe(bad);
});
