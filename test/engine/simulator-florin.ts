/** Florin against the real simulator: its connector, its notices over HTTP, its truth. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Refusal, REFUSAL_STATUS } from "../../src/core/errors.ts";
import type { Ports } from "../../src/core/ports.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { type Processor, webhookSecretName } from "../../src/processor.ts";
import type { ChargeCall, Connector } from "../../src/psp/connector.ts";
import { createGuardedConnector } from "../../src/psp/guarded-connector.ts";
import { type Effect, SECRET, type SimulatorUnderTest, startSimulatorUnderTest } from "../psp/simulator-under-test.ts";
import { expectIntegrity } from "../support/integrity.ts";
import { type FlorinUnderTest, startFlorinUnderTest } from "./florin-under-test.ts";

/** Shorter than the simulator's own 5 s, which a test with `delayScale` 0.1 need not wait for. */
export const SETTLE_TIME_MS = 600;

export interface SentCall extends ChargeCall {
  readonly kind: "charge" | "inquiry";
  readonly atMs: number;
}

export interface SimulatorFlorin extends FlorinUnderTest {
  readonly simulator: SimulatorUnderTest;
  /** The simulator's connector behind the guard of production; what it sends is remembered. */
  readonly connector: Connector;
  readonly sent: readonly SentCall[];
  sentFor(orderId: string): readonly SentCall[];
  effectsOf(paymentOrderId: string): Promise<readonly Effect[]>;
  /** Notices of the simulator go to this node from now on. */
  listen(node: Pick<Processor, "webhooks">): Promise<void>;
}

export async function startSimulatorFlorin(options: { readonly delayScale?: number } = {}): Promise<SimulatorFlorin> {
  const florin = await startFlorinUnderTest();
  const simulator = await startSimulatorUnderTest(options);
  const sent: SentCall[] = [];
  const recording: Connector = {
    ...simulator.connector,
    limits: { ...simulator.connector.limits, settleTimeMs: SETTLE_TIME_MS },
    charge(call) {
      sent.push({ kind: "charge", ...call, atMs: performance.now() });
      return simulator.connector.charge(call);
    },
    inquire(call) {
      sent.push({ kind: "inquiry", body: "", ...call, atMs: performance.now() });
      return simulator.connector.inquire(call);
    },
  };
  let server: Server | null = null;
  return {
    ...florin,
    simulator,
    // Tokens that lose answers in a row must not close the circuit for the tests beside them.
    connector: createGuardedConnector(recording, { ports: systemPorts, failuresToOpen: 1_000 }),
    get sent() {
      return sent;
    },
    sentFor: (orderId) => sent.filter(({ idempotencyKey }) => idempotencyKey.startsWith(orderId)),
    async effectsOf(paymentOrderId) {
      return simulator.effects(paymentOrderId);
    },
    async listen(node) {
      await florin.owner`INSERT INTO settings (name, value) VALUES (${webhookSecretName("simulator")}, ${SECRET}) ON CONFLICT DO NOTHING`;
      server = createServer(async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk);
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        );
        try {
          await node.webhooks.receive("simulator", Buffer.concat(chunks), headers);
          response.statusCode = 200;
        } catch (error) {
          response.statusCode = error instanceof Refusal ? REFUSAL_STATUS[error.code] : 500;
        }
        response.end();
      });
      const listening = server;
      await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
      const { port } = listening.address() as AddressInfo;
      await simulator.control("PUT", "/webhook", { url: `http://127.0.0.1:${port}/`, secret: SECRET });
    },
    expectIntegrity: () => expectIntegrity({ sql: florin.owner, psp: simulator }),
    async close() {
      server?.closeAllConnections();
      server?.close();
      await simulator.close();
      await florin.close();
    },
  };
}

export interface ShiftedPorts extends Ports {
  /** Added to the wall clock. An hour back makes every deadline due as soon as it is set. */
  offsetMs: number;
}

export const HOUR_MS = 3_600_000;

export function createShiftedPorts(): ShiftedPorts {
  const ports: ShiftedPorts = {
    offsetMs: 0,
    random: systemPorts.random,
    timers: systemPorts.timers,
    clock: { nowMs: () => Date.now() + ports.offsetMs, monotonicMs: systemPorts.clock.monotonicMs },
  };
  return ports;
}
