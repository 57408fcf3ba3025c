/**
 * How patient a payment order is. An order keeps the name of its policy, not the numbers, so its stored
 * events replay to the same snapshots; change a number only together with the machine's version.
 */
export interface RetryPolicy {
  /** Sends of the charge before the order is parked. */
  readonly maxSends: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** Delays between inquiries while an outcome is unknown; when they are spent, the order is parked. */
  readonly inquiryDelaysMs: readonly number[];
  /** Delays between polls while the PSP says "pending"; when they are spent, the order is parked. */
  readonly pollDelaysMs: readonly number[];
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const POLICIES = {
  /** For real PSPs: an unknown outcome is asked about for about a day, a pending one for three days. */
  standard: {
    maxSends: 5,
    backoffBaseMs: 2 * SECOND,
    backoffCapMs: MINUTE,
    inquiryDelaysMs: [SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR],
    pollDelaysMs: [10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR],
  },
  /** For the simulator: the same behaviour within a minute or two, so that a person can watch it. */
  swift: {
    maxSends: 5,
    backoffBaseMs: 500,
    backoffCapMs: 8 * SECOND,
    inquiryDelaysMs: [SECOND, 2 * SECOND, 3 * SECOND, 5 * SECOND, 8 * SECOND, 13 * SECOND, 21 * SECOND],
    pollDelaysMs: [2 * SECOND, 3 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND, 30 * SECOND],
  },
} as const satisfies Record<string, RetryPolicy>;

export type PolicyName = keyof typeof POLICIES;

export function isPolicyName(name: string): name is PolicyName {
  return name in POLICIES;
}

/** A PSP that asks for more than this is not believed: somebody would wait for an order that nobody looks at. */
const MAX_RETRY_AFTER_MS = HOUR;

/**
 * Exponential backoff with jitter between half and the whole delay, so that orders that failed together do
 * not return together; never earlier than the PSP asked for. `sends` counts the sends made, from 1.
 */
export function backoffMs(policy: RetryPolicy, sends: number, jitter: number, retryAfterMs: number | null): number {
  const full = Math.min(policy.backoffCapMs, policy.backoffBaseMs * 2 ** Math.max(0, sends - 1));
  return Math.max(Math.round(full * (0.5 + jitter / 2)), Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}
