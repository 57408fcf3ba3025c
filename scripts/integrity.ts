/**
 * The check that follows every scenario, over the database and what the PSP says it did: each successful effect
 * is booked to its order, booked to suspense, or belongs to an order in a named queue, exactly one of these;
 * nothing is booked without an effect; the books balance and equal their postings; nothing is open past its
 * deadline without standing in a queue. Read-only. Meant for a system at rest; what is under way is counted, not
 * blamed.
 */
import type postgres from "postgres";

/** One line of the PSP's own truth, as `GET /_sim/effects` shows it. */
export interface PspEffect {
  /** The PSP's reference. */
  readonly id: string;
  readonly order_id: string | null;
  readonly idempotency_key: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
  readonly at: string;
}

export interface IntegrityReport {
  /** One sentence each; empty when all is well. */
  readonly violations: readonly string[];
  /** What was looked at, and orders by state. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface EffectsCheck {
  /** Any role that may read all tables. */
  readonly sql: postgres.Sql;
  /** The PSP account whose truth `effects` are; null leaves the comparison with the PSP out. */
  readonly effects: readonly PspEffect[] | null;
  readonly pspAccount?: string;
  /** Deadlines may be missed by this much: work is under way, or the sweeper is about to come. */
  readonly graceMs?: number;
}

const DEFAULT_GRACE_MS = 30_000;
const DEFAULT_ACCOUNT = "simulator";
const PAGE = 1_000;

/** States of an order that stand in a queue which people watch. */
const QUEUES: ReadonlySet<string> = new Set(["retrying", "pending", "resolving", "parked"]);

/** Compares the database with a running simulator. `sql` is any role that may read all tables. */
export async function checkIntegrity(
  input: Omit<EffectsCheck, "effects"> & { readonly simulatorUrl: string | null },
): Promise<IntegrityReport> {
  const { simulatorUrl, ...rest } = input;
  const facts = await readDatabase(rest.sql, rest.graceMs ?? DEFAULT_GRACE_MS);
  // Read after the database: whatever is booked there has its effect by now.
  const effects = simulatorUrl === null ? null : await readEffects(simulatorUrl);
  return judge(facts, { ...rest, effects });
}

/** The same for a PSP whose truth is at hand. */
export async function checkEffects(input: EffectsCheck): Promise<IntegrityReport> {
  return judge(await readDatabase(input.sql, input.graceMs ?? DEFAULT_GRACE_MS), input);
}

/** All effects of a simulator, newest first. */
export async function readEffects(simulatorUrl: string): Promise<readonly PspEffect[]> {
  const effects: PspEffect[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const answer = await fetch(`${simulatorUrl}/_sim/effects?limit=${PAGE}${cursor === "" ? "" : `&cursor=${cursor}`}`);
    if (!answer.ok) throw new Error(`the simulator answered ${answer.status} when asked for its effects`);
    const page = (await answer.json()) as { readonly data: readonly PspEffect[]; readonly next_cursor: string | null };
    effects.push(...page.data);
    cursor = page.next_cursor;
  }
  return effects;
}

/** Each statement returns its violations as sentences. `$1` is the grace in ms. */
const STATEMENTS: readonly string[] = [
  // The books balance, and are nothing but the sum of their postings.
  `SELECT format('merchant %s: debits and credits differ by %s %s', merchant_id, sum(debits) - sum(credits), currency) AS violation
   FROM accounts GROUP BY merchant_id, currency HAVING sum(debits) <> sum(credits)`,
  `WITH lines AS (
     SELECT merchant_id, currency, account, sum(debit) AS debits, sum(credit) AS credits
     FROM ledger_lines GROUP BY merchant_id, currency, account
   )
   SELECT format('account %s (%s, merchant %s) says %s/%s, its postings %s/%s', COALESCE(a.account, l.account),
     COALESCE(a.currency, l.currency), COALESCE(a.merchant_id, l.merchant_id), a.debits, a.credits, l.debits, l.credits) AS violation
   FROM accounts a FULL JOIN lines l USING (merchant_id, currency, account)
   WHERE a.debits IS DISTINCT FROM l.debits OR a.credits IS DISTINCT FROM l.credits`,
  `SELECT format('entry %s/%s has no postings', e.actor_id, e.seq) AS violation
   FROM journal_entries e
   WHERE NOT EXISTS (SELECT FROM postings p WHERE p.merchant_id = e.merchant_id AND p.actor_id = e.actor_id AND p.seq = e.seq)`,
  // What was paid is the seller's, less the platform's fee; late money is in suspense.
  `WITH legs AS (
     SELECT e.actor_id, e.seq, e.rule, p.debit_account, p.credit_account, p.amount, p.currency, o.psp, o.seller_account,
       least(o.platform_fee, sum(p.amount) OVER entry) AS fee, sum(p.amount) OVER entry AS total
     FROM journal_entries e
     JOIN postings p ON p.merchant_id = e.merchant_id AND p.actor_id = e.actor_id AND p.seq = e.seq
     JOIN payment_orders o ON o.merchant_id = e.merchant_id AND o.id = e.actor_id
     WINDOW entry AS (PARTITION BY e.merchant_id, e.actor_id, e.seq)
   )
   SELECT format('entry %s/%s (%s) moves %s %s from %s to %s', actor_id, seq, rule, amount, currency, debit_account, credit_account) AS violation
   FROM legs
   WHERE debit_account <> 'psp:' || psp || ':clearing' OR amount IS DISTINCT FROM CASE
     WHEN rule = 'late_success' AND credit_account = 'suspense' THEN total
     WHEN rule = 'pay_in' AND credit_account = 'platform:fees' THEN fee
     WHEN rule = 'pay_in' AND credit_account = 'seller:' || seller_account || ':payable' THEN total - fee
   END`,
  // An order's columns say what its entries say.
  `WITH booked AS (
     SELECT o.merchant_id, o.id, count(*) FILTER (WHERE e.rule = 'pay_in') AS pay_ins,
       count(*) FILTER (WHERE e.rule = 'late_success') AS lates
     FROM payment_orders o
     LEFT JOIN journal_entries e ON e.merchant_id = o.merchant_id AND e.actor_id = o.id
     GROUP BY o.merchant_id, o.id
   ), paid AS (
     SELECT p.merchant_id, p.actor_id, sum(p.amount) AS amount
     FROM postings p JOIN journal_entries e ON e.merchant_id = p.merchant_id AND e.actor_id = p.actor_id AND e.seq = p.seq
     WHERE e.rule = 'pay_in' GROUP BY p.merchant_id, p.actor_id
   )
   SELECT format('order %s is %s with %s pay-ins (flags %s/%s, captured %s, booked %s, late %s of %s)', o.id,
     o.payment_order_status, b.pay_ins, o.ledger_updated, o.wallet_updated, o.amount_captured, p.amount, o.late_open, b.lates) AS violation
   FROM payment_orders o JOIN booked b ON b.merchant_id = o.merchant_id AND b.id = o.id
   LEFT JOIN paid p ON p.merchant_id = o.merchant_id AND p.actor_id = o.id
   WHERE b.pay_ins <> CASE o.payment_order_status WHEN 'SUCCESS' THEN 1 ELSE 0 END
     OR o.ledger_updated <> (b.pay_ins > 0) OR o.wallet_updated <> (b.pay_ins > 0)
     OR (b.pay_ins > 0 AND o.amount_captured <> p.amount) OR o.late_open <> b.lates`,
  `WITH steps AS (
     SELECT merchant_id, actor_id, count(*) AS steps, count(DISTINCT step_id) AS ids, max(seq) AS newest
     FROM transitions GROUP BY merchant_id, actor_id
   )
   SELECT format('order %s is at version %s with %s transitions up to %s', o.id, o.version, s.steps, s.newest) AS violation
   FROM payment_orders o LEFT JOIN steps s ON s.merchant_id = o.merchant_id AND s.actor_id = o.id
   WHERE (s.steps, s.ids, s.newest) IS DISTINCT FROM (o.version::bigint, o.version::bigint, o.version)`,
  // A payment event is done when all its orders succeeded, and says so once.
  `WITH orders AS (
     SELECT merchant_id, payment_event_id AS id, count(*) AS orders,
       count(*) FILTER (WHERE payment_order_status NOT IN ('SUCCESS', 'FAILED')) AS open,
       count(*) FILTER (WHERE payment_order_status = 'SUCCESS') AS succeeded
     FROM payment_orders GROUP BY merchant_id, payment_event_id
   ), done AS (
     SELECT merchant_id, subject_id AS id, count(*) AS events FROM events WHERE type = 'payment_event.done' GROUP BY merchant_id, subject_id
   )
   SELECT format('payment event %s counts %s orders, %s open, %s succeeded, done %s with %s events; they are %s, %s, %s', e.id,
     e.order_count, e.open_order_count, e.succeeded_order_count, e.is_payment_done, COALESCE(d.events, 0), o.orders, o.open, o.succeeded) AS violation
   FROM payment_events e
   LEFT JOIN orders o ON o.merchant_id = e.merchant_id AND o.id = e.id
   LEFT JOIN done d ON d.merchant_id = e.merchant_id AND d.id = e.id
   WHERE (e.order_count, e.open_order_count, e.succeeded_order_count) IS DISTINCT FROM (o.orders, o.open, o.succeeded)
     OR e.is_payment_done <> (o.succeeded = o.orders)
     OR COALESCE(d.events, 0) <> CASE WHEN e.is_payment_done THEN 1 ELSE 0 END`,
  // The bytes of an operation are stored once and sent unchanged under one key.
  `SELECT format('order %s operation %s has %s stored requests under %s keys', actor_id, operation_number, count(request),
     count(DISTINCT idempotency_key)) AS violation
   FROM attempts WHERE operation = 'charge'
   GROUP BY merchant_id, actor_id, operation_number HAVING count(request) <> 1 OR count(DISTINCT idempotency_key) <> 1`,
  // Whatever is open has something that will move it, and is not past its deadline.
  `SELECT format('order %s has a call out and nobody owns it', o.id) AS violation
   FROM payment_orders o
   WHERE o.quarantined_at IS NULL AND o.owner IS NULL AND o.snapshot #>> '{context,call}' IS NOT NULL`,
  `SELECT format('order %s waits for the call of a node that is unknown or gone for long', o.id) AS violation
   FROM payment_orders o LEFT JOIN nodes n ON n.node_id = o.owner
   WHERE o.quarantined_at IS NULL AND o.owner IS NOT NULL
     AND (n.node_id IS NULL OR COALESCE(n.stopped_at, n.heartbeat_at) < now() - $1::float8 * interval '1 ms')`,
  `SELECT format('order %s has had a call out since %s', o.id, o.updated_at) AS violation
   FROM payment_orders o
   WHERE o.quarantined_at IS NULL AND o.owner IS NOT NULL AND o.updated_at < now() - $1::float8 * interval '1 ms'`,
  `SELECT format('order %s is %s %s and nothing will move it', o.id, o.payment_order_status, o.phase) AS violation
   FROM payment_orders o LEFT JOIN timers t ON t.merchant_id = o.merchant_id AND t.actor_id = o.id
   WHERE o.quarantined_at IS NULL AND o.owner IS NULL AND t.actor_id IS NULL
     AND (o.payment_order_status = 'NOT_STARTED' OR o.phase IN ('sending', 'pending', 'resolving', 'retrying'))`,
  `SELECT format('the deadline %s of order %s has passed: %s', t.name, t.actor_id, t.due_at) AS violation
   FROM timers t WHERE t.due_at < now() - $1::float8 * interval '1 ms'`,
  `SELECT format('the deadline of order %s is %s in its row and %s in its state', o.id, t.name, o.snapshot #>> '{context,timer,name}') AS violation
   FROM payment_orders o LEFT JOIN timers t ON t.merchant_id = o.merchant_id AND t.actor_id = o.id
   WHERE o.quarantined_at IS NULL AND t.name IS DISTINCT FROM o.snapshot #>> '{context,timer,name}'`,
  `SELECT format('webhook %s for order %s is not handled since %s', i.event_id, i.actor_id, i.received_at) AS violation
   FROM inbox i JOIN payment_orders o ON o.merchant_id = i.merchant_id AND o.id = i.actor_id
   WHERE o.quarantined_at IS NULL AND i.handled_at IS NULL AND i.received_at < now() - $1::float8 * interval '1 ms'`,
  `SELECT format('what the PSP said of order %s (attempt %s, %s) is not handled since %s', b.actor_id, b.attempt, b.source, b.at) AS violation
   FROM observations b JOIN payment_orders o ON o.merchant_id = b.merchant_id AND o.id = b.actor_id
   WHERE o.quarantined_at IS NULL AND b.handled_at IS NULL AND b.at < now() - $1::float8 * interval '1 ms'`,
];

interface OrderFact {
  readonly id: string;
  readonly state: string;
  readonly isQuarantined: boolean;
  readonly heldReference: string | null;
}

interface EntryFact {
  readonly orderId: string;
  readonly rule: string;
  readonly psp: string | null;
  readonly reference: string | null;
  readonly currency: string;
  readonly amount: string;
}

interface DatabaseFacts {
  readonly violations: readonly string[];
  readonly orders: readonly OrderFact[];
  readonly entries: readonly EntryFact[];
  readonly keys: ReadonlySet<string>;
  readonly readAtMs: number;
}

/** All from one snapshot, so that traffic in between can't make the parts disagree. */
async function readDatabase(sql: postgres.Sql, graceMs: number): Promise<DatabaseFacts> {
  return sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (snapshot) => {
    const [clock] = await snapshot.unsafe<{ ms: number }[]>("SELECT (extract(epoch FROM now()) * 1000)::float8 AS ms");
    const violations: string[] = [];
    for (const statement of STATEMENTS) {
      const usesGrace = statement.includes("$1");
      const rows = await snapshot.unsafe<{ violation: string }[]>(statement, usesGrace ? [graceMs] : []);
      violations.push(...rows.map((row) => row.violation));
    }
    const orders = await snapshot.unsafe<OrderFact[]>(
      `SELECT id, COALESCE(phase, payment_order_status) AS state, quarantined_at IS NOT NULL AS "isQuarantined",
         snapshot #>> '{context,held,reference}' AS "heldReference"
       FROM payment_orders`,
    );
    const entries = await snapshot.unsafe<EntryFact[]>(
      `SELECT e.actor_id AS "orderId", e.rule, e.psp, e.psp_reference AS reference, min(p.currency) AS currency, sum(p.amount)::text AS amount
       FROM journal_entries e
       JOIN postings p ON p.merchant_id = e.merchant_id AND p.actor_id = e.actor_id AND p.seq = e.seq
       GROUP BY e.merchant_id, e.actor_id, e.seq, e.rule, e.psp, e.psp_reference`,
    );
    const keys = await snapshot.unsafe<{ key: string }[]>("SELECT DISTINCT idempotency_key AS key FROM attempts");
    return { violations, orders, entries, keys: new Set(keys.map(({ key }) => key)), readAtMs: clock?.ms ?? 0 };
  });
}

function judge(facts: DatabaseFacts, input: EffectsCheck): IntegrityReport {
  const counts: Record<string, number> = {};
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  for (const order of facts.orders) count(order.isQuarantined ? "orders quarantined" : `orders ${order.state}`);
  for (const entry of facts.entries) count(`entries ${entry.rule}`);
  const violations = [...facts.violations];
  if (input.effects !== null) {
    violations.push(...compareWithPsp(facts, input.effects, input.pspAccount ?? DEFAULT_ACCOUNT, count));
  }
  return { violations, counts };
}

function compareWithPsp(
  { orders, entries, keys, readAtMs }: DatabaseFacts,
  effects: readonly PspEffect[],
  pspAccount: string,
  count: (name: string) => void,
): readonly string[] {
  const violations: string[] = [];
  const orderOf = new Map(orders.map((order) => [order.id, order]));
  const entryOf = new Map<string, EntryFact>();
  // What a charge took beyond what was booked at first stands in an entry of its own.
  const own = entries.filter(({ psp }) => psp === pspAccount);
  for (const entry of own.toSorted((a, b) => (a.reference ?? "").localeCompare(b.reference ?? ""))) {
    const reference = (entry.reference ?? "").replace(/#excess$/, "");
    const first = entryOf.get(reference);
    const isMore = first !== undefined && first.currency === entry.currency;
    entryOf.set(
      reference,
      isMore ? { ...first, amount: `${BigInt(first.amount) + BigInt(entry.amount)}` } : (first ?? entry),
    );
  }
  const succeeded = new Map<string, PspEffect>();

  for (const effect of effects) {
    if (effect.status !== "succeeded") continue;
    succeeded.set(effect.id, effect);
    const what = `effect ${effect.id} (${effect.amount} ${effect.currency}, order ${effect.order_id})`;
    const order = orderOf.get(effect.order_id ?? "");
    const entry = entryOf.get(effect.id);
    count("effects");
    if (entry !== undefined) {
      count(entry.rule === "late_success" ? "effects in suspense" : "effects booked");
      if (entry.orderId !== effect.order_id) violations.push(`${what} is booked to order ${entry.orderId}`);
      if (entry.amount !== effect.amount || entry.currency !== effect.currency) {
        violations.push(`${what} is booked as ${entry.amount} ${entry.currency}`);
      }
      if (order?.heldReference === effect.id) violations.push(`${what} is booked and held for review too`);
      if (entry.rule !== "late_success" && !keys.has(effect.idempotency_key)) {
        violations.push(`${what} has the key ${effect.idempotency_key}, which no attempt sent`);
      }
    } else if (order === undefined) {
      // Made after the database was read.
      if (Date.parse(effect.at) < readAtMs) violations.push(`${what} belongs to no order`);
    } else if (order.isQuarantined || QUEUES.has(order.state)) {
      count("effects in a queue");
    } else if (order.state === "sending") {
      count("effects under way");
    } else {
      violations.push(`${what} is in no book, and its order is ${order.state}`);
    }
  }
  for (const [reference, entry] of entryOf) {
    if (!succeeded.has(reference))
      violations.push(`order ${entry.orderId} has booked ${reference}, which the PSP has not done`);
  }
  return violations;
}
