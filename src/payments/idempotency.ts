/**
 * Answers that are the same for every repeat. The row with key and request hash is written in the item that does
 * the work; the answer's bytes are written before they are first sent, and the first writer wins.
 */
import { Refusal } from "../core/errors.ts";
import type { Ports } from "../core/ports.ts";
import type { Statements } from "../db/access.ts";
import { createBatcher } from "../db/batcher.ts";
import type { KeyRecord } from "../db/statements/idempotency-keys.ts";
import type { IdempotentCall, StoredAnswer } from "./service.ts";

export interface IdempotencyStore {
  find(call: Pick<IdempotentCall, "merchantId" | "key">): Promise<KeyRecord | null>;
  /** Stores the answer unless one is there, and returns the one that is. */
  storeAnswer(
    call: IdempotentCall,
    answer: { status: number; body: string },
  ): Promise<{ status: number; body: string }>;
  /** Writes a key with its answer where no work was done under it; returns what is stored. */
  insertAnswered(call: IdempotentCall, subject: string, answer: { status: number; body: string }): Promise<KeyRecord>;
  /** Frees a key whose request was refused after all, while it stands for that subject. */
  free(call: IdempotentCall, subject: string): Promise<void>;
}

const MAX_BATCH = 500;

export type KeyStatements = Pick<Statements, "findKey" | "storeAnswers" | "insertAnsweredKey" | "freeKey">;

export function createIdempotencyStore(statements: KeyStatements, ports: Ports): IdempotencyStore {
  const writer = createBatcher(ports, MAX_BATCH, statements.storeAnswers);
  const { findKey: find } = statements;
  return {
    find,
    async storeAnswer({ merchantId, key }, answer) {
      if (await writer.run({ merchantId, key, ...answer })) return answer;
      const stored = await find({ merchantId, key });
      return stored?.answer ?? answer;
    },
    async insertAnswered(call, subject, answer) {
      await statements.insertAnsweredKey({ ...call, subject, ...answer });
      const stored = await find(call);
      return stored ?? { requestHash: call.requestHash, subject, answer };
    },
    free: (call, subject) => statements.freeKey(call, subject),
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
