import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";

export interface LinePosition {
  readonly at: string;
  readonly actorId: string;
  readonly seq: number;
  readonly leg: number;
}

export interface AccountLinePage {
  readonly merchantId: number;
  readonly account: string;
  /** null for every currency. */
  readonly currency: string | null;
  readonly before: LinePosition | null;
  readonly limit: number;
}

export interface AccountLineRow {
  readonly position: LinePosition;
  readonly currency: string;
  readonly side: "debit" | "credit";
  readonly amount: bigint;
  /** Credits less debits of the account in that currency, up to and with this line. */
  readonly runningCredit: bigint;
  readonly otherAccount: string;
  readonly rule: string;
  readonly pspReference: string | null;
  readonly paymentOrderId: string | null;
}

/** Lines of one account, newest first, each with the balance that it left. */
export async function listAccountLines(db: Database, page: AccountLinePage): Promise<readonly AccountLineRow[]> {
  const rows = await db.execute<{
    at: string;
    actor_id: string;
    seq: number;
    leg: number;
    currency: string;
    side: "debit" | "credit";
    amount: string;
    running: string;
    other_account: string;
    rule: string;
    psp_reference: string | null;
    payment_order_id: string | null;
  }>(sql`
    SELECT to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, r.actor_id, r.seq, r.leg, r.currency, r.side,
      (r.debit + r.credit)::text AS amount, r.running::text AS running, r.other_account, e.rule, e.psp_reference, o.payment_order_id
    FROM (
      SELECT l.*, sum(l.credit - l.debit) OVER (PARTITION BY l.currency ORDER BY l.at, l.actor_id, l.seq, l.leg) AS running
      FROM ledger_lines l
      WHERE l.merchant_id = ${page.merchantId} AND l.account = ${page.account} ${inCurrency(page.currency)}
    ) r
    JOIN journal_entries e ON e.merchant_id = r.merchant_id AND e.actor_id = r.actor_id AND e.seq = r.seq
    LEFT JOIN payment_orders o ON o.merchant_id = r.merchant_id AND o.id = r.actor_id
    ${beforePosition(page.before)}
    ORDER BY r.at DESC, r.actor_id DESC, r.seq DESC, r.leg DESC
    LIMIT ${page.limit}`);
  return rows.map((row) => ({
    position: { at: row.at, actorId: row.actor_id, seq: row.seq, leg: row.leg },
    currency: row.currency,
    side: row.side,
    amount: BigInt(row.amount),
    runningCredit: BigInt(row.running),
    otherAccount: row.other_account,
    rule: row.rule,
    pspReference: row.psp_reference,
    paymentOrderId: row.payment_order_id,
  }));
}

const inCurrency = (currency: string | null): SQL => (currency === null ? sql`` : sql`AND l.currency = ${currency}`);

function beforePosition(before: LinePosition | null): SQL {
  if (before === null) return sql``;
  const { at, actorId, seq, leg } = before;
  return sql`WHERE (r.at, r.actor_id, r.seq, r.leg) < (${at}::timestamptz, ${actorId}::uuid, ${seq}::integer, ${leg}::smallint)`;
}
