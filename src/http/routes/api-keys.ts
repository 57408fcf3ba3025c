/** API keys of the caller's own merchant. A secret is shown once, when it is made; only its SHA-256 is kept. */
import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import { fromPublicId, newUuid, toPublicId, toUuid } from "../../core/ids.ts";
import type { Ports } from "../../core/ports.ts";
import type { Reads } from "../../db/reads.ts";
import type { ApiKeyRow } from "../../db/queries/list-api-keys.ts";
import { sendJson, sendJsonText } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { readBody } from "../body/field-errors.ts";
import { readJson } from "../body/read-json.ts";
import { type Cursors, toPage } from "../cursors.ts";
import { SCOPES } from "../../core/scopes.ts";
import { notFound, readLimit, readQuery } from "../read-query.ts";
import { jsonRequest, jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { apiKeyPath, paging } from "../schemas/parameters.ts";
import { readProblems, writeProblems } from "../schemas/problem.ts";
import { listOf, time } from "../schemas/values.ts";

const TAGS = ["API keys"];
const SECRET_BYTES = 32;
const MAX_NAME_CHARS = 100;

const apiKeyRequest = z
  .strictObject({
    name: z.string().min(1).max(MAX_NAME_CHARS),
    scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  })
  .openapi("ApiKeyRequest", { example: { name: "shop backend", scopes: ["payments:read", "payments:write"] } });

const keyFields = {
  object: z.literal("api_key"),
  api_key_id: z.string(),
  name: z.string(),
  last_four: z.string(),
  scopes: z.array(z.string()),
  created_at: time,
  revoked_at: time.nullable(),
} as const;

const apiKey = z.strictObject(keyFields).openapi("ApiKey");
const newApiKey = z
  .strictObject({ ...keyFields, secret: z.string().openapi({ description: "Shown this once." }) })
  .openapi("NewApiKey");

const createKey = createRoute({
  method: "post",
  path: "/v1/api_keys",
  tags: TAGS,
  summary: "Make an API key; its secret is shown this once",
  security: SECURITY,
  request: { body: jsonRequest(apiKeyRequest) },
  responses: { 201: jsonResponse(newApiKey, "The key with its secret."), ...writeProblems() },
});

const pageQuery = z.strictObject(paging);

const listKeys = createRoute({
  method: "get",
  path: "/v1/api_keys",
  tags: TAGS,
  summary: "List API keys, newest first",
  security: SECURITY,
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(listOf(apiKey), "A page of keys."),
    ...readProblems("invalid-cursor", "unknown-field"),
  },
});

const deleteKey = createRoute({
  method: "delete",
  path: "/v1/api_keys/{api_key_id}",
  tags: TAGS,
  summary: "Revoke an API key",
  description: "At once on this node, within 30 seconds on all.",
  security: SECURITY,
  request: { params: apiKeyPath },
  responses: { 200: jsonResponse(apiKey, "The revoked key."), ...readProblems("not-found") },
});

export interface ApiKeyRouteDeps {
  readonly reads: Reads;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
  readonly ports: Ports;
}

export function addApiKeyRoutes(table: RouteTable, { reads, authentication, cursors, ports }: ApiKeyRouteDeps): void {
  const isAdmin = authentication.requireScope("admin");

  table.add(createKey, isAdmin, async (c) => {
    const { value } = await readJson(c.req.raw);
    const request = readBody(apiKeyRequest, value);
    const { merchantId, mode } = c.get("caller");
    const secret = `sk_${mode}_${Buffer.from(ports.random.bytes(SECRET_BYTES)).toString("base64url")}`;
    const row = await reads.insertApiKey({
      apiKeyId: newUuid(ports),
      merchantId,
      name: request.name,
      secretHash: createHash("sha256").update(secret).digest(),
      lastFour: secret.slice(-4),
      scopes: [...new Set(request.scopes)],
    });
    return sendJsonText(c, { status: 201, body: JSON.stringify({ ...showKey(row), secret }) });
  });

  table.add(listKeys, isAdmin, async (c) => {
    const query = readQuery(c, pageQuery);
    const { merchantId } = c.get("caller");
    const scope = { list: "api_keys", merchantId };
    const limit = readLimit(query.limit);
    const beforeId = query.cursor === undefined ? null : (cursors.decode(scope, query.cursor)[0] ?? null);
    const rows = await reads.listApiKeys({ merchantId, beforeId, limit: limit + 1 });
    return sendJson(
      c,
      toPage(rows, limit, { show: showKey, toCursor: (last) => cursors.encode(scope, [last.apiKeyId]) }),
    );
  });

  table.add(deleteKey, isAdmin, async (c) => {
    const id = fromPublicId("key", c.req.param("api_key_id") ?? "");
    const row = id === null ? null : await reads.revokeApiKey(c.get("caller").merchantId, id);
    if (row === null) throw notFound();
    authentication.forget(row.apiKeyId);
    return sendJson(c, showKey(row));
  });
}

function showKey(row: ApiKeyRow) {
  return {
    object: "api_key",
    api_key_id: toPublicId("key", toUuid(row.apiKeyId)),
    name: row.name,
    last_four: row.lastFour,
    scopes: row.scopes,
    created_at: row.createdAt.toISOString(),
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
