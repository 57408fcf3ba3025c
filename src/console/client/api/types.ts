/** The public API's objects as the document describes them; types only, so nothing of the server gets into the pages. */
import type { z } from "@hono/zod-openapi";
import type { explanation, timelineEntry } from "../../../http/schemas/history.ts";
import type { account, line, sellerBalances, statementLine, trialBalance } from "../../../http/schemas/ledger.ts";
import type { Page as CursorPage } from "../../../http/cursors.ts";
import type { paymentEvent, paymentOrder } from "../../../http/schemas/payments.ts";

export type PaymentOrder = z.infer<typeof paymentOrder>;
export type PaymentEvent = z.infer<typeof paymentEvent>;
export type Explanation = z.infer<typeof explanation>;
export type TimelineEntry = z.infer<typeof timelineEntry>;
export type LedgerAccount = z.infer<typeof account>;
export type LedgerLine = z.infer<typeof line>;
export type SellerBalances = z.infer<typeof sellerBalances>;
export type StatementLine = z.infer<typeof statementLine>;
export type TrialBalance = z.infer<typeof trialBalance>;

export type Page<T> = CursorPage<T>;

export interface QueuedOrder {
  readonly since: string;
  readonly reason: string;
  readonly next_action: string;
  /** One for each currency. */
  readonly money_at_risk: readonly { readonly currency: string; readonly amount: string }[];
  readonly payment_order: PaymentOrder;
}
