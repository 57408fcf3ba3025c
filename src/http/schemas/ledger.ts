/** The books as they stand in the document. */
import { z } from "@hono/zod-openapi";
import { amount, currency, time } from "./values.ts";

const total = amount.openapi({ description: "In major units; may be negative.", example: "97.00" });
const kind = z.enum(["asset", "liability", "revenue", "expense", "clearing"]);

export const account = z
  .strictObject({
    account: z.string().openapi({ example: "seller:s1:payable" }),
    currency,
    kind,
    debits: total,
    credits: total,
    balance: total.openapi({
      description: "Debits less credits of assets and expenses, credits less debits of all others.",
    }),
  })
  .openapi("LedgerAccount");

export const line = z
  .strictObject({
    at: time,
    account: z.string(),
    other_account: z.string(),
    side: z.enum(["debit", "credit"]),
    amount,
    currency,
    balance: total.openapi({ description: "Credits less debits of the account in that currency, after this line." }),
    rule: z.string().openapi({ example: "pay_in" }),
    payment_order_id: z.string().nullable(),
    psp_reference: z.string().nullable(),
  })
  .openapi("LedgerLine");

export const statementLine = z
  .strictObject({
    at: time,
    rule: z.string(),
    payment_order_id: z.string().nullable(),
    amount: total.openapi({ description: "Above zero when the wallet grew." }),
    currency,
    balance: total.openapi({ description: "The wallet after this posting." }),
    other_account: z.string(),
  })
  .openapi("StatementLine");

export const sellerBalances = z
  .strictObject({
    seller_account: z.string(),
    balances: z.array(
      z.strictObject({
        currency,
        payable: total.openapi({ description: "What we owe the seller; below zero when the seller owes us." }),
        reserved: total.openapi({ description: "Held for a payout in flight or a dispute." }),
        debt: total.openapi({ description: "What the seller owes us." }),
      }),
    ),
  })
  .openapi("SellerBalances");

export const trialBalance = z
  .strictObject({
    at: time,
    currencies: z.array(z.strictObject({ currency, debits: total, credits: total, difference: total })),
    accounts: z.array(account),
  })
  .openapi("TrialBalance");
