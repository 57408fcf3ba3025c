/**
 * Answers that are the same for every repeat. The row with key and request hash is written in the item that does
 * the work; the answer's bytes are written before they are first sent, and the first writer wins.
 */
import { Refusal } from "../core/errors.ts";
import { createBatcher } from "../db/batcher.ts";
import type { Sql } from "../db/client.ts";
import type { IdempotentCall, StoredAnswer } from "./service.ts";

export interface KeyRecord {
  readonly requestHash: string;
  readonly subject: string;
  readonly answer: { readonly status: number; readonly body: string } | null;
}

export interface IdempotencyStore {
  find(call: Pick<IdempotentCall, "merchantId" | "key">): Promise<KeyRecord | null>;
  /** Stores the answer unless one is there, and returns the one that is. */
  storeAnswer(
    call: IdempotentCall,
    answer: { status: number; body: string },
  ): Promise<{ status: number; body: string }>;
  /** Writes a key with its answer where no work was done under it; returns what is stored. */
  insertAnswered(call: IdempotentCall, subject: string, answer: { status: number; body: string }): Promise<KeyRecord>;
  /** Frees a key whose request was refused after all. */
  free(call: IdempotentCall): Promise<void>;
}

const MAX_BATCH = 500;

interface Row {
  readonly request_hash: Uint8Array;
  readonly subject: string;
  readonly status: number | null;
  readonly answer: string | null;
}

function toRecord(row: Row): KeyRecord {
  return {
    requestHash: Buffer.from(row.request_hash).toString("hex"),
    subject: row.subject,
    answer: row.answer === null || row.status === null ? null : { status: row.status, body: row.answer },
  };
}

export function createIdempotencyStore(sql: Sql): IdempotencyStore {
  async function find({ merchantId, key }: Pick<IdempotentCall, "merchantId" | "key">): Promise<KeyRecord | null> {
    const [row] = await sql<Row[]>`
      SELECT request_hash, subject, status, answer FROM idempotency_keys WHERE merchant_id = ${merchantId} AND key = ${key}`;
    return row === undefined ? null : toRecord(row);
  }

  const writer = createBatcher(
    MAX_BATCH,
    async (inputs: readonly { call: IdempotentCall; status: number; body: string }[]) => {
      const rows = inputs.map(({ call, status, body }, n) => ({
        n,
        merchant_id: call.merchantId,
        key: call.key,
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
      return inputs.map((_, n) => isWritten.has(n));
    },
  );

  return {
    find,
    async storeAnswer(call, answer) {
      if (await writer.run({ call, ...answer })) return answer;
      const stored = await find(call);
      return stored?.answer ?? answer;
    },
    async insertAnswered(call, subject, { status, body }) {
      await sql`
        INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject, status, answer)
        VALUES (${call.merchantId}, ${call.key}, decode(${call.requestHash}, 'hex'), ${subject}, ${status}, ${body})
        ON CONFLICT DO NOTHING`;
      const stored = await find(call);
      return stored ?? { requestHash: call.requestHash, subject, answer: { status, body } };
    },
    async free(call) {
      await sql`DELETE FROM idempotency_keys WHERE merchant_id = ${call.merchantId} AND key = ${call.key} AND answer IS NULL`;
    },
  };
}

/** Throws `idempotency-key-reused` when the key was used for another request. */
export function checkSameRequest(call: IdempotentCall, record: KeyRecord): void {
  if (record.requestHash !== call.requestHash) {
    throw new Refusal(
      "idempotency-key-reused",
      "This Idempotency-Key was used for another request. Use a new key for a new request, or send the first one unchanged.",
    );
  }
}

export function toReplay(answer: { readonly status: number; readonly body: string }): StoredAnswer {
  return { ...answer, isReplay: true };
}
