/**
 * The outermost layer of every request: its id, the guard of its address, one line in the access log and one
 * observation in the metrics. Neither line nor metric has bodies, queries or secrets.
 */
import type { Logger } from "pino";
import { Histogram, type Registry } from "prom-client";
import { newUuid } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import { containsCardNumber, mayContainCardNumber } from "./body/card-guard.ts";
import { hasForbiddenCharacter, refuseCardData } from "./body/text-guards.ts";
import { Refusal } from "../core/errors.ts";
import type { HttpContext, HttpMiddleware } from "./http-env.ts";
import { readRequestId } from "./request-headers.ts";

export interface ObserveDeps {
  readonly ports: Ports;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Probes and scrapes come every few seconds and say nothing. */
const QUIET_ROUTES: ReadonlySet<string> = new Set(["/livez", "/readyz", "/metrics"]);
const DURATION_BUCKETS_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function observeRequests({ ports, log, metrics }: ObserveDeps): HttpMiddleware {
  const durations = new Histogram({
    name: "florin_http_request_duration_seconds",
    help: "Time from the request's head to its answer.",
    labelNames: ["method", "route", "status"],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [metrics],
  });
  return async (c, next) => {
    const startedMs = ports.clock.monotonicMs();
    c.set("requestId", readRequestId(c) ?? newUuid(ports));
    c.set("route", "other");
    await next();
    const ms = ports.clock.monotonicMs() - startedMs;
    const { status } = c.res;
    const route = c.get("route");
    const method = METHODS.has(c.req.method) ? c.req.method : "OTHER";
    durations.observe({ method, route, status }, ms / 1_000);
    const fields = {
      request_id: c.get("requestId"),
      method,
      path: route === "other" ? "other" : c.req.path,
      status,
      ms: Math.round(ms * 10) / 10,
      api_key_id: c.get("caller")?.apiKeyId,
    };
    if (QUIET_ROUTES.has(route)) log.debug(fields, "request");
    else log.info(fields, "request");
  };
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Refuses an address with a card number or control characters before anybody reads, logs or repeats it. */
export const guardAddress: HttpMiddleware = async (c, next) => {
  const { url } = c.req;
  if (url.includes("%") || mayContainCardNumber(url)) checkAddress(c);
  await next();
};

function checkAddress(c: HttpContext): void {
  const queryAt = c.req.url.indexOf("?");
  const texts = [...c.req.path.split("/"), ...(queryAt < 0 ? [] : c.req.url.slice(queryAt + 1).split(/[&=]/))];
  for (const text of texts) {
    const plain = decode(text.replaceAll("+", " "));
    if (containsCardNumber(plain)) {
      c.set("route", "other");
      throw refuseCardData();
    }
    if (hasForbiddenCharacter(plain)) {
      throw new Refusal("invalid-character", "The address has a control character; remove it.");
    }
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal("invalid-request", "The address has a broken percent escape; encode it as UTF-8.");
  }
}
