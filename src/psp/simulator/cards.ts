/**
 * Test card numbers (Stripe's) and the tokens that they become. A number lives for one request: it is turned
 * into a token here and is never stored, logged or shown again. Any other number is refused.
 */
const TOKEN_BY_NUMBER: ReadonlyMap<string, string> = new Map([
  ["4242424242424242", "pm_card_visa"],
  ["5555555555554444", "pm_card_mastercard"],
  ["378282246310005", "pm_card_amex"],
  ["4000000000000002", "pm_card_chargeDeclined"],
  ["4000000000009995", "pm_card_chargeDeclinedInsufficientFunds"],
  ["4000000000000069", "pm_card_chargeDeclinedExpiredCard"],
  ["4000000000009987", "pm_card_chargeDeclinedLostCard"],
  ["4000000000000119", "pm_card_chargeDeclinedProcessingError"],
  ["4000000000006975", "pm_card_chargeDeclinedVelocityLimitExceeded"],
  ["4000000000003220", "pm_card_threeDSecure2Required"],
  ["4000000000000259", "pm_card_createDispute"],
  ["4000000000007726", "pm_card_pendingRefund"],
  ["4000000000005126", "pm_card_refundFail"],
]);

/** The token of a test card; null for every other number. Spaces and dashes are allowed, as buyers type them. */
export function tokenOfCard(typed: string): string | null {
  return TOKEN_BY_NUMBER.get(typed.replace(/[\s-]/g, "")) ?? null;
}
