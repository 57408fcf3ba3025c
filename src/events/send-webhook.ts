/**
 * One attempt to deliver one event over HTTP. The URL and every address that its name has now are checked, and the
 * connection goes to a checked address: the name is not looked up a second time, or its owner could answer otherwise
 * then (DNS rebinding). Certificate and SNI stay those of the name. No redirect is followed, an answer is read up to a
 * small limit, and the whole attempt has one deadline.
 */
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Ports } from "../core/ports.ts";
import { parseRetryAfterMs } from "../psp/http-exchange.ts";
import { isPublicAddress } from "./address-guard.ts";
import type { HostAddress, ResolveHost } from "./resolve-host.ts";
import { toExcerpt } from "./response-excerpt.ts";
import { checkWebhookUrl, hostOf } from "./url-guard.ts";

export interface OutgoingWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Ends the attempt early, as its deadline would. */
  readonly signal: AbortSignal;
}

export interface WebhookAnswer {
  /** HTTP status; null when no answer came. */
  readonly status: number | null;
  /** Why it is no success, in a word or two; null for 2xx. */
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly excerpt: string | null;
  readonly retryAfterMs: number | null;
}

export interface WebhookSender {
  /** Never rejects. */
  send(webhook: OutgoingWebhook): Promise<WebhookAnswer>;
  /** Closes idle connections. */
  close(): void;
}

export interface SenderOptions {
  readonly ports: Ports;
  readonly resolveHost: ResolveHost;
  readonly allowPrivate: boolean;
  /** Certificates that are trusted beside the usual ones; for tests. */
  readonly ca?: string;
}

/** As Standard Webhooks recommends: 15 to 30 s. */
export const ATTEMPT_DEADLINE_MS = 15_000;
/** A receiver that has more to say than this is not listened to: status and beginning are known. */
const MAX_ANSWER_BYTES = 16_384;
/** Shorter than most servers' keep-alive: a socket that the server closes meanwhile costs an attempt. */
const IDLE_SOCKET_MS = 4_000;

export function createWebhookSender({ ports, resolveHost, allowPrivate, ca }: SenderOptions): WebhookSender {
  const agentOptions = { keepAlive: true, timeout: IDLE_SOCKET_MS, scheduling: "lifo" } as const;
  const http = new HttpAgent(agentOptions);
  const https = new HttpsAgent({ ...agentOptions, ...(ca === undefined ? {} : { ca }) });

  /** The addresses that the host has now; throws `AttemptError` when one of them may not be connected to. */
  async function findAddresses(url: URL): Promise<readonly HostAddress[]> {
    const host = hostOf(url);
    const literal = isIP(host);
    const addresses: readonly HostAddress[] =
      literal === 0 ? await resolveHost(host) : [{ address: host, family: literal === 6 ? 6 : 4 }];
    if (addresses.length === 0) throw new AttemptError("dns_no_address");
    // One bad address condemns the name: which of them is tried first is up to the network.
    if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) {
      throw new AttemptError("address_forbidden");
    }
    return addresses;
  }

  function open(
    url: URL,
    addresses: readonly HostAddress[],
    { headers, body, signal }: OutgoingWebhook,
  ): ClientRequest {
    const isSecure = url.protocol === "https:";
    const host = hostOf(url);
    const options = {
      agent: isSecure ? https : http,
      method: "POST",
      host,
      port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
      lookup: answerWith(addresses),
      signal,
    };
    return isSecure ? httpsRequest(options) : httpRequest(options);
  }

  async function attempt(webhook: OutgoingWebhook): Promise<WebhookAnswer> {
    const verdict = checkWebhookUrl(webhook.url, { allowPrivate });
    if (verdict.kind === "forbidden") throw new AttemptError("url_forbidden");
    const url = new URL(verdict.url);
    const addresses = await untilAborted(webhook.signal, findAddresses(url));
    const nowMs = ports.clock.nowMs();
    try {
      return await exchange(open(url, addresses, webhook), webhook, nowMs);
    } catch (error) {
      // The server closed an idle connection just when we used it: nothing was wrong, so try once on a fresh one.
      if (!(error instanceof StaleSocketError)) throw error;
      return await exchange(open(url, addresses, webhook), webhook, nowMs);
    }
  }

  return {
    async send(webhook) {
      const deadline = new AbortController();
      const cancel = ports.timers.after(ATTEMPT_DEADLINE_MS, () => deadline.abort());
      try {
        const signal = AbortSignal.any([webhook.signal, deadline.signal]);
        return await attempt({ ...webhook, signal });
      } catch (error) {
        const reason = deadline.signal.aborted ? "timeout" : webhook.signal.aborted ? "aborted" : reasonOf(error);
        return { status: null, error: reason, excerpt: null, retryAfterMs: null };
      } finally {
        cancel();
      }
    },
    close() {
      http.destroy();
      https.destroy();
    },
  };
}

/** What `node:net` asks instead of a resolver. */
const answerWith =
  (addresses: readonly HostAddress[]): LookupFunction =>
  (_host, options, done) => {
    const [first] = addresses;
    if (options.all === true) done(null, [...addresses]);
    else done(null, first?.address ?? "", first?.family ?? 4);
  };

class AttemptError extends Error {
  override readonly name = "AttemptError";
}

class StaleSocketError extends Error {
  override readonly name = "StaleSocketError";
}

const STALE_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/**
 * Neither part is waited for longer than the signal allows, whatever the connection does: an attempt without an end
 * would keep its place for ever.
 */
async function exchange(
  request: ClientRequest,
  { body, signal }: OutgoingWebhook,
  nowMs: number,
): Promise<WebhookAnswer> {
  const { response, chunks, ended } = await untilAborted(signal, beginAnswer(request, body));
  // Its status is known, and that alone decides: how much of its body came by then does not matter.
  await untilAborted(signal, ended).catch(() => {});
  // Of an answer that was read to its end the connection can be used again.
  if (!response.complete) request.destroy();
  return toAnswer(response, Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES), nowMs);
}

interface AnswerUnderWay {
  readonly response: IncomingMessage;
  /** What has come of its body. */
  readonly chunks: readonly Buffer[];
  /** At the end, at the limit, or when the connection breaks in the middle of the body. Never rejects. */
  readonly ended: Promise<void>;
}

function beginAnswer(request: ClientRequest, body: string): Promise<AnswerUnderWay> {
  return new Promise((resolve, reject) => {
    request.on("response", (response) => resolve(readAnswer(response)));
    // Once an answer is under way its own end or break decides, and these come too late to change anything.
    request.on("error", (error) => {
      const isStale = request.reusedSocket && STALE_CODES.has(codeOf(error));
      reject(isStale ? new StaleSocketError(error.message) : error);
    });
    // A receiver that switches protocols (101) gets its connection closed by Node without an error.
    request.on("close", () => reject(new AttemptError("connection_closed")));
    request.end(body);
  });
}

function readAnswer(response: IncomingMessage): AnswerUnderWay {
  const chunks: Buffer[] = [];
  let size = 0;
  const ended = new Promise<void>((resolve) => {
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ANSWER_BYTES) resolve();
    });
    for (const end of ["end", "error", "close"]) response.on(end, () => resolve());
  });
  return { response, chunks, ended };
}

function toAnswer(response: IncomingMessage, bytes: Uint8Array, nowMs: number): WebhookAnswer {
  const status = response.statusCode ?? 0;
  const isSuccess = status >= 200 && status < 300;
  return {
    status,
    error: isSuccess ? null : status >= 300 && status < 400 ? "redirect_refused" : `http_${status}`,
    excerpt: toExcerpt(bytes),
    retryAfterMs:
      status === 429 || status === 503 ? parseRetryAfterMs(response.headers["retry-after"] ?? null, nowMs) : null,
  };
}

function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new AttemptError("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : "");

/** `ECONNREFUSED` → `econnrefused`; never the message, which may quote what the other side sent. */
function reasonOf(error: unknown): string {
  if (error instanceof AttemptError) return error.message;
  const code = error instanceof Error ? codeOf(error) : "";
  return code === "" ? "error" : code.toLowerCase().slice(0, 64);
}
