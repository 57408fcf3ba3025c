/** Mistakes in the SQL function of the group commit, one line each, that the differential test must find. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const JOURNAL = fileURLToPath(new URL("../../../src/db/migrations/0001_journal.sql", import.meta.url));

export interface Mistake {
  /** In the present tense, as what goes wrong. */
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

export const MISTAKES: readonly Mistake[] = [
  {
    what: "an actor that another node has taken may still be moved",
    from: "o.version = w.version AND o.fencing_token = w.token AS holds",
    to: "o.version = w.version AS holds",
  },
  {
    what: "an actor that has moved on may be moved again",
    from: "o.version = w.version AND o.fencing_token = w.token AS holds",
    to: "o.fencing_token = w.token AS holds",
  },
  {
    what: "a step is taken for committed, whoever's it was",
    from: "bool_and(t.step_id IS NOT DISTINCT FROM w.step_id)",
    to: "bool_and(t.step_id IS NOT NULL)",
  },
  {
    what: "an account gets one amount of each batch",
    from: "min(side.kind), sum(side.debit), sum(side.credit)",
    to: "min(side.kind), max(side.debit), max(side.credit)",
  },
  {
    what: "an account that exists forgets what it was credited before",
    from: "SET debits = a.debits + excluded.debits, credits = a.credits + excluded.credits",
    to: "SET debits = a.debits + excluded.debits, credits = excluded.credits",
  },
  {
    what: "the observation of a fenced item counts as handled",
    from: "CASE WHEN b.is_handled AND NOT b.item = ANY (bad) THEN b.at END",
    to: "CASE WHEN b.is_handled THEN b.at END",
  },
  {
    what: "the observation of a fenced item is lost",
    from: "    ORDER BY b.merchant_id, b.actor_id, b.attempt\n    ON CONFLICT DO NOTHING;",
    to: "    WHERE NOT b.item = ANY (bad)\n    ORDER BY b.merchant_id, b.actor_id, b.attempt\n    ON CONFLICT DO NOTHING;",
  },
  {
    what: "a taken order id comes before a taken key",
    from: "ORDER BY t.item, t.rank",
    to: "ORDER BY t.item, t.rank DESC",
  },
  {
    what: "the key of a refused item is written",
    from: "item integer, merchant_id integer, key text, request_hash text, subject text, status smallint, answer text)\n    WHERE NOT k.item = ANY (bad)",
    to: "item integer, merchant_id integer, key text, request_hash text, subject text, status smallint, answer text)\n    WHERE true",
  },
  {
    what: "a key that comes with a step is not written",
    from: "  IF p_keys IS NOT NULL THEN",
    to: "  IF p_keys IS NOT NULL AND p_created IS NOT NULL THEN",
  },
  {
    what: "a deadline that is over stays",
    from: "AND t.name IS NULL AND NOT t.item = ANY (bad);",
    to: "AND t.name IS NULL AND t.item = ANY (bad);",
  },
  {
    what: "of two orders that succeed in one batch one is counted",
    from: "count(*) FILTER (WHERE s.succeeded) AS succeeded",
    to: "least(count(*) FILTER (WHERE s.succeeded), 1) AS succeeded",
  },
  {
    what: "a payment event is done when all its orders have ended",
    from: "is_payment_done = e.succeeded_order_count + n.succeeded = e.order_count",
    to: "is_payment_done = e.open_order_count - n.orders = 0",
  },
  {
    what: "mail that was handled is handled again",
    from: "AND c.command_id = m.command_id AND c.handled_at IS NULL AND",
    to: "AND c.command_id = m.command_id AND",
  },
  {
    what: "an order is new in its state after each step",
    from: "CASE WHEN o.payment_order_status = m.status AND o.phase IS NOT DISTINCT FROM m.phase",
    to: "CASE WHEN o.payment_order_status = m.status AND o.phase = m.phase",
  },
];

/** The account as it was when the statement began. */
const BEFORE = "FROM accounts b WHERE (b.merchant_id, b.currency, b.account) = (a.merchant_id, a.currency, a.account)";

/** Mistakes that only show when two connections meet: the races must find them. */
export const RACE_MISTAKES: readonly (Mistake & { readonly where: "function" | "statement" })[] = [
  {
    what: "an actor is judged without being locked",
    where: "function",
    from: "      ORDER BY o.merchant_id, o.id\n      FOR UPDATE OF o\n",
    to: "      ORDER BY o.merchant_id, o.id\n",
  },
  {
    what: "of two checkouts with one id the second keeps its orders and loses its event",
    where: "function",
    from: "    WHERE NOT c.item = ANY (bad)\n    ORDER BY c.merchant_id, c.checkout_id;",
    to: "    WHERE NOT c.item = ANY (bad)\n    ORDER BY c.merchant_id, c.checkout_id\n    ON CONFLICT DO NOTHING;",
  },
  {
    what: "an account is written as it was read",
    where: "function",
    from: "SET debits = a.debits + excluded.debits, credits = a.credits + excluded.credits",
    to: `SET debits = coalesce((SELECT b.debits ${BEFORE}), 0) + excluded.debits, credits = coalesce((SELECT b.credits ${BEFORE}), 0) + excluded.credits`,
  },
  {
    what: "two nodes adopt the same orders",
    where: "statement",
    from: "FOR UPDATE OF o SKIP LOCKED",
    to: "",
  },
  {
    what: "a node that adopts waits for another",
    where: "statement",
    from: "FOR UPDATE OF o SKIP LOCKED",
    to: "FOR UPDATE OF o",
  },
];

/** What the races need to run with the mistake. */
export function toRaceOptions(mistake: (typeof RACE_MISTAKES)[number]): {
  readonly commitFunction: string;
  readonly rewrite?: (text: string) => string;
} {
  const { where, from, to } = mistake;
  if (where === "function") return { commitFunction: plant(mistake) };
  return { commitFunction: readFunction(), rewrite: (text) => text.replace(from, () => to) };
}

function readFunction(): string {
  const [definition = ""] = readFileSync(JOURNAL, "utf8").split("--> statement-breakpoint");
  return definition.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION");
}

/** The function as the migration makes it, with that one line changed. */
export function plant({ from, to, what }: Mistake): string {
  const definition = readFunction();
  if (definition.split(from).length !== 2) {
    throw new Error(`the line of the mistake "${what}" is not in the function, or not once`);
  }
  // A text, not a pattern: `$` means nothing here.
  return definition.replace(from, () => to);
}
