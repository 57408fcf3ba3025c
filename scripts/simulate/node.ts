/**
 * A simulated process: the real processor and the real HTTP app, on a database, lease store, PSPs, clock and chance that the
 * simulation owns. It can be killed, paused, stopped in peace and started again; each start is a new life.
 */
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { SCOPES } from "../../src/core/scopes.ts";
import type { CommittedStep } from "../../src/engine/engine.ts";
import { createHttpApp, type HttpApp } from "../../src/http/app.ts";
import { createPayLinks } from "../../src/payments/pay-links.ts";
import { createProcessor, type Processor } from "../../src/processor.ts";
import { createGuardedConnector } from "../../src/psp/guarded-connector.ts";
import { createSimulatorConnector } from "../../src/psp/simulator/connector.ts";
import type { SimulatedLeases } from "./leases.ts";
import { createLife, type Life } from "./life.ts";
import { connectSimulated, type Server, type WireWatcher } from "./network.ts";
import type { SimulatedPsp } from "./psp.ts";
import type { Seams } from "./seams.ts";
import type { World } from "./world.ts";

export const PUBLIC_URL = "http://florin.example";
const SIGNING_KEY = new Uint8Array(32).fill(7);
export const ALL_SCOPES: readonly string[] = SCOPES;

export interface NodeParts {
  readonly world: World;
  readonly server: Server;
  readonly leases: SimulatedLeases;
  readonly psps: readonly SimulatedPsp[];
  readonly seams: Seams;
  readonly watcher: WireWatcher;
  readonly onStep: (life: Life, step: CommittedStep) => void;
  /** The process complained at `error` or above. */
  readonly onError: (life: Life, message: string, fields: unknown) => void;
  /** Called before a life begins: where a process is the only one ever, what its last life left is its own at once. */
  readonly onBirth: () => Promise<void>;
}

export interface SimulatedNode {
  readonly name: string;
  readonly life: () => Life | null;
  readonly processor: () => Processor | null;
  /** Takes requests. */
  readonly isReady: () => boolean;
  /** Ready, and with nothing to do. */
  readonly isIdle: () => boolean;
  start(): Promise<void>;
  kill(): void;
  /** As SIGTERM. */
  stop(): Promise<void>;
  /** The answer, or null when none came: the process died, or is too slow for the client. */
  request(
    path: string,
    init: RequestInit,
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string } | null>;
}

const LEASE_TTL_MS = 10_000;
const MAX_LIVE_ACTORS = 1_000;
const HOSTED_EXPIRY_MS = 20_000;
const CLIENT_PATIENCE_MS = 25_000;
const DRAIN_MS = 5_000;

/** Only what goes wrong is of interest, and nothing is formatted before. */
function createLog(life: Life, parts: NodeParts): Logger {
  const ignore = (): void => {};
  const log = {
    level: "warn",
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: (fields: unknown, message: string) => parts.world.trace(life.name, `warns: ${message} ${nameError(fields)}`),
    error: (fields: unknown, message: string) => parts.onError(life, message, fields),
    fatal: (fields: unknown, message: string) => parts.onError(life, message, fields),
    child: () => log,
  };
  return log as unknown as Logger;
}

export function nameError(fields: unknown): string {
  const error = typeof fields === "object" && fields !== null && "err" in fields ? fields.err : null;
  return error instanceof Error ? `(${error.message})` : "";
}

export function createSimulatedNode(
  parts: NodeParts,
  options: { readonly name: string; readonly skewMs: number },
): SimulatedNode {
  const { world, psps } = parts;
  let life: Life | null = null;
  let processor: Processor | null = null;
  let app: HttpApp | null = null;

  async function start(): Promise<void> {
    const born = createLife(world, options);
    life = born;
    processor = null;
    app = null;
    world.trace(options.name, "starts");
    await parts.onBirth();
    if (born.isDead()) return;
    const database = connectSimulated(world, born, parts);
    const payLinks = createPayLinks(PUBLIC_URL, SIGNING_KEY);
    const log = createLog(born, parts);
    // Each place prefers another PSP, so that orders of all nodes meet at both.
    const shift = Number(/\d+$/.exec(options.name)?.[0] ?? 0) % psps.length;
    const connectors = [...psps.slice(shift), ...psps.slice(0, shift)].map((psp) =>
      createGuardedConnector(
        createSimulatorConnector({
          account: psp.account,
          baseUrl: "http://psp.example",
          ports: born.ports,
          http: psp.connect(born),
        }),
        { ports: born.ports },
      ),
    );
    const started = await createProcessor({
      database,
      openLeases: (leaseOptions) => parts.leases.open(born, leaseOptions),
      connectors,
      policy: "swift",
      ports: born.ports,
      log,
      leaseTtlMs: LEASE_TTL_MS,
      maxLiveActors: MAX_LIVE_ACTORS,
      hostedExpiryMs: HOSTED_EXPIRY_MS,
      toPayUrl: payLinks.toPayUrl,
      onStep: (step) => parts.onStep(born, step),
    });
    processor = started;
    app = createHttpApp({
      reads: database.reads,
      payments: started.payments,
      webhooks: started.webhooks,
      connectors: started.connectors,
      events: null,
      console: null,
      audit: null,
      payLinks,
      signingKey: SIGNING_KEY,
      ports: born.ports,
      log,
      metrics: new Registry(),
      publicUrl: PUBLIC_URL,
      version: "simulated",
      rateLimit: null,
      findUnreadiness: async () => null,
      clientAddress: () => "192.0.2.1",
    });
    started.start();
    world.trace(options.name, "is ready");
  }

  const node: SimulatedNode = {
    name: options.name,
    life: () => life,
    processor: () => processor,
    isReady: () => life !== null && !life.isDead() && app !== null,
    isIdle: () =>
      node.isReady() && processor?.journal.depth() === 0 && processor.engine.size().free === MAX_LIVE_ACTORS,
    start,
    kill() {
      if (life === null || life.isDead()) return;
      world.trace(options.name, "is killed");
      life.kill();
      app = null;
      processor = null;
    },
    async stop() {
      const [stopping, ending] = [processor, life];
      if (stopping === null || ending === null || ending.isDead()) return;
      world.trace(options.name, "is told to stop");
      app = null;
      await stopping.stop(DRAIN_MS);
      ending.kill();
      world.trace(options.name, "has stopped");
    },
    request(path, init) {
      const [current, answering] = [life, app];
      if (current === null || answering === null) return Promise.resolve(null);
      return new Promise((resolve) => {
        const giveUp = world.timeline.in(CLIENT_PATIENCE_MS, () => resolve(null));
        const finish = (answer: { status: number; headers: Headers; text: string }): void => {
          if (parts.seams.pass(current, `before the answer ${answer.status}`)) return;
          giveUp();
          resolve(answer);
        };
        current.run(() => {
          void Promise.resolve(answering.request(path, init)).then(async (response) => {
            const text = await response.text();
            current.run(() => finish({ status: response.status, headers: response.headers, text }));
          });
        });
      });
    },
  };
  return node;
}
