/**
 * Signed webhooks to Florin (Standard Webhooks 1.0.0): each is sent again with growing pauses until a 2xx comes
 * or the attempts are spent. Every attempt gets a fresh timestamp, as the standard demands; the id stays.
 */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Webhook as Signer } from "standardwebhooks";
import { toChargeView } from "./charge.ts";
import type { NoticeJob, Webhook } from "./journal-entries.ts";
import type { SimulatorState } from "./state.ts";

/** Sockets to Florin; more notices wait in line. */
const MAX_SOCKETS = 32;
const ANSWER_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
/** About eight minutes in all: longer than any restart of Florin in a test. */
const MAX_ATTEMPTS = 20;
/** Signs forged notices: well-formed, and nobody's secret. */
const FORGERS_SECRET = `whsec_${Buffer.from("a forger's secret, nobody's own!").toString("base64")}`;

const STATUS_BY_TYPE = {
  "charge.succeeded": "succeeded",
  "charge.pending": "pending",
  "charge.failed": "declined",
} as const;

export interface NoticeDelivery {
  readonly delivered: boolean;
  /** How long to wait before the next attempt; null when there is none. */
  readonly retryInMs: number | null;
}

export interface RawNoticeRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface NoticeSender {
  /** One attempt of all copies. `attempt` counts from 1. */
  deliver(job: NoticeJob, attempt: number): Promise<NoticeDelivery>;
  /** Posts anything; the status of the answer, null when none came. */
  post(request: RawNoticeRequest): Promise<number | null>;
  close(): void;
}

export function createNoticeSender(state: SimulatorState, publicUrl: () => string): NoticeSender {
  const agents = {
    http: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    https: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  };
  let active = 0;
  const waiting: (() => void)[] = [];
  const enter = (): Promise<void> => {
    if (active < MAX_SOCKETS) {
      active += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) active -= 1;
    else next();
  };

  const send = ({ url, headers, body }: RawNoticeRequest): Promise<number | null> =>
    new Promise((resolve) => {
      const secure = url.startsWith("https:");
      const options = {
        method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
        timeout: ANSWER_TIMEOUT_MS,
      };
      const request = secure
        ? httpsRequest(url, { ...options, agent: agents.https })
        : httpRequest(url, { ...options, agent: agents.http });
      let status: number | null = null;
      request.on("response", (response) => {
        status = response.statusCode ?? null;
        response.resume();
      });
      request.on("timeout", () => request.destroy());
      // The status alone counts; `close` always comes last, after an error too.
      request.on("error", () => {});
      request.on("close", () => resolve(status));
      request.end(body);
    });
  const post = async (request: RawNoticeRequest): Promise<number | null> => {
    await enter();
    try {
      return await send(request);
    } catch {
      return null;
    } finally {
      leave();
    }
  };

  return {
    post,
    async deliver(job, attempt) {
      const webhook = state.webhook();
      const body = noticeBody(state, job, publicUrl());
      if (webhook === null || body === null) return { delivered: false, retryInMs: null };
      const headers = signNotice({
        id: job.id,
        body,
        timestamp: new Date(),
        secrets: job.forged ? [FORGERS_SECRET] : secretsOf(webhook),
      });
      const statuses = await Promise.all(
        Array.from({ length: job.copies }, () => post({ url: webhook.url, headers, body })),
      );
      const delivered = statuses.some((status) => status !== null && status >= 200 && status < 300);
      const last = delivered || job.forged || attempt >= MAX_ATTEMPTS;
      return {
        delivered,
        retryInMs: last ? null : Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)),
      };
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

export function secretsOf(webhook: Webhook): readonly string[] {
  return webhook.previous_secret === null ? [webhook.secret] : [webhook.secret, webhook.previous_secret];
}

/** The three headers of a Standard Webhook, with one signature for each secret. */
export function signNotice(notice: {
  readonly id: string;
  readonly body: string;
  readonly timestamp: Date;
  readonly secrets: readonly string[];
}): Record<string, string> {
  const signatures = notice.secrets.map((secret) => new Signer(secret).sign(notice.id, notice.timestamp, notice.body));
  return {
    "webhook-id": notice.id,
    "webhook-timestamp": String(Math.floor(notice.timestamp.getTime() / 1_000)),
    "webhook-signature": signatures.join(" "),
  };
}

/** The charge as it was when the notice's status came up, whatever it is now. Null when it was reset away. */
function noticeBody(state: SimulatorState, job: NoticeJob, publicUrl: string): string | null {
  const charge = state.findByReference(job.reference);
  if (charge === undefined) return null;
  const view = toChargeView({ ...charge, status: STATUS_BY_TYPE[job.type] }, publicUrl);
  const createdAt = new Date(job.createdAtMs).toISOString();
  return JSON.stringify({ id: job.id, type: job.type, created_at: createdAt, data: { charge: view } });
}
