/** What an API key may be allowed to do. */
export const SCOPES = [
  "payments:read",
  "payments:write",
  "refunds:write",
  "payouts:write",
  "ledger:read",
  "webhooks:write",
  "operator",
  "admin",
] as const;

export type Scope = (typeof SCOPES)[number];
