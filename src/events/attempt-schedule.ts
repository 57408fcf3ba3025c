/** When an attempt follows the one that failed (the schedule of Standard Webhooks), and when it was the last. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Before attempt 1, 2, …: nearly four days in all. */
export const ATTEMPT_DELAYS_MS: readonly number[] = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Up to this share is added, so that what failed together does not come back together. */
const JITTER = 0.2;
/** The longest that an endpoint may put us off. */
export const MAX_RETRY_AFTER_MS = 24 * HOUR;

/** What has waited longer than a whole schedule with its jitter takes (3.8 days) is parked, however often it was sent. */
export const MAX_WAIT_MS = 4 * 24 * HOUR;

export interface FailedAttempt {
  /** Failures on this schedule, with this one. */
  readonly failures: number;
  /** What the endpoint asked for; null for nothing. */
  readonly retryAfterMs: number | null;
  /** In [0, 1). */
  readonly chance: number;
}

/** Milliseconds until the next attempt; null when the schedule is spent. Never before the endpoint wants it. */
export function nextAttemptInMs({ failures, retryAfterMs, chance }: FailedAttempt): number | null {
  const delayMs = ATTEMPT_DELAYS_MS[failures];
  if (delayMs === undefined) return null;
  const wantedMs = Math.max(delayMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
  return Math.round(wantedMs * (1 + JITTER * chance));
}
