import { type SQL, sql } from "../drizzle.ts";
import type { Database } from "./database.ts";

/** Where a page ended. */
export interface LinePosition {
  readonly at: string;
  readonly actorId: string;
  readonly seq: number;
  readonly leg: number;
  /** Credits less debits, by currency, before the newest line that the page did not reach. */
  readonly balances: Readonly<Record<string, string>>;
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
  readonly at: string;
  readonly actorId: string;
  readonly seq: number;
  readonly leg: number;
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

/**
 * Lines of one account, newest first, each with the balance that it left. The balance is counted back from the
 * account's own sums, or from where the page before ended, so a page of a seller with a million postings reads
 * no more rows than it shows.
 */
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
    WITH page AS MATERIALIZED (
      SELECT l.*, a.credits - a.debits AS total
      FROM accounts a
      CROSS JOIN LATERAL (${linesOf("debit", page)} UNION ALL ${linesOf("credit", page)}) l
      WHERE a.merchant_id = ${page.merchantId} AND a.account = ${page.account} ${inCurrency(page.currency)}
      ORDER BY l.at DESC, l.actor_id DESC, l.seq DESC, l.leg DESC
      LIMIT ${page.limit}
    )
    SELECT to_char(p.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, p.actor_id, p.seq, p.leg, p.currency, p.side,
      p.amount::text AS amount, p.other_account, e.rule, e.psp_reference, o.payment_order_id,
      (
        COALESCE((${JSON.stringify(page.before?.balances ?? {})}::json ->> p.currency)::numeric, p.total)
        - COALESCE(sum(p.credit) OVER newer, 0)
      )::text AS running
    FROM page p
    JOIN journal_entries e ON e.merchant_id = ${page.merchantId} AND e.actor_id = p.actor_id AND e.seq = p.seq
    LEFT JOIN payment_orders o ON o.merchant_id = ${page.merchantId} AND o.id = p.actor_id
    WINDOW newer AS (
      PARTITION BY p.currency ORDER BY p.at DESC, p.actor_id DESC, p.seq DESC, p.leg DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
    ORDER BY p.at DESC, p.actor_id DESC, p.seq DESC, p.leg DESC`);
  return rows.map((row) => ({
    at: row.at,
    actorId: row.actor_id,
    seq: row.seq,
    leg: row.leg,
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

const inCurrency = (currency: string | null): SQL => (currency === null ? sql`` : sql`AND a.currency = ${currency}`);

/** One side of the account in one currency: its own index in its own order, and no further than the page goes. */
function linesOf(side: "debit" | "credit", { before, limit }: AccountLinePage): SQL {
  const [own, other] =
    side === "debit" ? [sql`p.debit_account`, sql`p.credit_account`] : [sql`p.credit_account`, sql`p.debit_account`];
  const credit = side === "debit" ? sql`-p.amount` : sql`p.amount`;
  return sql`(
    SELECT p.at, p.actor_id, p.seq, p.leg, p.currency, ${side}::text AS side, p.amount, ${credit} AS credit, ${other} AS other_account
    FROM postings p
    WHERE p.merchant_id = a.merchant_id AND ${own} = a.account AND p.currency = a.currency ${isBefore(before)}
    ORDER BY p.at DESC, p.actor_id DESC, p.seq DESC, p.leg DESC
    LIMIT ${limit}
  )`;
}

function isBefore(before: LinePosition | null): SQL {
  if (before === null) return sql``;
  const { at, actorId, seq, leg } = before;
  return sql`AND (p.at, p.actor_id, p.seq, p.leg) < (${at}::timestamptz, ${actorId}::uuid, ${seq}::integer, ${leg}::smallint)`;
}
