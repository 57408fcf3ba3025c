/**
 * What the checker goes by: the client's history, the tables as plain rows, and the PSP's own effects. It shares no
 * code with what it checks, so that one mistake can't be made in both.
 */
import type postgres from "postgres";

/** A request and the answer that the client got for it, byte for byte. */
export interface Acknowledgement {
  readonly key: string;
  readonly request: string;
  readonly status: number;
  readonly answer: string;
}

export interface OrderRow {
  readonly id: string;
  readonly merchantId: number;
  readonly paymentOrderId: string;
  readonly checkoutId: string;
  readonly seller: string;
  readonly amount: string;
  readonly currency: string;
  readonly fee: string;
  readonly psp: string;
  readonly status: string;
  readonly phase: string | null;
  readonly version: number;
  readonly owner: string | null;
  readonly lateOpen: number;
  readonly isQuarantined: boolean;
  readonly hasTimer: boolean;
}

export interface CheckoutRow {
  readonly id: string;
  readonly checkoutId: string;
  readonly isDone: boolean;
}

export interface StepRow {
  readonly orderId: string;
  readonly seq: number;
  readonly from: string;
  readonly to: string;
}

export interface EventRow {
  readonly subjectId: string;
  readonly type: string;
  readonly orderVersion: number | null;
  /** Its place in what all merchants are told, from 1; null before the relay has given it one. */
  readonly position: number | null;
}

export interface EntryRow {
  readonly orderId: string;
  readonly seq: number;
  readonly rule: string;
  readonly reference: string | null;
}

export interface PostingRow {
  readonly merchantId: number;
  readonly orderId: string;
  readonly seq: number;
  readonly currency: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: string;
}

export interface AccountRow {
  readonly merchantId: number;
  readonly currency: string;
  readonly account: string;
  readonly debits: string;
  readonly credits: string;
}

export interface Effect {
  readonly id: string;
  readonly orderId: string | null;
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
}

/** A webhook as it came to the merchant's server. */
export interface Delivery {
  readonly id: string;
  readonly body: string;
  readonly isRefused: boolean;
  /** By the secret of the endpoint, as the standard says. */
  readonly isSigned: boolean;
}

export interface Facts {
  readonly acknowledged: readonly Acknowledgement[];
  readonly orders: readonly OrderRow[];
  readonly checkouts: readonly CheckoutRow[];
  /** In the order of their numbers, order by order. */
  readonly steps: readonly StepRow[];
  readonly events: readonly EventRow[];
  readonly entries: readonly EntryRow[];
  readonly postings: readonly PostingRow[];
  readonly accounts: readonly AccountRow[];
  /** Webhooks and answers of the PSP, and commands, that no order has taken yet. */
  readonly unhandledMail: readonly string[];
  readonly effects: readonly Effect[];
  /** In the order of arrival. */
  readonly deliveries: readonly Delivery[];
}

/** Effects are read last: whatever is booked has its effect by then. */
export async function readFacts(input: {
  readonly sql: postgres.Sql;
  readonly simulatorUrl: string;
  readonly acknowledged: readonly Acknowledgement[];
  readonly deliveries: readonly Delivery[];
}): Promise<Facts> {
  const deliveries = [...input.deliveries];
  const tables = await input.sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", readTables);
  const effects = await readEffects(input.simulatorUrl);
  // What came after the tables were read tells of events that they lack.
  return { acknowledged: input.acknowledged, ...tables, effects, deliveries };
}

async function readTables(sql: postgres.TransactionSql) {
  return {
    orders: await sql<OrderRow[]>`
      SELECT o.id, o.merchant_id AS "merchantId", o.payment_order_id AS "paymentOrderId", e.checkout_id AS "checkoutId",
        o.seller_account AS seller, o.amount::text AS amount, o.currency, o.platform_fee::text AS fee, o.psp,
        o.payment_order_status AS status, o.phase, o.version, o.owner, o.late_open AS "lateOpen",
        o.quarantined_at IS NOT NULL AS "isQuarantined", t.actor_id IS NOT NULL AS "hasTimer"
      FROM payment_orders o
      LEFT JOIN payment_events e ON e.merchant_id = o.merchant_id AND e.id = o.payment_event_id
      LEFT JOIN timers t ON t.merchant_id = o.merchant_id AND t.actor_id = o.id`,
    checkouts: await sql<CheckoutRow[]>`
      SELECT id, checkout_id AS "checkoutId", is_payment_done AS "isDone" FROM payment_events`,
    steps: await sql<StepRow[]>`
      SELECT actor_id AS "orderId", seq, from_state AS "from", to_state AS "to" FROM transitions ORDER BY actor_id, seq`,
    events: await sql<EventRow[]>`
      SELECT subject_id AS "subjectId", type, order_version AS "orderVersion", position::float8 AS position FROM events`,
    entries: await sql<EntryRow[]>`
      SELECT actor_id AS "orderId", seq, rule, psp_reference AS reference FROM journal_entries`,
    postings: await sql<PostingRow[]>`
      SELECT merchant_id AS "merchantId", actor_id AS "orderId", seq, currency, debit_account AS debit,
        credit_account AS credit, amount::text AS amount
      FROM postings`,
    accounts: await sql<AccountRow[]>`
      SELECT merchant_id AS "merchantId", currency, account, debits::text AS debits, credits::text AS credits
      FROM accounts`,
    unhandledMail: (
      await sql<{ name: string }[]>`
        SELECT 'webhook ' || event_id AS name FROM inbox WHERE handled_at IS NULL AND actor_id IS NOT NULL
        UNION ALL
        SELECT 'answer ' || source || ' of order ' || actor_id FROM observations WHERE handled_at IS NULL
        UNION ALL
        SELECT 'command ' || (command ->> 'type') || ' of order ' || actor_id FROM commands WHERE handled_at IS NULL`
    ).map(({ name }) => name),
  };
}

interface EffectsPage {
  readonly data: readonly {
    readonly id: string;
    readonly payment_order_id: string | null;
    readonly order_id: string | null;
    readonly amount: string;
    readonly currency: string;
    readonly status: string;
  }[];
  readonly next_cursor: string | null;
}

async function readEffects(simulatorUrl: string): Promise<readonly Effect[]> {
  const effects: Effect[] = [];
  let path: string | null = "/_sim/effects?limit=1000";
  while (path !== null) {
    const answer: Response = await fetch(`${simulatorUrl}${path}`);
    if (answer.status !== 200) throw new Error(`the PSP answers ${answer.status} when asked for its effects`);
    const page = (await answer.json()) as EffectsPage;
    for (const { id, order_id: orderId, amount, currency, status } of page.data)
      effects.push({ id, orderId, amount, currency, status });
    path = page.next_cursor === null ? null : `/_sim/effects?limit=1000&cursor=${page.next_cursor}`;
  }
  return effects;
}
