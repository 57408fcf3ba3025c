/**
 * Gives committed events their order (`relay_events`), on every node: whichever comes first does it, the others find
 * the counter taken and come again. Woken by this node's own commits, it otherwise looks now and then. What the
 * database refuses is tried again for as long as it takes; an event is never lost, only late.
 */
import type { Logger } from "pino";
import { type CancelTimer, type Ports, sleep } from "../core/ports.ts";
import type { EventStatements } from "../db/event-access.ts";
import { toStoredObject } from "./event-text.ts";

/** The payment event as `GET /v1/checkouts/{checkout_id}` shows it; null when there is none. */
export type ReadPaymentEvent = (
  merchantId: number,
  checkoutId: string,
) => Promise<Readonly<Record<string, unknown>> | null>;

export interface RelayOptions {
  readonly statements: Pick<EventStatements, "listUnrendered" | "storeRendered" | "relayEvents">;
  readonly readPaymentEvent: ReadPaymentEvent;
  readonly ports: Ports;
  readonly log: Pick<Logger, "warn" | "info">;
  /** Called when this node gave events their positions. */
  readonly onRelayed: (relayed: { readonly events: number; readonly deliveries: number }) => void;
}

export interface Relay {
  start(): void;
  /** There may be something to do. Costs nothing. */
  wake(): void;
  /** Ends with the run that is under way. */
  stop(): Promise<void>;
}

/** One transaction: some milliseconds, and a lock for no longer. */
const MAX_EVENTS = 500;
/** Commits that come close together are relayed together. */
const GATHER_MS = 20;
/** Another node's events wait for this node's next look when that node has died: short after work, longer at rest. */
const BUSY_POLL_MS = 200;
const IDLE_POLL_MS = 1_000;
const BUSY_FOR_MS = 5_000;
const RETRY_MS = 500;

export function createRelay({ statements, readPaymentEvent, ports, log, onRelayed }: RelayOptions): Relay {
  let isStopped = false;
  let isAwake = false;
  let isFailing = false;
  let lastWorkMs = Number.NEGATIVE_INFINITY;
  let rouse: (() => void) | null = null;
  let running: Promise<void> | null = null;

  async function renderMissing(): Promise<void> {
    const missing = await statements.listUnrendered(MAX_EVENTS);
    if (missing.length === 0) return;
    const rendered = await Promise.all(
      missing.map(async ({ merchantId, id, checkoutId }) => {
        const object = await readPaymentEvent(merchantId, checkoutId);
        return object === null ? [] : [{ merchantId, id, data: toStoredObject(object) }];
      }),
    );
    await statements.storeRendered(rendered.flat());
  }

  /** Whether there may be more at once. */
  async function runOnce(): Promise<boolean> {
    await renderMissing();
    const relayed = await statements.relayEvents(MAX_EVENTS);
    if (relayed.events === 0) return false;
    lastWorkMs = ports.clock.monotonicMs();
    onRelayed(relayed);
    return true;
  }

  async function pause(): Promise<void> {
    const isBusy = ports.clock.monotonicMs() - lastWorkMs < BUSY_FOR_MS;
    const restMs = isFailing ? RETRY_MS : isBusy ? BUSY_POLL_MS : IDLE_POLL_MS;
    if (!isAwake) {
      let cancel: CancelTimer = () => {};
      await new Promise<void>((resolve) => {
        rouse = resolve;
        cancel = ports.timers.after(restMs, resolve);
      });
      cancel();
      rouse = null;
    }
    if (isAwake && !isStopped) await sleep(ports, isFailing ? RETRY_MS : GATHER_MS);
    isAwake = false;
  }

  async function run(): Promise<void> {
    while (!isStopped) {
      let hasMore = false;
      try {
        hasMore = await runOnce();
        if (isFailing) log.info("events are relayed again");
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, "events could not be relayed; trying until they are");
        isFailing = true;
      }
      if (!hasMore && !isStopped) await pause();
    }
  }

  return {
    start() {
      running ??= run();
    },
    wake() {
      isAwake = true;
      rouse?.();
    },
    async stop() {
      isStopped = true;
      rouse?.();
      await running;
    },
  };
}
