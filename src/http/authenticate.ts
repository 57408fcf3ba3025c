/**
 * Who is calling: a secret key in `Authorization: Bearer`. Only its SHA-256 is known to us. A key that was found
 * is remembered for a short while, which saves the database a question per request; revoking it on this node
 * takes effect at once, on others when their memory ends.
 */
import { hash } from "node:crypto";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Clock } from "../core/ports.ts";
import { Refusal } from "../core/errors.ts";
import type { Reads } from "../db/reads.ts";
import type { Scope } from "../core/scopes.ts";
import { type Caller, type HttpContext, type HttpMiddleware, isScope } from "./http-env.ts";

export interface AuthenticationDeps {
  readonly reads: Reads;
  readonly clock: Clock;
  /** Requests a second for each key; null is no limit. */
  readonly rateLimit: number | null;
  /** The peer's address; the same text for all where it is not known. */
  readonly clientAddress: (c: HttpContext) => string;
}

export interface Authentication {
  /** Lets in a key that has the scope (or `admin`); throws `unauthenticated`, `insufficient-scope`, `rate-limited`. */
  requireScope(scope: Scope): HttpMiddleware;
  /** Whose key that is; counts a wrong one against its sender. Throws `unauthenticated`, `rate-limited`. */
  signIn(c: HttpContext, secret: string): Promise<Caller>;
  /**
   * Lets in this very request object as that caller, without a key. It can't be asked for from outside: nothing in a
   * request says so, only the identity of the object that the console made.
   */
  vouchFor(request: Request, voucher: Voucher): void;
  /** Whether the key that a request came with may still do something; for answers that last. */
  isStillGood(c: HttpContext): Promise<boolean>;
  /** Forgets a key that was revoked here. */
  forget(apiKeyId: string): void;
  /** Calls back when a key is revoked here. */
  onRevoked(listener: (apiKeyId: string) => void): void;
}

export interface Voucher {
  readonly caller: Caller;
  readonly isStillGood: () => Promise<boolean>;
}

/** How long other nodes may still take a revoked key. */
const MEMORY_MS = 30_000;
const MAX_REMEMBERED = 10_000;
/** Wrong keys of one address: enough for a person with a stale configuration, nothing for guessing 256 bits. */
const FAILED_SIGN_INS = 30;
const FAILED_SIGN_IN_SECONDS = 60;
const SECRET = /^bearer +(sk_(?:test|live)_[\x21-\x7e]{1,200})$/i;

interface Remembered {
  readonly caller: Caller;
  readonly untilMs: number;
}

export function createAuthentication({ reads, clock, rateLimit, clientAddress }: AuthenticationDeps): Authentication {
  const remembered = new Map<string, Remembered>();
  const failures = new RateLimiterMemory({ points: FAILED_SIGN_INS, duration: FAILED_SIGN_IN_SECONDS });
  const perKey = rateLimit === null ? null : new RateLimiterMemory({ points: rateLimit, duration: 1 });

  const revokedListeners = new Set<(apiKeyId: string) => void>();
  const vouchers = new WeakMap<Request, Voucher>();

  async function find(secret: string | undefined): Promise<Caller | null> {
    if (secret === undefined) return null;
    const secretHash = hash("sha256", secret, "hex");
    const known = remembered.get(secretHash);
    return known !== undefined && known.untilMs > clock.monotonicMs() ? known.caller : lookUp(secretHash);
  }

  async function identify(c: HttpContext, secret: string | undefined): Promise<Caller> {
    // A good key signs in whoever fails beside it: behind one proxy all merchants have one address.
    const caller = await find(secret);
    if (caller !== null) return caller;
    await failures.consume(clientAddress(c)).catch((error: unknown) => {
      throw error instanceof RateLimiterRes ? tooManyFailures(error) : error;
    });
    const detail =
      secret === undefined
        ? "Send the header Authorization: Bearer sk_… with a secret key."
        : "The secret key is unknown or revoked. Use a valid one.";
    throw new Refusal("unauthenticated", detail);
  }

  async function lookUp(secretHash: string): Promise<Caller | null> {
    remembered.delete(secretHash);
    const found = await reads.findApiKey(Buffer.from(secretHash, "hex"));
    if (found === null) return null;
    const caller: Caller = { ...found, via: "api", scopes: new Set(found.scopes.filter(isScope)) };
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(secretHash, { caller, untilMs: clock.monotonicMs() + MEMORY_MS });
    return caller;
  }

  async function limit(caller: Caller): Promise<void> {
    await perKey?.consume(caller.apiKeyId).catch((error: unknown) => {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw new Refusal(
        "rate-limited",
        `This key may send ${rateLimit} requests a second. Slow down and send it again.`,
        {
          retryAfterSeconds: error.msBeforeNext / 1_000,
        },
      );
    });
  }

  return {
    requireScope(scope) {
      return async (c, next) => {
        const caller = vouchers.get(c.req.raw)?.caller ?? (await identify(c, readSecret(c)));
        if (perKey !== null) await limit(caller);
        if (!caller.scopes.has(scope) && !caller.scopes.has("admin")) {
          throw new Refusal("insufficient-scope", `This call needs a key with the scope ${scope}.`, {
            extra: { required_scope: scope },
          });
        }
        c.set("caller", caller);
        await next();
      };
    },
    signIn: identify,
    vouchFor: (request, voucher) => void vouchers.set(request, voucher),
    isStillGood: async (c) => vouchers.get(c.req.raw)?.isStillGood() ?? (await find(readSecret(c))) !== null,
    forget(apiKeyId) {
      for (const [secretHash, { caller }] of remembered)
        if (caller.apiKeyId === apiKeyId) remembered.delete(secretHash);
      for (const listener of revokedListeners) listener(apiKeyId);
    },
    onRevoked: (listener) => void revokedListeners.add(listener),
  };
}

const readSecret = (c: HttpContext): string | undefined => SECRET.exec(c.req.header("authorization") ?? "")?.[1];

function tooManyFailures(record: RateLimiterRes): Refusal {
  return new Refusal(
    "rate-limited",
    "Too many requests with a wrong key came from this address. Wait, and check the key.",
    {
      retryAfterSeconds: record.msBeforeNext / 1_000,
    },
  );
}
