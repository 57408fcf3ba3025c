/**
 * Who decided what. A row is committed before the act and another after it, whichever door it came through: a node that
 * dies between the two leaves a decision without an outcome, never an outcome that nobody decided.
 */
import type { RouteConfig } from "@hono/zod-openapi";
import type { Logger } from "pino";
import { newUuid } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import type { AuditAction, AuditIntent, AuditOutcome } from "../db/queries/audit-log.ts";
import { containsCardNumber } from "./body/card-guard.ts";
import { MAX_BODY_BYTES, readBytes } from "./body/read-bytes.ts";
import type { HttpContext, HttpMiddleware } from "./http-env.ts";

export interface AuditTrail {
  /** Throws when it can't be written; then the act is not done either. */
  recordIntent(intent: Omit<AuditIntent, "node">): Promise<void>;
  recordOutcome(outcome: AuditOutcome): Promise<void>;
}

const ACTIONS: ReadonlySet<string> = new Set([
  "retry",
  "resolve",
  "cancel",
  "redeliver",
  "rotate",
] satisfies AuditAction[]);
const ENDPOINT = /\/webhook_endpoints\/\{[a-z_]+\}$/;
const MAX_REASON_CHARS = 500;
const MAX_SUBJECT_CHARS = 64;

const isAction = (text: string): text is AuditAction => ACTIONS.has(text);

/** Null for a route that nobody decides anything at. */
function actionOf({ method, path }: RouteConfig): AuditAction | null {
  if (ENDPOINT.test(path)) return method === "delete" ? "delete" : method === "patch" ? "change" : null;
  const action = path.split("/").at(-1) ?? "";
  return method === "post" && isAction(action) ? action : null;
}

/** The middleware for a route whose acts are written down; null for all others. */
export function createAudit(
  trail: AuditTrail,
  { ports, log }: { readonly ports: Ports; readonly log: Logger },
): (route: RouteConfig) => HttpMiddleware | null {
  return (route) => {
    const routeAction = actionOf(route);
    if (routeAction === null) return null;
    const parameter = /\{([a-z_]+)\}/.exec(route.path)?.[1] ?? "";
    return async (c, next) => {
      const { merchantId, apiKeyId, via } = c.get("caller");
      const id = newUuid(ports);
      const { action, reason } = describe(routeAction, await readDecision(c));
      await trail.recordIntent({
        merchantId,
        id,
        apiKeyId,
        via,
        action,
        subject: safe(c.req.param(parameter) ?? "", MAX_SUBJECT_CHARS) ?? "",
        reason,
        requestId: c.get("requestId"),
      });
      await next();
      await trail.recordOutcome({ merchantId, id, status: c.res.status }).catch((error: unknown) => {
        log.error({ err: error, audit_id: id, status: c.res.status }, "the outcome of an audited act was not written");
      });
    };
  };
}

/** The body, if it is one. Whether it is right is for the route to say. */
async function readDecision(c: HttpContext): Promise<unknown> {
  try {
    const bytes = await readBytes(c.req.raw.clone(), MAX_BODY_BYTES);
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null;
  }
}

interface Description {
  readonly action: AuditAction;
  /** What was given as the reason, what a redelivery is to send, or what of an endpoint changes. */
  readonly reason: string | null;
}

function describe(action: AuditAction, body: unknown): Description {
  if (action === "change") return describeChange(body);
  const text = action === "redeliver" ? describeRange(body) : memberOf(body, "reason");
  return { action, reason: text === null ? null : safe(text, MAX_REASON_CHARS) };
}

/** Names only: an address may hold a secret of the merchant's. */
function describeChange(body: unknown): Description {
  const given = typeof body === "object" && body !== null ? body : {};
  const isEnabled: unknown = Reflect.get(given, "enabled");
  const others = ["url", "events", "description"].filter((name) => name in given);
  const action = isEnabled === true ? "enable" : isEnabled === false ? "disable" : "change";
  return { action, reason: others.length === 0 ? null : others.join(", ") };
}

function memberOf(body: unknown, name: string): string | null {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : null;
  return typeof value === "string" ? value : null;
}

/** `status parked, from …, to …`: of a range as much as was said; null for a single delivery. */
function describeRange(body: unknown): string | null {
  const said = ["status", "from", "to"].flatMap((name) => {
    const value = memberOf(body, name);
    return value === null ? [] : [`${name} ${value}`];
  });
  return said.length === 0 ? null : said.join(", ");
}

/** Null for what must never be stored. */
function safe(text: string, maxChars: number): string | null {
  const clean = text.replaceAll("\0", "");
  return containsCardNumber(clean) ? null : clean.slice(0, maxChars);
}
