/**
 * The one table of the simulator's decline codes (Stripe's names). The connector reads `retryable` here and
 * nowhere else: a soft decline may be tried again under a new operation number, a hard one never, because
 * card schemes fine merchants who hammer a dead card.
 */
export interface DeclineReason {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

export const DECLINE_REASONS = {
  generic_decline: { code: "card_declined", message: "The card was declined.", retryable: false },
  insufficient_funds: { code: "card_declined", message: "The card has insufficient funds.", retryable: false },
  lost_card: { code: "card_declined", message: "The card was declined.", retryable: false },
  expired_card: { code: "expired_card", message: "The card has expired.", retryable: false },
  authentication_failed: {
    code: "authentication_failed",
    message: "The buyer did not pass the authentication.",
    retryable: false,
  },
  processing_error: {
    code: "processing_error",
    message: "An error occurred while processing the card.",
    retryable: true,
  },
  card_velocity_exceeded: {
    code: "card_declined",
    message: "The card was used too often in a short time.",
    retryable: true,
  },
} as const satisfies Record<string, DeclineReason>;

export type DeclineCode = keyof typeof DECLINE_REASONS;

export function isDeclineCode(text: string): text is DeclineCode {
  return Object.hasOwn(DECLINE_REASONS, text);
}

/** A code that we don't know counts as hard: not retrying loses a sale, retrying a fraud code loses more. */
export function isRetryableDecline(declineCode: string | null): boolean {
  return declineCode !== null && isDeclineCode(declineCode) && DECLINE_REASONS[declineCode].retryable;
}
