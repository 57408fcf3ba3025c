/**
 * Sends due deliveries. Any number of nodes do it together: a claim in the database says who sends which, and runs out
 * when its node dies. At least once: a result that could not be written, or a node that died after the receiver had
 * answered, means one more attempt, with the same bytes and the same `webhook-id`.
 */
import type { Logger } from "pino";
import { newUuid } from "../core/ids.ts";
import { type CancelTimer, type Ports, sleep, withinTime } from "../core/ports.ts";
import type { EventStatements } from "../db/event-access.ts";
import type { AttemptResult, ClaimedDelivery } from "../db/statements/deliveries.ts";
import { MAX_RETRY_AFTER_MS, MAX_WAIT_MS, nextAttemptInMs } from "./attempt-schedule.ts";
import { createDeliveryLanes, MAX_QUICK_OF_MERCHANT, NEW_ENDPOINT_PLACES } from "./delivery-lanes.ts";
import { eventIdOf, toEventText } from "./event-text.ts";
import { createResultWriter } from "./result-writer.ts";
import type { WebhookAnswer, WebhookSender } from "./send-webhook.ts";
import { signWebhook } from "./signing.ts";

export type DeliveryOutcome = AttemptResult["outcome"];

export interface DelivererOptions {
  readonly statements: Pick<
    EventStatements,
    | "claimDeliveries"
    | "recordAttempts"
    | "releaseDeliveries"
    | "disableGoneEndpoint"
    | "holdEndpoint"
    | "endDeliveries"
  >;
  readonly sender: WebhookSender;
  readonly signingKey: Uint8Array;
  readonly node: string;
  readonly ports: Ports;
  readonly log: Pick<Logger, "warn" | "info">;
  readonly claimMs?: number;
  readonly onAttempt?: (outcome: DeliveryOutcome, latencyMs: number) => void;
}

export interface Deliverer {
  start(): void;
  /** Something may be due. Costs nothing. */
  wake(): void;
  inFlight(): number;
  /** Begins nothing more; gives up what is not answered within `graceMs`: other nodes send it again. */
  stop(graceMs: number): Promise<void>;
}

/** An attempt takes 15 s at most, and its result some tries to be written; whose claim is older is dead or cut off. */
export const DEFAULT_CLAIM_MS = 30_000;
/** For what other nodes made due, and for attempts whose time has come. */
const POLL_MS = 500;
const RETRY_MS = 500;
/** How often it is looked for deliveries that wait in vain, and how many end at a time. */
const TIDY_EVERY_MS = 5_000;
const END_AT_A_TIME = 5_000;
const GONE = 410;

export function createDeliverer(options: DelivererOptions): Deliverer {
  const { statements, sender, signingKey, node, ports, log } = options;
  const lanes = createDeliveryLanes();
  const underWay = new Map<ClaimedDelivery, Promise<void>>();
  const stopping = new AbortController();
  let isStopped = false;
  let isFailing = false;
  let isClaiming = false;
  let isWanted = false;
  let isCut = false;
  let isTidying = false;
  let stopPolling: CancelTimer = () => {};
  let stopTidying: CancelTimer = () => {};

  const writer = createResultWriter({
    write: (results) => statements.recordAttempts(node, results),
    ports,
    onTrouble: (error) => log.warn({ err: error }, "results of webhook attempts could not be written; trying again"),
  });

  /** Claims and begins as long as that brings something. One at a time; who comes meanwhile makes it look again. */
  async function fill(): Promise<void> {
    isWanted = true;
    if (isClaiming) return;
    isClaiming = true;
    while (isWanted && !isStopped) {
      isWanted = false;
      const nowMs = ports.clock.monotonicMs();
      const limit = lanes.free(nowMs);
      if (limit === 0) {
        isCut = true;
        break;
      }
      try {
        const claimed = await statements.claimDeliveries({
          claim: newUuid(ports),
          limit,
          visibleMs: options.claimMs ?? DEFAULT_CLAIM_MS,
          defaultPlaces: NEW_ENDPOINT_PLACES,
          places: lanes.places(),
          merchantShare: MAX_QUICK_OF_MERCHANT,
          underWay: lanes.underWay(nowMs),
        });
        if (isFailing) log.info("webhooks are delivered again");
        isFailing = false;
        for (const delivery of claimed) begin(delivery);
        // Endpoints that this claim had no room for wait for any attempt to end, not for their own.
        isCut =
          claimed.length >= limit ||
          lanes.underWay(ports.clock.monotonicMs()).some(({ attempts }) => attempts >= MAX_QUICK_OF_MERCHANT);
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, "due webhooks could not be claimed; trying until they are");
        isFailing = true;
        await sleep(ports, RETRY_MS);
      }
    }
    isClaiming = false;
  }

  function begin(delivery: ClaimedDelivery): void {
    const ticket = lanes.begin(delivery, ports.clock.monotonicMs());
    const attempt = deliver(delivery)
      .catch((error: unknown) => {
        log.warn({ err: error }, "a webhook attempt ended without a result; it comes due again");
        return false;
      })
      .then((isSuccess) => {
        underWay.delete(delivery);
        if (ticket.end(isSuccess) || isCut) void fill();
      });
    underWay.set(delivery, attempt);
  }

  /** Whether the receiver took it. Resolves when that is written down. */
  async function deliver(delivery: ClaimedDelivery): Promise<boolean> {
    const startedMs = ports.clock.monotonicMs();
    const answer = await sender.send(toOutgoing(delivery));
    if (answer.error === "aborted") {
      await statements.releaseDeliveries([delivery]);
      return false;
    }
    const latencyMs = Math.round(ports.clock.monotonicMs() - startedMs);
    const result = toResult(delivery, answer, { latencyMs, chance: ports.random.unit() });
    options.onAttempt?.(result.outcome, latencyMs);
    await writer.write(result);
    if (answer.status === GONE) {
      await statements.disableGoneEndpoint(delivery);
      await tidy();
    } else if (answer.error !== null && answer.retryAfterMs !== null && answer.retryAfterMs > 0) {
      await statements.holdEndpoint(delivery, Math.min(answer.retryAfterMs, MAX_RETRY_AFTER_MS));
    }
    return result.outcome === "delivered";
  }

  /** Ends what waits in vain. One at a time; what one run leaves, or could not do, is the next one's. */
  async function tidy(): Promise<void> {
    if (isTidying) return;
    isTidying = true;
    try {
      while (!isStopped && (await statements.endDeliveries(END_AT_A_TIME, MAX_WAIT_MS)) === END_AT_A_TIME);
    } catch (error) {
      log.warn({ err: error }, "webhooks that wait in vain could not be ended; trying again");
    }
    isTidying = false;
  }

  function toOutgoing(delivery: ClaimedDelivery) {
    const { event, merchantId, endpointId } = delivery;
    const body = toEventText(event);
    const id = eventIdOf(event);
    const timestamp = Math.floor(ports.clock.nowMs() / 1_000);
    const signer = {
      merchantId,
      endpointId,
      generation: delivery.secretGeneration,
      retiringGenerations: delivery.retiringGenerations,
    };
    return {
      url: delivery.url,
      body,
      headers: {
        "content-type": "application/json",
        "user-agent": "Florin-Webhooks/1.0",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": signWebhook(signingKey, { id, timestamp, body }, signer),
      },
      signal: stopping.signal,
    };
  }

  return {
    start() {
      stopPolling = ports.timers.every(POLL_MS, () => void fill());
      stopTidying = ports.timers.every(TIDY_EVERY_MS, () => void tidy());
      void fill();
    },
    wake: () => void fill(),
    inFlight: () => lanes.inFlight(),
    async stop(graceMs) {
      isStopped = true;
      stopPolling();
      stopTidying();
      const settled = (): Promise<unknown> => Promise.allSettled(underWay.values());
      await withinTime<unknown>(ports, graceMs, settled(), () => null);
      stopping.abort();
      writer.giveUp();
      await settled();
    },
  };
}

function toResult(
  { merchantId, id, claim, attempt, failures }: ClaimedDelivery,
  { status, error, excerpt, retryAfterMs }: WebhookAnswer,
  { latencyMs, chance }: { readonly latencyMs: number; readonly chance: number },
): AttemptResult {
  const base = { merchantId, id, claim, attempt, status, latencyMs, error, excerpt };
  if (error === null) return { ...base, outcome: "delivered", nextInMs: 0 };
  const nextInMs = nextAttemptInMs({ failures: failures + 1, retryAfterMs, chance });
  // Also after 410: it is parked with all the rest of an endpoint that is gone, but goes to a URL that is new by now.
  return nextInMs === null ? { ...base, outcome: "parked", nextInMs: 0 } : { ...base, outcome: "failed", nextInMs };
}
