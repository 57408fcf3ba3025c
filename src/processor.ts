/**
 * The processor without its doors: engine, journal, leases, sweeper and the payments service on a database.
 * `app.ts` puts HTTP in front of it; the recovery script, the benchmark and the tests use it as it is.
 */
import { hostname } from "node:os";
import type { Logger } from "pino";
import type { PolicyName } from "../machines/payment-order-policy.ts";
import { invariant } from "./core/assert.ts";
import { newUuid } from "./core/ids.ts";
import type { Ports } from "./core/ports.ts";
import { checkDatabase } from "./db/check-database.ts";
import type { DatabaseAccess, Statements } from "./db/access.ts";
import type { ActorKind, ActorRef } from "./engine/actor.ts";
import { type ActorStore, createActorStore } from "./engine/actor-store.ts";
import { refuseUnservedPsps } from "./engine/check-psps.ts";
import { refuseForgottenVersions } from "./engine/check-versions.ts";
import { type CommittedStep, createEngine, type Engine } from "./engine/engine.ts";
import { createJournal, type Journal } from "./engine/journal.ts";
import type { Leases, OpenLeases } from "./engine/leases/leases.ts";
import type { LetterResult } from "./engine/letters.ts";
import { claimOwnership, type Ownership } from "./engine/ownership.ts";
import { createStatistics, type Statistics } from "./engine/statistics.ts";
import { createSweeper, type Sweeper } from "./engine/sweeper.ts";
import { createIdempotencyStore } from "./payments/idempotency.ts";
import { createPaymentOrderKind } from "./payments/payment-order-rows.ts";
import { createPaymentsService } from "./payments/payments.ts";
import type { PaymentsService, WebhookService } from "./payments/service.ts";
import { createWebhookService } from "./payments/webhooks.ts";
import type { Connector } from "./psp/connector.ts";

export interface ProcessorOptions {
  readonly database: DatabaseAccess;
  readonly openLeases: OpenLeases;
  /** The PSP that new orders go to comes first. All nodes must know a PSP before one of them puts it there. */
  readonly connectors: readonly Connector[];
  readonly policy: PolicyName;
  readonly ports: Ports;
  readonly log: Logger;
  readonly leaseTtlMs: number;
  readonly maxLiveActors: number;
  readonly hostedExpiryMs: number;
  readonly toPayUrl: (merchantId: number, checkoutId: string) => string;
  readonly lanes?: number;
  readonly onAdopted?: (ref: ActorRef, stateName: string, result: LetterResult) => void;
  /** Called after each committed step of this node. */
  readonly onStep?: (step: CommittedStep) => void;
}

export interface Processor {
  readonly node: string;
  readonly statements: Statements;
  readonly engine: Engine;
  readonly store: ActorStore;
  readonly journal: Journal;
  readonly leases: Leases;
  readonly ownership: Ownership;
  readonly sweeper: Sweeper;
  readonly statistics: Statistics;
  readonly payments: PaymentsService;
  readonly webhooks: WebhookService;
  readonly kinds: ReadonlyMap<string, ActorKind>;
  readonly connectors: ReadonlyMap<string, Connector>;
  /** Begins to sweep: timers, stored mail, orphans. */
  start(): void;
  /** Finishes what is under way within `graceMs`, hands the rest over, closes every connection. */
  stop(graceMs?: number): Promise<void>;
}

/** One keeps PostgreSQL busy while another's batch is being made; more only make batches smaller. */
const JOURNAL_LANES = 2;
const DEFAULT_GRACE_MS = 7_000;

/** Secrets of a PSP account's webhooks live in `settings`, so that all nodes share them. */
export const webhookSecretName = (pspAccount: string): string => `webhook_secret:${pspAccount}`;
/** A secret that another node has just changed is seen this late at worst. */
const SECRET_CACHE_MS = 2_000;

export async function createProcessor(options: ProcessorOptions): Promise<Processor> {
  const { ports, log } = options;
  const [mainConnector] = options.connectors;
  invariant(mainConnector !== undefined, "at least one PSP must be configured");
  const connectors = new Map(options.connectors.map((connector) => [connector.account, connector]));
  const node = newUuid(ports);
  const newId = (): string => newUuid(ports);

  const { database } = options;
  const { statements } = database;
  await checkDatabase(statements, ports);
  const kind = createPaymentOrderKind((psp) => (request) => {
    const connector = connectors.get(psp);
    invariant(connector !== undefined, `an order of the PSP ${psp}, which is not configured, wants to be charged`);
    return connector.buildCharge(request);
  });
  const kinds = new Map<string, ActorKind>([[kind.name, kind]]);
  await refuseForgottenVersions(statements, kind);
  await refuseUnservedPsps(statements, kind, [...connectors.keys()]);

  const ownership = await claimOwnership({
    openHeart: database.openHeart,
    ports,
    node,
    name: `${hostname()}:${process.pid}`,
    onFailure: (error) => log.warn({ err: error }, "the heartbeat did not reach the database"),
  });
  const leases = options.openLeases({
    node,
    ttlMs: options.leaseTtlMs,
    ports,
    onAvailability: (isAvailable, reason) => log.warn({ isAvailable, reason }, "redis leases"),
  });

  const statistics = createStatistics(ports);
  const journal = createJournal({
    openLane: database.openLane,
    lanes: options.lanes ?? JOURNAL_LANES,
    ports,
    onBatch: statistics.onBatch,
    onTrouble: ({ error, items, runs }) => log.warn({ err: error, items, runs }, "a batch has to run again"),
  });
  const store = createActorStore({ statements, node });
  const engine = createEngine({
    kinds,
    store,
    journal,
    leases,
    ownership,
    calls: { connectors, onCall: statistics.onCall },
    ports,
    log,
    maxLiveActors: options.maxLiveActors,
    onStep: (step) => {
      statistics.onStep(step);
      options.onStep?.(step);
    },
  });
  const sweeper = createSweeper({
    statements,
    store,
    engine,
    kinds,
    leases,
    ports,
    log,
    ...(options.onAdopted === undefined ? {} : { onAdopted: options.onAdopted }),
  });
  const payments = createPaymentsService({
    node,
    statements,
    engine,
    store,
    kind,
    keys: createIdempotencyStore(statements, ports),
    leases,
    ports,
    newId,
    checkout: {
      ports,
      connector: mainConnector,
      policy: options.policy,
      hostedExpiryMs: options.hostedExpiryMs,
      toPayUrl: options.toPayUrl,
    },
  });
  const webhooks = createWebhookService({
    statements,
    engine,
    connectors,
    secretsOf: createSecretReader(statements, ports),
    ports,
  });

  return {
    node,
    statements,
    engine,
    store,
    journal,
    leases,
    ownership,
    sweeper,
    statistics,
    payments,
    webhooks,
    kinds,
    connectors,
    start: () => sweeper.start(),
    async stop(graceMs = DEFAULT_GRACE_MS) {
      statistics.stop();
      await sweeper.stop();
      await engine.drain(graceMs);
      await ownership
        .resign()
        .catch((error: unknown) => log.warn({ err: error }, "could not resign; others adopt after the ownership time"));
      await leases.close();
      await journal.close();
      await database.end();
    },
  };
}

function createSecretReader(
  statements: Pick<Statements, "findSetting">,
  ports: Ports,
): (pspAccount: string) => Promise<readonly string[]> {
  const cache = new Map<string, { readonly secrets: readonly string[]; readonly readAtMs: number }>();
  return async (pspAccount) => {
    const nowMs = ports.clock.monotonicMs();
    const cached = cache.get(pspAccount);
    if (cached !== undefined && cached.secrets.length > 0 && nowMs - cached.readAtMs < SECRET_CACHE_MS)
      return cached.secrets;
    const value = await statements.findSetting(webhookSecretName(pspAccount));
    const secrets = (value ?? "").split(" ").filter((secret) => secret !== "");
    cache.set(pspAccount, { secrets, readAtMs: nowMs });
    return secrets;
  };
}
