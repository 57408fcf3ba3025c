/**
 * Who is signed in. The cookie is 256 random bits that only the browser has; the database knows their SHA-256, so every
 * node takes the session, and it ends everywhere when it is ended, unused for twelve hours, or its key is revoked.
 */
import { hash } from "node:crypto";
import { getCookie } from "hono/cookie";
import { serialize } from "hono/utils/cookie";
import { Refusal } from "../../core/errors.ts";
import type { Ports } from "../../core/ports.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { SessionRow } from "../../db/queries/console-sessions.ts";
import type { Voucher } from "../../http/authenticate.ts";
import { type Caller, type HttpContext, isScope } from "../../http/http-env.ts";
import type { Role } from "../contract.ts";

export interface ConsoleSession extends SessionRow {
  readonly tokenHash: Uint8Array;
}

export interface Sessions {
  /** A new session, and the `Set-Cookie` that gives it to the browser. */
  open(caller: Caller, isReadOnly: boolean): Promise<{ readonly session: ConsoleSession; readonly cookie: string }>;
  /** The session of a `Cookie` header's token; null when there is none. Puts off its end. */
  find(c: HttpContext): Promise<ConsoleSession | null>;
  findByToken(token: string | undefined): Promise<ConsoleSession | null>;
  /** As `find`; throws `unauthenticated`. */
  require(c: HttpContext): Promise<ConsoleSession>;
  /** Ends it; returns the `Set-Cookie` that takes it from the browser. */
  close(c: HttpContext): Promise<string>;
  readonly cookieName: string;
}

export interface SessionDeps {
  readonly queries: ConsoleQueries;
  readonly ports: Ports;
  readonly publicUrl: string;
}

const LIFE_MS = 12 * 60 * 60 * 1_000;
/** The browser keeps the cookie as long as a session that is in use can last; when it is over is for the database to say. */
const COOKIE_SECONDS = 7 * 24 * 60 * 60;
/** The end is put off when this much of the life is gone: not by a write for each request. */
const EXTEND_AFTER_MS = 10 * 60 * 1_000;
const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export function createSessions({ queries, ports, publicUrl }: SessionDeps): Sessions {
  const isSecure = publicUrl.startsWith("https:");
  // Browsers take a cookie of that prefix only over TLS, from this very host and for all of it: neither somebody on the way
  // nor another subdomain can plant one.
  const cookieName = isSecure ? "__Host-florin_console" : "florin_console";
  const toCookie = (value: string, maxAge: number): string =>
    serialize(cookieName, value, {
      path: isSecure ? "/" : "/console",
      httpOnly: true,
      sameSite: "Strict",
      secure: isSecure,
      maxAge,
    });
  const hashOf = (token: string): Uint8Array => hash("sha256", token, "buffer");
  const tokenOf = (c: HttpContext): string | undefined => getCookie(c, cookieName);

  async function findByToken(token: string | undefined): Promise<ConsoleSession | null> {
    if (token === undefined || !TOKEN.test(token)) return null;
    const tokenHash = hashOf(token);
    const row = await queries.findSession(tokenHash);
    if (row === null) return null;
    const leftMs = row.expiresAt.getTime() - ports.clock.nowMs();
    const expiresAt =
      leftMs > LIFE_MS - EXTEND_AFTER_MS ? row.expiresAt : await queries.extendSession(tokenHash, LIFE_MS);
    return expiresAt === null ? null : { ...row, tokenHash, expiresAt };
  }

  async function find(c: HttpContext): Promise<ConsoleSession | null> {
    return findByToken(tokenOf(c));
  }

  return {
    cookieName,
    find,
    findByToken,
    async open({ apiKeyId, scopes }, isReadOnly) {
      const token = Buffer.from(ports.random.bytes(TOKEN_BYTES)).toString("base64url");
      const tokenHash = hashOf(token);
      const role: Role = !isReadOnly && (scopes.has("operator") || scopes.has("admin")) ? "operator" : "reader";
      await queries.deleteEndedSessions();
      await queries.insertSession({ tokenHash, apiKeyId, role, lifeMs: LIFE_MS });
      const row = await queries.findSession(tokenHash);
      if (row === null)
        throw new Refusal("unauthenticated", "The secret key was revoked a moment ago. Use a valid one.");
      return { session: { ...row, tokenHash }, cookie: toCookie(token, COOKIE_SECONDS) };
    },
    async require(c) {
      const session = await find(c);
      if (session === null) throw new Refusal("unauthenticated", "Sign in to the console with a secret key.");
      return session;
    },
    async close(c) {
      const token = tokenOf(c);
      if (token !== undefined && TOKEN.test(token)) await queries.deleteSession(hashOf(token));
      return toCookie("", 0);
    },
  };
}

/** What a session may do at the public API's routes: what its key may. */
export function toVoucher(session: ConsoleSession, queries: Pick<ConsoleQueries, "findSession">): Voucher {
  const { apiKeyId, merchantId, mode, scopes, tokenHash } = session;
  return {
    caller: { via: "console", apiKeyId, merchantId, mode, scopes: new Set(scopes.filter(isScope)) },
    isStillGood: async () => (await queries.findSession(tokenHash)) !== null,
  };
}
