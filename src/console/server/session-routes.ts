/** Signing in and out: a secret key is shown once, and the browser gets a cookie that its scripts can't read. */
import { z } from "zod";
import { readBody } from "../../http/body/field-errors.ts";
import { readJson } from "../../http/body/read-json.ts";
import { sendBody, sendJsonText } from "../../http/answers.ts";
import type { Authentication } from "../../http/authenticate.ts";
import type { Session } from "../contract.ts";
import type { ConsoleRouter } from "./console-router.ts";
import type { ConsoleSession, Sessions } from "./sessions.ts";

const signIn = z.strictObject({ api_key: z.string().min(1).max(250), read_only: z.boolean() });

export function addSessionRoutes(
  router: ConsoleRouter,
  { sessions, authentication }: { readonly sessions: Sessions; readonly authentication: Authentication },
): void {
  router.open("GET", "/console/api/session", async (c) => {
    const session = await sessions.find(c);
    // Not an error: the sign-in page asks whether it is needed.
    if (session === null) return sendBody(c, { status: 204, contentType: "text/plain", body: null });
    return sendJsonText(c, { status: 200, body: JSON.stringify(show(session)) });
  });

  router.open("POST", "/console/api/session", async (c) => {
    const { api_key: key, read_only: isReadOnly } = readBody(signIn, (await readJson(c.req.raw)).value);
    const caller = await authentication.signIn(c, key.trim());
    const { session, cookie } = await sessions.open(caller, isReadOnly);
    return sendJsonText(c, { status: 200, body: JSON.stringify(show(session)), headers: { "set-cookie": cookie } });
  });

  router.open("DELETE", "/console/api/session", async (c) => {
    const cookie = await sessions.close(c);
    return sendBody(c, { status: 204, contentType: "text/plain", body: null, headers: { "set-cookie": cookie } });
  });
}

function show({ role, scopes, merchantId, merchantName, mode, keyName, expiresAt }: ConsoleSession): Session {
  return {
    role,
    scopes,
    merchant: { id: merchantId, name: merchantName, mode },
    key_name: keyName,
    expires_at: expiresAt.toISOString(),
  };
}
