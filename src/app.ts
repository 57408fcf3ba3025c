/** Composition root: everything is wired here, by hand, in the order in which it starts. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { type Console, createConsole } from "./console/server/console.ts";
import { type Ports, withinTime } from "./core/ports.ts";
import { connectAccess, type Statements } from "./db/access.ts";
import { connectDatabase } from "./db/client.ts";
import { connectConsoleAccess } from "./db/console-access.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./db/embedded/embedded-postgres.ts";
import { ensureBootstrapKey, makeSecret } from "./db/merchants.ts";
import { runMigrations } from "./db/migrate.ts";
import { connectEventAccess } from "./db/event-access.ts";
import { openDatabase } from "./db/queries/database.ts";
import { bindReads } from "./db/reads.ts";
import { confirmPspIdentity } from "./db/psp-identity.ts";
import { makeWebhookSecret, readOrMakeSetting, readSigningKey } from "./db/shared-settings.ts";
import type { OpenOrderCount } from "./db/statements/operation.ts";
import type { CommittedStep } from "./engine/engine.ts";
import { OWNERSHIP_MS } from "./engine/ownership.ts";
import { chooseLeases } from "./engine/leases/open-leases.ts";
import { createMerchantEvents } from "./events/merchant-events.ts";
import { createHttpApp } from "./http/app.ts";
import { addEventMetrics } from "./http/event-metrics.ts";
import { createMetrics } from "./http/metrics.ts";
import { showCheckout } from "./http/views/order-view.ts";
import { createPayLinks } from "./payments/pay-links.ts";
import { createProcessor, type Processor, webhookSecretName } from "./processor.ts";
import type { Connector } from "./psp/connector.ts";
import { createGuardedConnector } from "./psp/guarded-connector.ts";
import { type KeptSimulator, keepSimulatorProcess } from "./psp/simulator/child.ts";
import { createSimulatorConnector } from "./psp/simulator/connector.ts";
import { confirmSimulator, createGate, keepRegistering, type SimulatorLink } from "./psp/simulator/link.ts";

export interface App {
  readonly url: string;
  /** Where the PSP simulator listens. */
  readonly simulatorUrl: string;
  /** The key that the embedded start keeps in `DATA_DIR`; null when keys are managed elsewhere. */
  readonly bootstrapKey: string | null;
  readonly processor: Processor;
  /** `/readyz` says 503, work is finished or handed over, everything is closed. Within 10 s. */
  stop(): Promise<void>;
}

const VERSION = "0.1.0";
const SIMULATOR_ACCOUNT = "simulator";
/** How long a hosted page waits for its buyer before the order expires. */
const HOSTED_EXPIRY_MS = 24 * 60 * 60 * 1_000;
const QUERY_CONNECTIONS = 6;
const QUERY_TIMEOUT_MS = 10_000;
const PROBE_PATIENCE_MS = 2_000;
const COUNT_CACHE_MS = 5_000;
/** Connections that are still open after this are cut, so that a stop ends within 10 s. */
const HTTP_GRACE_MS = 5_000;
/**
 * For calls that are out at a PSP while the last requests are answered; what is not back by then is handed over. Requests
 * that wait for them are answered then, so that this must end before their connections are cut.
 */
const DRAIN_MS = 4_000;
const FINAL_DRAIN_MS = 500;
/** For webhooks that are out; what is not answered by then is sent again by another node, or at the next start. */
const WEBHOOK_GRACE_MS = 3_000;

export async function startApp(
  config: Config,
  { log, ports }: { readonly log: Logger; readonly ports: Ports },
): Promise<App> {
  const cleanUps: (() => Promise<void> | void)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const undo of cleanUps.reverse()) {
      await Promise.resolve(undo()).catch((error: unknown) => log.warn({ err: error }, "a part did not close cleanly"));
    }
  };
  try {
    return await startParts(config, { log, ports }, cleanUps, cleanUp);
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function startParts(
  config: Config,
  { log, ports }: { readonly log: Logger; readonly ports: Ports },
  cleanUps: (() => Promise<void> | void)[],
  cleanUp: () => Promise<void>,
): Promise<App> {
  const database = await openStore(config, { log, ports });
  cleanUps.push(database.close);

  const queries = connectDatabase(database.url, {
    name: "florin http",
    max: QUERY_CONNECTIONS,
    statementTimeoutMs: QUERY_TIMEOUT_MS,
  });
  cleanUps.push(() => queries.end({ timeout: 2 }));
  const setup = connectDatabase(database.url, { name: "florin setup", max: 1, statementTimeoutMs: QUERY_TIMEOUT_MS });
  const bootstrapKey = chooseBootstrapKey(config, ports);
  if (bootstrapKey !== null) await ensureBootstrapKey(setup, ports, bootstrapKey);
  const signingKey = await readSigningKey(setup, ports.random);
  const webhookSecret = await readOrMakeSetting(setup, webhookSecretName(SIMULATOR_ACCOUNT), () =>
    makeWebhookSecret(ports.random),
  );
  // The folder's lock says that no other Florin lives on this database: what the last one left is ours at once.
  if (config.databaseUrl === null) await setup`UPDATE nodes SET stopped_at = now() WHERE stopped_at IS NULL`;
  await setup.end({ timeout: 2 });

  const simulator = await startSimulatorIfWanted(config, log);
  if (simulator === null)
    throw new Error("no PSP is configured: set PSP_SIMULATOR_URL, or leave PSP_SIMULATOR_PORT on");
  cleanUps.push(simulator.stop);
  let node: string | null = null;
  const gate = createGate(connectSimulator(config, ports, simulator.url));
  const link: SimulatorLink = {
    simulatorUrl: simulator.url,
    gate,
    isRightOne: (identity) =>
      confirmPspIdentity(queries, { psp: SIMULATOR_ACCOUNT, identity, node, ownershipMs: OWNERSHIP_MS }),
    log,
    ports,
  };
  await confirmSimulator(link);
  const connectors = [createGuardedConnector(gate, { ports })];

  let isReady = false;
  let reach: { url: string } | null = null;
  const publicUrl = (): string => config.publicUrl ?? reach?.url ?? `http://${config.host}:${config.port}`;
  const payLinks = createPayLinks(config.publicUrl ?? `http://${config.host}:${config.port}`, signingKey);

  let onStep = (_step: CommittedStep): void => {};
  const processor = await createProcessor({
    database: connectAccess(database.url),
    openLeases: chooseLeases({ redisUrl: config.redisUrl }),
    connectors,
    policy: "swift",
    ports,
    log,
    leaseTtlMs: config.leaseTtlMs,
    maxLiveActors: config.maxLiveActors,
    hostedExpiryMs: HOSTED_EXPIRY_MS,
    toPayUrl: payLinks.toPayUrl,
    onStep: (step) => onStep(step),
  });
  cleanUps.push(() => processor.stop(FINAL_DRAIN_MS));
  node = processor.node;

  const reads = bindReads(openDatabase(queries));
  const events = createMerchantEvents({
    access: connectEventAccess(database.url),
    node: processor.node,
    signingKey,
    readPaymentEvent: async (merchantId, checkoutId) => {
      const row = await reads.findCheckout(merchantId, checkoutId);
      return row === null ? null : showCheckout(row);
    },
    allowPrivate: config.webhookAllowPrivate,
    redis: config.redisUrl === null ? null : { url: config.redisUrl, maxLength: config.eventStreamLength },
    ports,
    log,
  });
  cleanUps.push(() => events.stop(WEBHOOK_GRACE_MS));

  const psps = () =>
    connectors.map((connector) => {
      const { inFlight, queued, breaker } = connector.stats();
      return { psp: connector.account, inFlight, queued, isOpen: breaker !== "closed" };
    });
  const consoleServer = createConsole({
    access: connectConsoleAccess(database.url),
    reads,
    node: processor.node,
    statistics: () => processor.statistics.store.getSnapshot().context,
    psps: () => psps().map(({ psp, inFlight, isOpen }) => ({ psp, in_flight: inFlight, is_open: isOpen })),
    pspAccounts: [...processor.connectors.keys()],
    publicUrl: publicUrl(),
    ports,
    log,
  });
  cleanUps.push(consoleServer.stop);
  onStep = (step) => {
    events.wake();
    consoleServer.onStep(step);
  };

  const metrics = createMetrics({
    statistics: () => processor.statistics.store.getSnapshot().context,
    liveActors: () => processor.engine.size().live,
    journalDepth: processor.journal.depth,
    isLeaseStoreAvailable: processor.leases.isAvailable,
    psps,
    countOrders: createOrderCounter(processor.statements, ports),
  });
  addEventMetrics({ registry: metrics, events, ports });
  const http = createHttpApp({
    reads,
    payments: processor.payments,
    webhooks: processor.webhooks,
    connectors: processor.connectors,
    payLinks,
    events,
    console: consoleServer,
    audit: consoleServer.audit,
    signingKey,
    ports,
    log,
    metrics,
    publicUrl: publicUrl(),
    version: VERSION,
    rateLimit: config.rateLimit,
    findUnreadiness: () => findUnreadiness(processor, ports, isReady),
    clientAddress: (c) => getConnInfo(c).remote.address ?? "unknown",
  });

  const server = await listen(http.fetch, consoleServer.onUpgrade, config);
  reach = server;
  // Both at once: requests that wait for an order need the order's call to come back.
  cleanUps.push(async () => {
    events.endStreams();
    consoleServer.endStreams();
    await Promise.all([server.close(), processor.engine.drain(DRAIN_MS), events.stop(WEBHOOK_GRACE_MS)]);
  });
  const webhook = {
    url: `${config.simulatorWebhookUrl ?? publicUrl()}/psp/${SIMULATOR_ACCOUNT}/webhooks`,
    secret: webhookSecret,
  };
  cleanUps.push(await keepRegistering({ ...link, webhook }));
  processor.start();
  events.start();
  consoleServer.start();
  isReady = true;

  return {
    url: publicUrl(),
    simulatorUrl: simulator.url,
    // On a shared database its secret is somebody else's to show: what is printed there ends in a log.
    bootstrapKey: config.databaseUrl === null ? bootstrapKey : null,
    processor,
    async stop() {
      isReady = false;
      await cleanUp();
    },
  };
}

interface Store {
  /** As `florin_app`. */
  readonly url: string;
  close(): Promise<void>;
}

async function openStore(
  config: Config,
  { log, ports }: { readonly log: Logger; readonly ports: Ports },
): Promise<Store> {
  if (config.databaseUrl !== null) {
    await runMigrations(config.migrationDatabaseUrl ?? config.databaseUrl);
    return { url: config.databaseUrl, close: async () => {} };
  }
  const embedded: EmbeddedPostgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    ports,
    log,
    onGaveUp: (error) => {
      log.fatal({ err: error }, "the embedded database does not stay up; Florin ends");
      process.exit(1);
    },
  });
  try {
    await runMigrations(embedded.url());
    await embedded.setAppRolePassword();
  } catch (error) {
    await embedded.stop();
    throw error;
  }
  return { url: embedded.url(undefined, "app"), close: embedded.stop };
}

/** The configured key; on an embedded database else one that is made once and kept in `DATA_DIR`. */
function chooseBootstrapKey(config: Config, ports: Ports): string | null {
  if (config.bootstrapApiKey !== null) return config.bootstrapApiKey;
  if (config.databaseUrl !== null) return null;
  const path = join(config.dataDir, "bootstrap-api-key");
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    const secret = makeSecret("test", ports);
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(path, `${secret}\n`, { mode: 0o600 });
    return secret;
  }
}

async function startSimulatorIfWanted(
  config: Config,
  log: Logger,
): Promise<Pick<KeptSimulator, "url" | "stop"> | null> {
  const { simulator } = config;
  if (simulator.kind === "off") return null;
  if (simulator.kind === "remote") return { url: simulator.url, stop: async () => {} };
  return keepSimulatorProcess({
    port: simulator.port,
    host: config.host,
    dataDir: join(config.dataDir, "simulator"),
    onExit: (code) => log.error({ code }, "the PSP simulator ended; it is started again"),
  });
}

function connectSimulator(config: Config, ports: Ports, baseUrl: string): Connector {
  const timeout = config.pspTimeoutMs === null ? {} : { timeoutMs: config.pspTimeoutMs };
  return createSimulatorConnector({ account: SIMULATOR_ACCOUNT, baseUrl, ports, ...timeout });
}

async function findUnreadiness(processor: Processor, ports: Ports, isReady: boolean): Promise<string | null> {
  if (!isReady) return "starting or stopping";
  if (ports.clock.monotonicMs() >= processor.ownership.sureUntilMs(processor.ownership.claim()))
    return "the heartbeat does not reach the database";
  const probe = processor.statements.probe().then(
    () => null,
    () => "the database can't be reached",
  );
  return withinTime<string | null>(ports, PROBE_PATIENCE_MS, probe, () => "the database does not answer");
}

function createOrderCounter(statements: Pick<Statements, "countOpenOrders">, ports: Ports) {
  let cached: readonly OpenOrderCount[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async (): Promise<readonly OpenOrderCount[]> => {
    const nowMs = ports.clock.monotonicMs();
    if (nowMs - readAtMs < COUNT_CACHE_MS) return cached;
    readAtMs = nowMs;
    cached = await statements.countOpenOrders();
    return cached;
  };
}

interface Listener {
  readonly url: string;
  close(): Promise<void>;
}

async function listen(
  fetchHandler: Parameters<typeof serve>[0]["fetch"],
  onUpgrade: Console["onUpgrade"],
  config: Config,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: fetchHandler, hostname: config.host, port: config.port }, ({ port }) => {
      const host = config.host.includes(":") ? `[${config.host}]` : config.host;
      resolve({ url: `http://${host}:${port}`, close });
    });
    server.on("upgrade", onUpgrade);
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new Error(`port ${config.port} is taken: set PORT to a free one`) : error);
    });
    const close = (): Promise<void> =>
      new Promise((done) => {
        const cut = setTimeout(() => {
          if ("closeAllConnections" in server) server.closeAllConnections();
        }, HTTP_GRACE_MS);
        server.close(() => {
          clearTimeout(cut);
          done();
        });
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      });
  });
}
