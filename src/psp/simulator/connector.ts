/** Florin's adapter to the PSP simulator: builds its requests, and leaves to `classify.ts` what answers mean. */
import type { Outcome } from "../../core/outcomes.ts";
import { isUuid } from "../../core/ids.ts";
import type { Ports } from "../../core/ports.ts";
import {
  type ChargeRequest,
  type Connector,
  MAX_ANSWER_BYTES,
  type NoticeSubject,
  type NoticeVerdict,
  type PspNotice,
  type RawAnswer,
  type RawNotice,
} from "../connector.ts";
import { createHttpClient, type HttpClient, type HttpExchange } from "../http-exchange.ts";
import { verifyStandardWebhook } from "../standard-webhook.ts";
import { cleanText, isRecord, parseJsonBytes } from "../untrusted-text.ts";
import { type ChargeAnswer, readChargeAnswer } from "./charge-answer.ts";
import { classifyCharge, classifyInquiry } from "./classify.ts";

/** api.md: after this the simulator's "not found" is final. */
const SETTLE_TIME_MS = 5_000;
/** The simulator keeps keys for ever; a real PSP's 24 h is kept to, so that nothing relies on more. */
const KEY_LIFETIME_MS = 86_400_000;
const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_MAX_CONCURRENT = 256;
/** `merchant_id` is an `integer` column. */
const MAX_MERCHANT_ID = 2_147_483_647;

const STATUS_BY_TYPE: ReadonlyMap<string, Outcome["kind"]> = new Map([
  ["charge.succeeded", "succeeded"],
  ["charge.pending", "pending"],
  ["charge.failed", "declined"],
]);

export interface SimulatorConnectorOptions {
  readonly account: string;
  readonly baseUrl: string;
  readonly ports: Ports;
  readonly timeoutMs?: number;
  readonly maxConcurrent?: number;
  /** How its calls travel; default: HTTP over the network. */
  readonly http?: HttpClient;
}

export interface SimulatorConnector extends Connector {
  /** Closes idle sockets. */
  close(): void;
}

export function createSimulatorConnector(options: SimulatorConnectorOptions): SimulatorConnector {
  const { account, ports } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const http = options.http ?? createHttpClient(baseUrl);

  return {
    account,
    limits: {
      timeoutMs,
      maxConcurrent: options.maxConcurrent ?? DEFAULT_MAX_CONCURRENT,
      settleTimeMs: SETTLE_TIME_MS,
      keyLifetimeMs: KEY_LIFETIME_MS,
    },
    buildCharge: toChargeBody,
    async charge({ idempotencyKey, body }) {
      const exchange = await http.exchange({
        method: "POST",
        path: "/charges",
        headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
        body,
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      });
      const outcome = classifyCharge(exchange, { key: idempotencyKey, nowMs: ports.clock.nowMs() });
      return { outcome, raw: toRawAnswer(exchange) };
    },
    async inquire({ idempotencyKey }) {
      const exchange = await http.exchange({
        method: "GET",
        path: `/charges?idempotency_key=${encodeURIComponent(idempotencyKey)}`,
        headers: {},
        body: null,
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      });
      return { outcome: classifyInquiry(exchange, { key: idempotencyKey }), raw: toRawAnswer(exchange) };
    },
    readNotice,
    cardFormUrl({ checkoutId, returnUrl, summary }) {
      const query = new URLSearchParams({ checkout_id: checkoutId, return_url: returnUrl, summary });
      return `${baseUrl}/form?${query}`;
    },
    close: () => http.close(),
  };
}

function toChargeBody(request: ChargeRequest): string {
  return JSON.stringify({
    amount: request.amountMinor.toString(),
    currency: request.currency,
    payment_method: request.paymentMethodToken,
    capture_method: "automatic",
    return_url: request.returnUrl,
    metadata: {
      merchant_id: String(request.merchantId),
      order_id: request.orderId,
      payment_order_id: request.paymentOrderId,
      checkout_id: request.checkoutId,
    },
  });
}

const NO_BYTES = new Uint8Array(0);

function toRawAnswer(exchange: HttpExchange): RawAnswer {
  if (exchange.kind === "not_sent") return { status: null, body: NO_BYTES };
  return { status: exchange.status, body: exchange.body };
}

function readNotice(raw: RawNotice): NoticeVerdict {
  const verdict = verifyStandardWebhook(raw);
  if (verdict.kind !== "genuine") return verdict;
  return { kind: "genuine", notice: toNotice(verdict.id, parseJsonBytes(raw.body)) };
}

/** The signature vouches for the sender, not for the shape: what can't be read is kept, without a fact. */
function toNotice(eventId: string, body: unknown): PspNotice {
  if (!isRecord(body) || typeof body.type !== "string") {
    return { eventId, type: "unreadable", subject: null, fact: null };
  }
  const type = cleanText(body.type, 64);
  const charge = isRecord(body.data) ? readChargeAnswer(body.data.charge) : null;
  const subject = charge === null ? null : readSubject(charge);
  const expected = STATUS_BY_TYPE.get(type);
  if (expected === undefined) return { eventId, type, subject, fact: null };
  if (charge === null) return { eventId, type, subject, fact: { kind: "unknown", reason: "unreadable_notice" } };
  // The type says one thing and the charge another: worth asking the PSP, worth no guess.
  if (charge.fact.kind !== expected) {
    return { eventId, type, subject, fact: { kind: "unknown", reason: "contradictory_notice" } };
  }
  return { eventId, type, subject, fact: charge.fact };
}

/** Both ids go into queries as a number and a UUID; anything else would fail there. */
function readSubject({ metadata, idempotencyKey }: ChargeAnswer): NoticeSubject | null {
  const { merchant_id: merchantId, order_id: orderId } = metadata;
  if (typeof merchantId !== "string" || !/^[1-9][0-9]{0,9}$/.test(merchantId)) return null;
  if (Number(merchantId) > MAX_MERCHANT_ID) return null;
  if (typeof orderId !== "string" || !isUuid(orderId)) return null;
  return { merchantId: Number(merchantId), orderId, idempotencyKey };
}
