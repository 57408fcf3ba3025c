/** Keys under which requests are carried out once, with the bytes that answered them. */
import type { Sql } from "../client.ts";
import { confirmFound } from "../confirm-found.ts";

export interface KeyId {
  readonly merchantId: number;
  readonly key: string;
}

export interface KeyRecord {
  /** SHA-256, hex. */
  readonly requestHash: string;
  readonly subject: string;
  readonly answer: { readonly status: number; readonly body: string } | null;
}

export interface KeyAnswer extends KeyId {
  readonly status: number;
  readonly body: string;
}

interface Row {
  readonly request_hash: Uint8Array;
  readonly subject: string;
  readonly status: number | null;
  readonly answer: string | null;
}

export async function findKey(sql: Sql, { merchantId, key }: KeyId): Promise<KeyRecord | null> {
  const [row] = await sql<Row[]>`
    SELECT request_hash, subject, status, answer FROM idempotency_keys WHERE merchant_id = ${merchantId} AND key = ${key}`;
  if (row === undefined) return null;
  // It is about to be answered again.
  if (row.answer !== null) await confirmFound(sql);
  return {
    requestHash: Buffer.from(row.request_hash).toString("hex"),
    subject: row.subject,
    answer: row.answer === null || row.status === null ? null : { status: row.status, body: row.answer },
  };
}

/** Writes answers where none stands; says for each, in order, whether it was the first. */
export async function storeAnswers(sql: Sql, answers: readonly KeyAnswer[]): Promise<readonly boolean[]> {
  const rows = answers.map(({ merchantId, key, status, body }, n) => ({
    n,
    merchant_id: merchantId,
    key,
    status,
    body,
  }));
  // Rows are locked in one order everywhere: two nodes that store the same keys must not deadlock.
  rows.sort((a, b) => a.merchant_id - b.merchant_id || (a.key < b.key ? -1 : 1));
  const written = await sql<{ n: number }[]>`
    UPDATE idempotency_keys k SET status = a.status, answer = a.body
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS a(n integer, merchant_id integer, key text, status smallint, body text)
    WHERE k.merchant_id = a.merchant_id AND k.key = a.key AND k.answer IS NULL
    RETURNING a.n`;
  const isWritten = new Set(written.map(({ n }) => n));
  return answers.map((_, n) => isWritten.has(n));
}

/** Writes a key with its answer where no work was done under it, unless the key is there. */
export async function insertAnsweredKey(
  sql: Sql,
  { merchantId, key, requestHash, subject, status, body }: KeyAnswer & { requestHash: string; subject: string },
): Promise<void> {
  await sql`
    INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject, status, answer)
    VALUES (${merchantId}, ${key}, decode(${requestHash}, 'hex'), ${subject}, ${status}, ${body})
    ON CONFLICT DO NOTHING`;
}

/** Frees a key that has no answer yet, unless it has come to stand for something else meanwhile. */
export async function freeKey(sql: Sql, { merchantId, key }: KeyId, subject: string): Promise<void> {
  await sql`DELETE FROM idempotency_keys
    WHERE merchant_id = ${merchantId} AND key = ${key} AND subject = ${subject} AND answer IS NULL`;
}
