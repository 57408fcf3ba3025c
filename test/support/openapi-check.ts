/** Holds every answer of the suite against the API document: status, content type, headers and body. */
import { findFaults, isObject, type JsonObject } from "./json-schema.ts";

export interface Asked {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
}

/** What the document says against this answer; empty when it agrees. */
export async function findAnswerFaults(document: JsonObject, asked: Asked, answer: Response): Promise<string[]> {
  const faults = checkHeaders(answer);
  const operation = findOperation(document, asked);
  const name = `${asked.method} ${asked.path} → ${answer.status}`;
  const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const body = await answer.clone().text();
  if (operation === null) {
    // No such route: a problem of its own, which no path of the document can list.
    if (![404, 405, 422].includes(answer.status)) faults.push("the document has no such path");
    return [...faults, ...checkProblem(document, type, body)].map((fault) => `${name}: ${fault}`);
  }
  const responses = isObject(operation.responses) ? operation.responses : {};
  const response = responses[String(answer.status)];
  if (!isObject(response))
    return [...faults, `the document lists only ${Object.keys(responses)}`].map((fault) => `${name}: ${fault}`);
  const content = isObject(response.content) ? response.content[type] : undefined;
  if (!isObject(content)) faults.push(`the document knows no content type ${type}`);
  else if (asked.method !== "HEAD" && type.endsWith("json"))
    faults.push(...findFaults(content.schema, JSON.parse(body), document));
  return faults.map((fault) => `${name}: ${fault}`);
}

export function findOperation(document: JsonObject, { method, path }: Asked): JsonObject | null {
  const paths = isObject(document.paths) ? document.paths : {};
  const verb = method === "HEAD" ? "get" : method.toLowerCase();
  for (const [template, methods] of Object.entries(paths)) {
    const pattern = new RegExp(
      `^${template.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{[a-z_]+\}/g, "[^/]+")}$`,
    );
    const operation = pattern.test(path) && isObject(methods) ? methods[verb] : undefined;
    if (isObject(operation)) return operation;
  }
  return null;
}

function checkHeaders(answer: Response): string[] {
  const faults: string[] = [];
  for (const name of [
    "x-request-id",
    "x-content-type-options",
    "content-security-policy",
    "cache-control",
    "referrer-policy",
  ]) {
    if (!answer.headers.has(name)) faults.push(`lacks the header ${name}`);
  }
  if ((answer.status === 429 || answer.status === 503) && !answer.headers.has("retry-after"))
    faults.push("lacks Retry-After");
  if (answer.status === 401 && answer.url.includes("/v1/") && !answer.headers.has("www-authenticate"))
    faults.push("lacks WWW-Authenticate");
  if (answer.status === 405 && !answer.headers.has("allow")) faults.push("lacks Allow");
  return faults;
}

function checkProblem(document: JsonObject, type: string, body: string): string[] {
  if (type !== "application/problem+json") return [`is ${type}, not a problem`];
  return findFaults({ $ref: "#/components/schemas/Problem" }, JSON.parse(body), document);
}
