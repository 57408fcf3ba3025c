/** Florin as the benchmark runs it: the processor alone, or behind its HTTP front, with a PSP that says yes at once. */
import { createHash } from "node:crypto";
import { serve } from "@hono/node-server";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { systemPorts } from "../../src/core/ports.ts";
import { connectAccess } from "../../src/db/access.ts";
import { connectDatabase } from "../../src/db/client.ts";
import { createMerchant } from "../../src/db/merchants.ts";
import { openDatabase } from "../../src/db/queries/database.ts";
import { bindReads } from "../../src/db/reads.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createHttpApp } from "../../src/http/app.ts";
import { createPayLinks } from "../../src/payments/pay-links.ts";
import type { CheckoutRequest } from "../../src/payments/service.ts";
import { createProcessor, type Processor } from "../../src/processor.ts";
import type { Connector } from "../../src/psp/connector.ts";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";

export const BENCH_MERCHANT = 1;
/** Long enough that no payment of the benchmark is answered before it is settled. */
const WAIT_MS = 30_000;

export function startProcessor(options: {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly log: Logger;
  readonly connector?: Connector;
}): Promise<Processor> {
  return createProcessor({
    database: connectAccess(options.databaseUrl),
    openLeases: chooseLeases({ redisUrl: options.redisUrl }),
    connectors: [options.connector ?? createInstantConnector({ account: "instant" })],
    policy: "swift",
    ports: systemPorts,
    log: options.log,
    leaseTtlMs: 10_000,
    maxLiveActors: 200_000,
    hostedExpiryMs: 3_600_000,
    toPayUrl: () => "http://127.0.0.1/pay",
  });
}

export function toRequest(seller: string): CheckoutRequest {
  return {
    checkoutId: null,
    buyerInfo: { id: "b1", email: "b@example.com" },
    paymentMethod: { kind: "token", token: "pm_card_visa" },
    orders: [
      {
        paymentOrderId: null,
        sellerAccount: seller,
        amountMinor: 10_000n,
        currency: "USD",
        platformFeeMinor: 300n,
        description: null,
        metadata: {},
      },
    ],
    returnUrl: null,
    metadata: {},
  };
}

/** One payment from the request to its booked end. Throws when it did not succeed. */
export async function payInProcess(processor: Processor, key: string, seller: string, waitMs = WAIT_MS): Promise<void> {
  const requestHash = createHash("sha256").update(key).digest("hex");
  const answer = await processor.payments.create(
    { merchantId: BENCH_MERCHANT, key, requestHash },
    toRequest(seller),
    waitMs,
  );
  if (waitMs > 0 && !answer.body.includes('"is_payment_done":true'))
    throw new Error(`a payment did not succeed: ${answer.body}`);
}

export interface HttpFlorin {
  readonly url: string;
  readonly apiKey: string;
  readonly processor: Processor;
  stop(): Promise<void>;
}

export async function startHttpFlorin(options: {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly log: Logger;
}): Promise<HttpFlorin> {
  const processor = await startProcessor(options);
  processor.start();
  const setup = connectDatabase(options.databaseUrl, { name: "bench setup", max: 1, statementTimeoutMs: 10_000 });
  const { secret } = await createMerchant(setup, systemPorts, { name: "bench", mode: "test" });
  await setup.end();
  const queries = connectDatabase(options.databaseUrl, { name: "bench http", max: 4, statementTimeoutMs: 10_000 });
  const app = createHttpApp({
    reads: bindReads(openDatabase(queries)),
    payments: processor.payments,
    webhooks: processor.webhooks,
    connectors: processor.connectors,
    events: null,
    console: null,
    audit: null,
    payLinks: createPayLinks("http://127.0.0.1", new Uint8Array(32)),
    signingKey: new Uint8Array(32),
    ports: systemPorts,
    log: options.log,
    metrics: new Registry(),
    publicUrl: "http://127.0.0.1",
    version: "bench",
    rateLimit: null,
    findUnreadiness: async () => null,
    clientAddress: () => "127.0.0.1",
  });
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) =>
      resolve({
        url: `http://127.0.0.1:${port}`,
        apiKey: secret,
        processor,
        async stop() {
          server.close();
          await processor.stop();
          await queries.end({ timeout: 2 });
        },
      }),
    );
  });
}
