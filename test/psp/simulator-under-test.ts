/** A simulator in this process, a connector to it, and a place that receives its notices. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { systemPorts } from "../../src/core/ports.ts";
import type { ChargeRequest, PspNotice } from "../../src/psp/connector.ts";
import { createSimulatorConnector, type SimulatorConnector } from "../../src/psp/simulator/connector.ts";
import { startSimulator } from "../../src/psp/simulator/server.ts";
import { createTempFolder } from "../support/temp-folder.ts";

export const SECRET = `whsec_${Buffer.from("a secret of thirty-two bytes, ok").toString("base64")}`;
/** Shorter than in life, so that a token that never answers costs a test little. */
export const TIMEOUT_MS = 300;

export interface Effect {
  readonly id: string;
  readonly kind: string;
  readonly payment_order_id: string;
  readonly idempotency_key: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
}

export interface SimulatorUnderTest {
  readonly url: string;
  readonly connector: SimulatorConnector;
  /** A call of the control side; the JSON that it answers. */
  control(method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<unknown>;
  effects(paymentOrderId: string): Promise<readonly Effect[]>;
  close(): Promise<void>;
}

export async function startSimulatorUnderTest(
  options: { readonly delayScale?: number } = {},
): Promise<SimulatorUnderTest> {
  const folder = createTempFolder("simulator");
  const simulator = await startSimulator({ port: 0, dataDir: folder.path, delayScale: options.delayScale ?? 0.1 });
  const connector = connectTo(simulator.url);
  const control = (method: string, path: string, body?: unknown) => controlCall(simulator.url, method, path, body);
  return {
    url: simulator.url,
    connector,
    control,
    effects: (paymentOrderId) => effectsOf(simulator.url, paymentOrderId),
    async close() {
      connector.close();
      await simulator.close();
      folder.remove();
    },
  };
}

export function connectTo(baseUrl: string, timeoutMs = TIMEOUT_MS): SimulatorConnector {
  return createSimulatorConnector({ account: "simulator", baseUrl, timeoutMs, ports: systemPorts });
}

export async function controlCall(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${url}/_sim${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

export async function effectsOf(url: string, paymentOrderId: string): Promise<readonly Effect[]> {
  return (await controlCall(url, "GET", `/effects?payment_order_id=${paymentOrderId}`)) as readonly Effect[];
}

/** A charge of 100.00 USD for an order of its own. */
export function aCharge(changes: Partial<ChargeRequest> = {}): ChargeRequest {
  const orderId = randomUUID();
  return {
    merchantId: 7,
    orderId,
    paymentOrderId: `po_${orderId}`,
    checkoutId: `chk_${orderId}`,
    amountMinor: 10_000n,
    currency: "USD",
    paymentMethodToken: "pm_card_visa",
    returnUrl: null,
    ...changes,
  };
}

export interface ReceivedNotice {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly id: string;
  readonly verdict: "genuine" | "forged" | "stale";
  /** Null unless genuine. */
  readonly notice: PspNotice | null;
}

export interface NoticeReceiver {
  readonly url: string;
  readonly received: readonly ReceivedNotice[];
  /** The status of the next answers; 200 at first. */
  answerWith(status: number): void;
  /** Types in the order of arrival. */
  types(): readonly string[];
  close(): Promise<void>;
}

/** Plays Florin's webhook endpoint: reads each notice through the connector. */
export async function startNoticeReceiver(connector: SimulatorConnector): Promise<NoticeReceiver> {
  const received: ReceivedNotice[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const verdict = connector.readNotice({ body, headers, nowMs: Date.now(), secrets: [SECRET] });
    received.push({
      headers,
      body,
      id: headers["webhook-id"] ?? "",
      verdict: verdict.kind,
      notice: verdict.kind === "genuine" ? verdict.notice : null,
    });
    response.statusCode = verdict.kind === "genuine" ? status : 401;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    answerWith: (next) => {
      status = next;
    },
    types: () => received.map((entry) => entry.notice?.type ?? entry.verdict),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
