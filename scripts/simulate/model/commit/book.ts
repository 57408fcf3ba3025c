/** The books of a step: entries, postings and the accounts' running sums. */
import { int2, int4, int8, text, timestamptz, uuid } from "../casts.ts";
import { checkViolation, foreignKeyViolation, outOfRange, required, uniqueViolation } from "../errors.ts";
import { compareNullable, compareText } from "../order.ts";
import { recordset, type RowOf } from "../recordset.ts";
import { type Account, type Entry, joinKey, keyOf, type Posting } from "../rows.ts";
import { changeRow, listInOrder, listRow, putRow, type Store } from "../store.ts";
import type { UndoLog } from "../undo.ts";
import { isAccepted, type Refused } from "./judge.ts";

const entries = recordset({
  item: int4,
  merchant_id: int4,
  actor_id: uuid,
  seq: int4,
  rule: text,
  psp: text,
  psp_reference: text,
  at: timestamptz,
});

const bySeq = (one: Entry, other: Entry): number => one.seq - other.seq;

export function insertEntries(store: Store, section: string, refused: Refused, undo: UndoLog): void {
  const table = "journal_entries";
  const rows = entries.read(section).filter(({ item }) => isAccepted(refused, item));
  rows.sort(
    (a, b) =>
      compareNullable(a.psp, b.psp, compareText) || compareNullable(a.psp_reference, b.psp_reference, compareText),
  );
  for (const row of rows) {
    const merchantId = required(row.merchant_id, table, "merchant_id");
    const actorId = required(row.actor_id, table, "actor_id");
    const entry: Entry = {
      seq: required(row.seq, table, "seq"),
      rule: required(row.rule, table, "rule"),
      psp: row.psp,
      pspReference: row.psp_reference,
      atMs: required(row.at, table, "at"),
    };
    const key = keyOf(merchantId, actorId);
    if (hasEntry(store, key, entry.seq)) throw uniqueViolation(table, "journal_entries_merchant_id_actor_id_seq_pk");
    if (entry.psp !== null && entry.pspReference !== null) {
      const reference = joinKey(entry.psp, entry.pspReference);
      if (store.bookedReferences.has(reference)) throw uniqueViolation(table, "journal_entries_psp_reference");
      putRow(store.bookedReferences, reference, { merchantId, actorId }, undo);
    }
    undo.touch(key);
    listInOrder(store.entries, key, { row: entry, compare: bySeq }, undo);
  }
}

const hasEntry = (store: Store, key: string, wanted: number): boolean =>
  store.entries.get(key)?.some(({ seq }) => seq === wanted) ?? false;

const POSTING = {
  item: int4,
  merchant_id: int4,
  actor_id: uuid,
  seq: int4,
  leg: int2,
  currency: text,
  debit_account: text,
  debit_kind: text,
  credit_account: text,
  credit_kind: text,
  amount: int8,
  at: timestamptz,
};
const postings = recordset(POSTING);
type Line = RowOf<typeof POSTING>;

/** In PostgreSQL's order: the postings themselves, then the accounts, then the foreign keys. */
export function insertPostings(store: Store, section: string | null, refused: Refused, undo: UndoLog): void {
  const lines = postings.read(section).filter(({ item }) => isAccepted(refused, item));
  const written = lines.map((line) => insertPosting(store, line, undo));
  addToAccounts(store, lines, undo);
  for (const { merchantId, actorId, seq } of written) {
    if (!hasEntry(store, keyOf(merchantId, actorId), seq)) throw foreignKeyViolation("postings", "postings_entry");
  }
}

const byLeg = (one: Posting, other: Posting): number => one.seq - other.seq || one.leg - other.leg;

function insertPosting(store: Store, line: Line, undo: UndoLog): Posting {
  const table = "postings";
  const posting: Posting = {
    merchantId: required(line.merchant_id, table, "merchant_id"),
    actorId: required(line.actor_id, table, "actor_id"),
    seq: required(line.seq, table, "seq"),
    leg: required(line.leg, table, "leg"),
    currency: required(line.currency, table, "currency"),
    debitAccount: required(line.debit_account, table, "debit_account"),
    creditAccount: required(line.credit_account, table, "credit_account"),
    amount: required(line.amount, table, "amount"),
    atMs: required(line.at, table, "at"),
  };
  if (posting.amount <= 0n) throw checkViolation(table, "postings_amount_positive");
  if (posting.debitAccount === posting.creditAccount) throw checkViolation(table, "postings_two_accounts");
  const key = keyOf(posting.merchantId, posting.actorId);
  if (store.postings.get(key)?.some(({ seq, leg }) => seq === posting.seq && leg === posting.leg)) {
    throw uniqueViolation(table, "postings_merchant_id_actor_id_seq_leg_pk");
  }
  listInOrder(store.postings, key, { row: posting, compare: byLeg }, undo);
  const { merchantId, currency } = posting;
  for (const account of [posting.debitAccount, posting.creditAccount]) {
    listRow(store.postingsOfAccount, `${merchantId}/${currency}/${account}`, posting, undo);
  }
  return posting;
}

interface Sum {
  readonly merchantId: number;
  readonly currency: string;
  readonly account: string;
  kind: string | null;
  debits: bigint;
  credits: bigint;
}

/** Everything here was found to be there when the postings were written; but for the kind. */
function addToAccounts(store: Store, lines: readonly Line[], undo: UndoLog): void {
  const table = "accounts";
  const sums = new Map<string, Sum>();
  const sumOf = (line: Line, account: string | null, kind: string | null): Sum => {
    const { merchant_id: merchantId, currency } = line;
    const key = `${merchantId}/${currency}/${account}`;
    const known = sums.get(key);
    if (known !== undefined) {
      if (kind !== null && (known.kind === null || compareText(kind, known.kind) < 0)) known.kind = kind;
      return known;
    }
    const sum = {
      merchantId: merchantId ?? 0,
      currency: currency ?? "",
      account: account ?? "",
      kind,
      debits: 0n,
      credits: 0n,
    };
    sums.set(key, sum);
    return sum;
  };
  for (const line of lines) {
    sumOf(line, line.debit_account, line.debit_kind).debits += line.amount ?? 0n;
    sumOf(line, line.credit_account, line.credit_kind).credits += line.amount ?? 0n;
  }
  for (const [key, { merchantId, currency, account, kind, debits, credits }] of sums) {
    const added: Account = {
      merchantId,
      currency,
      account,
      kind: required(kind, table, "kind"),
      debits: limited(debits),
      credits: limited(credits),
    };
    const known = store.accounts.get(key);
    if (known === undefined) putRow(store.accounts, key, added, undo);
    else {
      changeRow(known, { debits: limited(known.debits + debits), credits: limited(known.credits + credits) }, undo);
    }
  }
}

const BALANCE_LIMIT = 10n ** 38n;

/** `numeric(38,0)`. */
function limited(balance: bigint): bigint {
  if (balance >= BALANCE_LIMIT) throw outOfRange("numeric", balance);
  return balance;
}
