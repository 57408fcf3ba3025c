/**
 * Everything that happens to an event after its commit, put together: relay, webhooks, live streams, the copy to Redis.
 * A node without it still takes payments; its events wait in the database for one that has it.
 */
import type { Logger } from "pino";
import type { Ports } from "../core/ports.ts";
import type { EventAccess, EventReads } from "../db/event-access.ts";
import type { DeliveryCount } from "../db/statements/deliveries.ts";
import { createDeliverer } from "./deliverer.ts";
import { createEventCounter, type EventCounts } from "./event-counts.ts";
import { createEventStreams, type EventStreams } from "./event-streams.ts";
import { createLiveTail } from "./live-tail.ts";
import { createRedisStream, type RedisStream } from "./redis-stream.ts";
import { createRelay, type ReadPaymentEvent } from "./relay.ts";
import { createDnsResolver, type ResolveHost, resolveBySystem } from "./resolve-host.ts";
import { createWebhookSender } from "./send-webhook.ts";
import { createWebhookEndpoints, type WebhookEndpoints } from "./webhook-endpoints.ts";

/** What the HTTP front needs of it. */
export interface EventsService {
  readonly reads: EventReads;
  readonly endpoints: WebhookEndpoints;
  readonly streams: EventStreams;
}

export interface EventStatus extends EventCounts {
  readonly inFlight: number;
  readonly openStreams: number;
}

export interface MerchantEvents extends EventsService {
  /** This node committed something. Costs nothing. */
  wake(): void;
  start(): void;
  status(): EventStatus;
  /** Of all nodes: seconds that the oldest event has waited for its place in the order. */
  readRelayLag(): Promise<number>;
  /** Of all nodes and merchants. */
  countDeliveries(): Promise<readonly DeliveryCount[]>;
  /** Ends all open streams: a server waits for them when it closes. */
  endStreams(): void;
  /** Safe to call again. Begins nothing new; webhooks that are not answered within `graceMs` are left to other nodes. */
  stop(graceMs: number): Promise<void>;
}

export interface MerchantEventsOptions {
  readonly access: EventAccess;
  readonly node: string;
  readonly signingKey: Uint8Array;
  readonly readPaymentEvent: ReadPaymentEvent;
  /** Lets webhooks go to http, loopback and private addresses. */
  readonly allowPrivate: boolean;
  readonly redis: { readonly url: string; readonly keyPrefix?: string; readonly maxLength: number } | null;
  readonly ports: Ports;
  readonly log: Logger;
  /** What a dead node had claimed is sent by others after this. */
  readonly claimMs?: number;
  readonly resolveHost?: ResolveHost;
  /** Certificates that are trusted beside the usual ones; for tests. */
  readonly ca?: string;
}

export function createMerchantEvents(options: MerchantEventsOptions): MerchantEvents {
  const { access, node, signingKey, allowPrivate, ports, log } = options;
  const { statements, reads } = access;
  const counter = createEventCounter();

  const sender = createWebhookSender({
    ports,
    resolveHost: options.resolveHost ?? (allowPrivate ? resolveBySystem : createDnsResolver()),
    allowPrivate,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const deliverer = createDeliverer({
    statements,
    sender,
    signingKey,
    node,
    ports,
    log,
    ...(options.claimMs === undefined ? {} : { claimMs: options.claimMs }),
    onAttempt: (outcome, latencyMs) => counter.addAttempt(outcome, latencyMs),
  });
  const tail = createLiveTail({ statements, ports, log });
  const redis: RedisStream | null =
    options.redis === null ? null : createRedisStream({ ...options.redis, statements, node, ports, log });
  const relay = createRelay({
    statements,
    readPaymentEvent: options.readPaymentEvent,
    ports,
    log,
    onRelayed: (relayed) => {
      counter.addRelayed(relayed);
      tail.wake();
      redis?.wake();
      if (relayed.deliveries > 0) deliverer.wake();
    },
  });
  const streams = createEventStreams({ tail, statements, ports });
  const endpoints = createWebhookEndpoints({
    statements,
    reads,
    signingKey,
    allowPrivate,
    ports,
    onDue: () => deliverer.wake(),
  });

  let stopped: Promise<void> | null = null;
  async function stop(graceMs: number): Promise<void> {
    streams.stop();
    tail.stop();
    await Promise.all([relay.stop(), deliverer.stop(graceMs), redis?.stop()]);
    sender.close();
    await access.end();
  }

  return {
    reads,
    endpoints,
    streams,
    wake: () => relay.wake(),
    start() {
      relay.start();
      deliverer.start();
      redis?.start();
    },
    status: () => ({ ...counter.read(), inFlight: deliverer.inFlight(), openStreams: streams.count() }),
    readRelayLag: () => statements.readRelayLag(),
    countDeliveries: () => statements.countDeliveries(),
    endStreams: () => streams.stop(),
    stop(graceMs) {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}
