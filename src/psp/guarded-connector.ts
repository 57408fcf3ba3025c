/**
 * Wraps a connector so that one PSP can't take the others down with it: a bound on calls at one time and on those
 * that wait, a hard end to every call, and a circuit breaker. It adds no outcome of its own: a charge that it
 * holds back is `unsent` (surely nothing left), an inquiry that it holds back is `unknown`.
 *
 * Inquiries have a lane of their own: when charges pile up, asking is what gets them out of `resolving`.
 */
import type { InquiryOutcome, Outcome, Unknown } from "../core/outcomes.ts";
import type { Ports, Timers } from "../core/ports.ts";
import { type CallLane, createCallLane } from "./call-lane.ts";
import { type BreakerState, createCircuitBreaker } from "./circuit-breaker.ts";
import type { Answer, ChargeCall, Connector } from "./connector.ts";

/** A connector ends its calls itself; this much later we stop believing that it will. */
const HARD_TIMEOUT_GRACE_MS = 500;
/** What a full line asks for: about one PSP call. */
const QUEUE_FULL_RETRY_MS = 500;
/** A quarter of the places: enough to drain what is unknown, little enough not to slow charges. */
const INQUIRY_SHARE = 4;
/** High, because orders of one test may well ask for many timeouts in a row; a dead PSP reaches it at once. */
const DEFAULT_FAILURES_TO_OPEN = 20;
const DEFAULT_OPEN_MS = 1_000;
const DEFAULT_MAX_OPEN_MS = 30_000;
const DEFAULT_MAX_QUEUED = 10_000;

export interface GuardOptions {
  readonly ports: Ports;
  readonly maxQueued?: number;
  /** A call that waited longer than this is not sent any more; default: the connector's timeout. */
  readonly maxQueueMs?: number;
  readonly failuresToOpen?: number;
  readonly openMs?: number;
  readonly maxOpenMs?: number;
}

export interface GuardStats {
  readonly breaker: BreakerState;
  readonly inFlight: number;
  readonly queued: number;
  readonly inquiriesInFlight: number;
  readonly inquiriesQueued: number;
}

export interface GuardedConnector extends Connector {
  charge(call: ChargeCall): Promise<Answer<Outcome>>;
  stats(): GuardStats;
}

const NOTHING_RECEIVED = { status: null, body: new Uint8Array(0) } as const;

const unsent = (reason: string, retryAfterMs: number | null): Answer<Outcome> => ({
  outcome: { kind: "unsent", reason, retryAfterMs, heldBack: true },
  raw: NOTHING_RECEIVED,
});
const unknown = (reason: string): Answer<Unknown> => ({ outcome: { kind: "unknown", reason }, raw: NOTHING_RECEIVED });

/** Why a call was held back before it left. */
interface HeldBack {
  readonly reason: "circuit_open" | "queue_full" | "queue_timeout" | "claim_expired";
  readonly retryAfterMs: number | null;
}

export function createGuardedConnector(inner: Connector, options: GuardOptions): GuardedConnector {
  const { clock, timers } = options.ports;
  const { maxConcurrent, timeoutMs } = inner.limits;
  const maxQueued = options.maxQueued ?? DEFAULT_MAX_QUEUED;
  const maxQueueMs = options.maxQueueMs ?? timeoutMs;
  const inquiryPlaces = Math.max(1, Math.floor(maxConcurrent / INQUIRY_SHARE));
  const charges = createCallLane({ maxConcurrent: Math.max(1, maxConcurrent - inquiryPlaces), maxQueued });
  // Every question waits until it is asked: one that was held back would use up an order's schedule, and thousands of orders
  // that a dead node left would be parked although nobody ever asked the PSP. There is one for each live order at most.
  const inquiries = createCallLane({ maxConcurrent: inquiryPlaces, maxQueued: Number.POSITIVE_INFINITY });
  const breaker = createCircuitBreaker({
    clock,
    failuresToOpen: options.failuresToOpen ?? DEFAULT_FAILURES_TO_OPEN,
    openMs: options.openMs ?? DEFAULT_OPEN_MS,
    maxOpenMs: options.maxOpenMs ?? DEFAULT_MAX_OPEN_MS,
  });

  const guard = async <O extends Outcome | InquiryOutcome>(
    lane: CallLane,
    call: () => Promise<Answer<O>>,
    limits: {
      readonly sendBeforeMs: number;
      readonly maxQueueMs: number;
      readonly holdBack: (why: HeldBack) => Answer<O>;
    },
  ): Promise<Answer<O | Unknown>> => {
    const { holdBack } = limits;
    // Nobody waits in line for a PSP that is known to be dead.
    const refusedForMs = breaker.refusedForMs();
    if (refusedForMs > 0) return holdBack({ reason: "circuit_open", retryAfterMs: refusedForMs });
    const arrivedMs = clock.monotonicMs();
    if (!(await lane.enter())) return holdBack({ reason: "queue_full", retryAfterMs: QUEUE_FULL_RETRY_MS });
    try {
      const nowMs = clock.monotonicMs();
      if (nowMs >= limits.sendBeforeMs) return holdBack({ reason: "claim_expired", retryAfterMs: null });
      if (nowMs - arrivedMs > limits.maxQueueMs) {
        return holdBack({ reason: "queue_timeout", retryAfterMs: QUEUE_FULL_RETRY_MS });
      }
      const entry = breaker.enter();
      if (entry.kind === "refused") return holdBack({ reason: "circuit_open", retryAfterMs: entry.retryAfterMs });
      const answer = await withHardEnd(timers, call, timeoutMs + HARD_TIMEOUT_GRACE_MS);
      breaker.report({ probe: entry.probe, reached: isReached(answer) });
      return answer;
    } finally {
      lane.leave();
    }
  };

  return {
    account: inner.account,
    limits: inner.limits,
    buildCharge: (request) => inner.buildCharge(request),
    readNotice: (raw) => inner.readNotice(raw),
    cardFormUrl: (form) => inner.cardFormUrl(form),
    charge: ({ sendBeforeMs, ...call }) =>
      guard<Outcome>(charges, () => inner.charge(call), {
        sendBeforeMs: sendBeforeMs ?? Number.POSITIVE_INFINITY,
        maxQueueMs,
        holdBack: ({ reason, retryAfterMs }) => unsent(reason, retryAfterMs),
      }),
    inquire: (call) =>
      guard<InquiryOutcome>(inquiries, () => inner.inquire(call), {
        sendBeforeMs: Number.POSITIVE_INFINITY,
        maxQueueMs: Number.POSITIVE_INFINITY,
        holdBack: ({ reason }) => unknown(reason),
      }),
    stats: () => ({
      breaker: breaker.state(),
      inFlight: charges.inFlight(),
      queued: charges.queued(),
      inquiriesInFlight: inquiries.inFlight(),
      inquiriesQueued: inquiries.queued(),
    }),
  };
}

/** A fact, or any answer below 500, shows that the PSP lives, whatever it says. */
function isReached({ outcome, raw }: Answer<Outcome | InquiryOutcome>): boolean {
  if (outcome.kind !== "unsent" && outcome.kind !== "unknown") return true;
  return raw.status !== null && raw.status < 500;
}

/** Connectors don't throw and do end; if one does not, the call counts as unknown, never as undone. */
function withHardEnd<O>(timers: Timers, call: () => Promise<Answer<O>>, limitMs: number): Promise<Answer<O | Unknown>> {
  return new Promise((resolve) => {
    const settle = (answer: Answer<O | Unknown>): void => {
      cancel();
      resolve(answer);
    };
    const cancel = timers.after(limitMs, () => settle(unknown("hard_timeout")));
    const run = async (): Promise<void> => settle(await call());
    run().catch(() => settle(unknown("connector_threw")));
  });
}
