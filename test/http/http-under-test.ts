/** The whole HTTP front over the real processor, a database of its own and a simulator in this process. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { pino } from "pino";
import postgres from "postgres";
import { Registry } from "prom-client";
import { expect } from "vitest";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { connectAccess } from "../../src/db/access.ts";
import type { CommittedStep } from "../../src/engine/engine.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { connectEventAccess } from "../../src/db/event-access.ts";
import { createConsole } from "../../src/console/server/console.ts";
import { connectConsoleAccess } from "../../src/db/console-access.ts";
import { connectDatabase } from "../../src/db/client.ts";
import { openDatabase } from "../../src/db/queries/database.ts";
import { bindReads } from "../../src/db/reads.ts";
import { createMerchantEvents, type MerchantEvents } from "../../src/events/merchant-events.ts";
import { createHttpApp, type HttpApp } from "../../src/http/app.ts";
import type { HttpDeps } from "../../src/http/http-deps.ts";
import { showCheckout } from "../../src/http/views/order-view.ts";
import { SCOPES } from "../../src/core/scopes.ts";
import { createPayLinks, type PayLinks } from "../../src/payments/pay-links.ts";
import { createProcessor, type Processor, webhookSecretName } from "../../src/processor.ts";
import { SECRET, type SimulatorUnderTest, startSimulatorUnderTest } from "../psp/simulator-under-test.ts";
import { createTestDatabase } from "../support/database.ts";
import { isObject, type JsonObject } from "../support/json-schema.ts";
import { findAnswerFaults } from "../support/openapi-check.ts";

export const PUBLIC_URL = "http://florin.example";

export interface Merchant {
  readonly merchantId: number;
  readonly key: string;
  /** Another key of the merchant with these scopes alone. */
  addKey(scopes: readonly string[]): Promise<string>;
}

export interface HttpUnderTest {
  readonly app: HttpApp;
  readonly document: JsonObject;
  readonly processor: Processor;
  readonly simulator: SimulatorUnderTest;
  readonly payLinks: PayLinks;
  readonly events: MerchantEvents;
  readonly merchant: Merchant;
  /** As the database's owner. */
  readonly sql: postgres.Sql;
  /** As `florin_app`. */
  readonly databaseUrl: string;
  /** Everything that was logged, as text. */
  readonly logged: () => string;
  addMerchant(mode?: "test" | "live"): Promise<Merchant>;
  /** Another front over the same processor with other settings. */
  openFront(changes: Partial<HttpDeps>): HttpApp;
  /** A request whose answer is held against the document. Paths begin with a slash. */
  ask(path: string, init?: AskInit): Promise<Response>;
  /** Serves the front over real HTTP; returns its address. The simulator's notices come there. */
  listen(): Promise<string>;
  close(): Promise<void>;
}

export interface AskInit {
  readonly method?: string;
  /** null sends no Authorization header. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is a text, bytes or a stream. */
  readonly body?: unknown;
  readonly app?: HttpApp;
}

export async function startHttpUnderTest(): Promise<HttpUnderTest> {
  const database = await createTestDatabase();
  const simulator = await startSimulatorUnderTest();
  const sql = postgres(database.ownerUrl, { max: 2, onnotice: () => {} });
  const lines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
  const signingKey = randomBytes(32);
  const payLinks = createPayLinks(PUBLIC_URL, signingKey);
  let onStep = (_step: CommittedStep): void => {};
  const processor = await createProcessor({
    database: connectAccess(database.appUrl),
    openLeases: chooseLeases({ redisUrl: null }),
    connectors: [simulator.connector],
    policy: "swift",
    ports: systemPorts,
    log,
    leaseTtlMs: 10_000,
    maxLiveActors: 10_000,
    hostedExpiryMs: 60_000,
    toPayUrl: payLinks.toPayUrl,
    onStep: (step) => onStep(step),
  });
  processor.start();
  await sql`INSERT INTO settings (name, value) VALUES (${webhookSecretName("simulator")}, ${SECRET})`;
  const reader = connectDatabase(database.appUrl, { name: "florin http", max: 4, statementTimeoutMs: 5_000 });
  const reads = bindReads(openDatabase(reader));
  const events = createMerchantEvents({
    access: connectEventAccess(database.appUrl),
    node: processor.node,
    signingKey,
    readPaymentEvent: async (merchantId, checkoutId) => {
      const row = await reads.findCheckout(merchantId, checkoutId);
      return row === null ? null : showCheckout(row);
    },
    allowPrivate: true,
    redis: null,
    ports: systemPorts,
    log,
  });
  events.start();
  const operatorsConsole = createConsole({
    access: connectConsoleAccess(database.appUrl),
    reads,
    node: processor.node,
    statistics: () => processor.statistics.store.getSnapshot().context,
    psps: () => [],
    pspAccounts: [...processor.connectors.keys()],
    publicUrl: PUBLIC_URL,
    ports: systemPorts,
    log,
  });
  operatorsConsole.start();
  onStep = (step) => {
    events.wake();
    operatorsConsole.onStep(step);
  };
  const deps: HttpDeps = {
    reads,
    payments: processor.payments,
    webhooks: processor.webhooks,
    connectors: processor.connectors,
    payLinks,
    events,
    console: operatorsConsole,
    audit: operatorsConsole.audit,
    signingKey,
    ports: systemPorts,
    log,
    metrics: new Registry(),
    publicUrl: PUBLIC_URL,
    version: "0.1.0",
    rateLimit: null,
    findUnreadiness: async () => null,
    clientAddress: () => "192.0.2.1",
  };
  const app = createHttpApp(deps);
  const document: unknown = await (await app.request("/openapi.json")).json();
  if (!isObject(document)) throw new Error("the document is no object");

  async function addMerchant(mode: "test" | "live" = "test"): Promise<Merchant> {
    const [row] = await sql<{ merchant_id: number }[]>`
      INSERT INTO merchants (name, mode) VALUES ('A shop', ${mode}) RETURNING merchant_id`;
    const merchantId = row?.merchant_id ?? 0;
    const addKey = async (scopes: readonly string[]): Promise<string> => {
      const secret = `sk_${mode}_${randomBytes(24).toString("base64url")}`;
      const hash = createHash("sha256").update(secret).digest();
      await sql`INSERT INTO api_keys (api_key_id, merchant_id, name, secret_hash, last_four, scopes)
        VALUES (${newUuid(systemPorts)}, ${merchantId}, 'test', ${hash}, ${secret.slice(-4)}, ${[...scopes]})`;
      return secret;
    };
    return { merchantId, key: await addKey(SCOPES), addKey };
  }

  const merchant = await addMerchant();
  const server = createServer(getRequestListener(app.fetch));
  server.on("upgrade", operatorsConsole.onUpgrade);

  return {
    app,
    document,
    processor,
    simulator,
    payLinks,
    events,
    merchant,
    sql,
    databaseUrl: database.appUrl,
    logged: () => lines.join(""),
    addMerchant,
    openFront: (changes) => createHttpApp({ ...deps, metrics: new Registry(), ...changes }),
    async ask(path, init = {}) {
      const method = init.method ?? (init.body === undefined ? "GET" : "POST");
      const answer = await (init.app ?? app).request(path, toRequestInit(method, init, merchant));
      const asked = { method, path: path.split("?")[0] ?? "" };
      expect(await findAnswerFaults(document, asked, answer)).toEqual([]);
      return answer;
    },
    async listen() {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await simulator.control("PUT", "/webhook", { url: `${url}/psp/simulator/webhooks`, secret: SECRET });
      return url;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await operatorsConsole.stop();
      await events.stop(500);
      await processor.stop(1_000);
      await Promise.all([reader.end({ timeout: 1 }), sql.end({ timeout: 1 })]);
      await simulator.close();
      await database.drop();
    },
  };
}

let keysMade = 0;

function toRequestInit(method: string, { key, headers = {}, body }: AskInit, merchant: Merchant): RequestInit {
  keysMade += 1;
  const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
  const sent: Record<string, string> = {
    ...(key === null ? {} : { authorization: `Bearer ${key ?? merchant.key}` }),
    ...(method === "POST" ? { "idempotency-key": `key-${keysMade}` } : {}),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headers,
  };
  const kept = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== ""));
  if (body === undefined) return { method, headers: kept };
  const payload = isRaw ? (body as BodyInit) : JSON.stringify(body);
  return {
    method,
    headers: kept,
    body: payload,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  } as RequestInit;
}

let ordersMade = 0;

export interface OrderBody {
  readonly payment_order_id: string;
  readonly seller_account: string;
  readonly amount: string;
  readonly currency: string;
  readonly platform_fee: string;
}

/** One order of 100.00 USD with a fee of 3.00 to `s1`. */
export function anOrder(changes: Readonly<Record<string, unknown>> = {}): OrderBody & Record<string, unknown> {
  ordersMade += 1;
  return {
    payment_order_id: `po_${ordersMade}`,
    seller_account: "s1",
    amount: "100.00",
    currency: "USD",
    platform_fee: "3.00",
    ...changes,
  };
}

/** A checkout with one order, paid with a card that succeeds. */
export function aPayment(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { payment_method: { token: "pm_card_visa" }, payment_orders: [anOrder()], ...changes };
}

/** The body of an answer as an object. */
export async function bodyOf(answer: Response): Promise<JsonObject> {
  const body: unknown = await answer.json();
  if (!isObject(body)) throw new Error(`the answer is no object: ${JSON.stringify(body)}`);
  return body;
}
