/** A processor on a database of the test's own, with whatever PSP the test wants, and payments in one line. */
import { createHash, randomBytes } from "node:crypto";
import pino from "pino";
import { systemPorts } from "../../src/core/ports.ts";
import { connectAccess } from "../../src/db/access.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import type { CheckoutOrder, CheckoutRequest, StoredAnswer } from "../../src/payments/service.ts";
import { createProcessor, type Processor, type ProcessorOptions } from "../../src/processor.ts";
import type { Connector } from "../../src/psp/connector.ts";

export const TEST_MERCHANT = 1;

export interface TestProcessorOptions extends Partial<Omit<ProcessorOptions, "database" | "connectors">> {
  readonly databaseUrl: string;
  readonly connectors: readonly Connector[];
}

/** Started and sweeping. Stop it in the test, or `await using` it. */
export async function startTestProcessor({
  databaseUrl,
  ...options
}: TestProcessorOptions): Promise<Processor & AsyncDisposable> {
  const processor = await createProcessor({
    database: connectAccess(databaseUrl),
    openLeases: chooseLeases({ redisUrl: null }),
    policy: "swift",
    ports: systemPorts,
    log: pino({ level: process.env.LOG_LEVEL ?? "silent" }),
    leaseTtlMs: 10_000,
    maxLiveActors: 100_000,
    hostedExpiryMs: 3_600_000,
    toPayUrl: (_, checkoutId) => `http://127.0.0.1/pay/${checkoutId}`,
    ...options,
  });
  processor.start();
  let stopped: Promise<void> | null = null;
  const stop = (graceMs?: number): Promise<void> => {
    stopped ??= processor.stop(graceMs);
    return stopped;
  };
  return { ...processor, stop, [Symbol.asyncDispose]: () => stop(500) };
}

export function anOrder(order: Partial<CheckoutOrder> = {}): CheckoutOrder {
  return {
    paymentOrderId: null,
    sellerAccount: "seller-1",
    amountMinor: 10_000n,
    currency: "USD",
    platformFeeMinor: 300n,
    description: null,
    metadata: {},
    ...order,
  };
}

export function aCheckout(token: string, checkout: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return {
    checkoutId: null,
    buyerInfo: { id: "buyer-1", email: "buyer@example.com" },
    paymentMethod: { kind: "token", token },
    orders: [anOrder()],
    returnUrl: null,
    metadata: {},
    ...checkout,
  };
}

export interface PayOptions {
  readonly key?: string;
  readonly waitMs?: number;
  readonly merchantId?: number;
}

/** Creates a payment as HTTP would; the request hash follows from the request. */
export function pay(
  processor: Pick<Processor, "payments">,
  request: CheckoutRequest,
  options: PayOptions = {},
): Promise<StoredAnswer> {
  const text = JSON.stringify(request, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
  return processor.payments.create(
    {
      merchantId: options.merchantId ?? TEST_MERCHANT,
      key: options.key ?? randomBytes(12).toString("hex"),
      requestHash: createHash("sha256").update(text).digest("hex"),
    },
    request,
    options.waitMs ?? 10_000,
  );
}
