/** Commands for an actor that another node works on: stored here, carried out there. */
import type { Sql } from "../client.ts";

export interface NewCommand {
  readonly commandId: string;
  readonly actorKind: string;
  readonly merchantId: number;
  readonly actorId: string;
  readonly event: unknown;
}

/** Under which idempotency key a command is stored. */
export interface CommandKey {
  readonly key: string;
  /** SHA-256, hex. */
  readonly requestHash: string;
  readonly subject: string;
}

/** Stores the command together with its key; false, and nothing is written, when the key is taken. */
export async function insertCommand(
  sql: Sql,
  { commandId, actorKind, merchantId, actorId, event }: NewCommand,
  { key, requestHash, subject }: CommandKey,
): Promise<boolean> {
  const stored = await sql`
    WITH taken AS (
      INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject)
      VALUES (${merchantId}, ${key}, decode(${requestHash}, 'hex'), ${subject})
      ON CONFLICT DO NOTHING RETURNING key
    )
    INSERT INTO commands (command_id, merchant_id, actor_kind, actor_id, command)
    SELECT ${commandId}, ${merchantId}, ${actorKind}, ${actorId}, ${JSON.stringify(event)}::text::json FROM taken
    RETURNING command_id`;
  return stored.length > 0;
}

/** What became of a command; null while nobody has carried it out. */
export async function findCommandResult(sql: Sql, commandId: string): Promise<{ readonly kind: string | null } | null> {
  const [row] = await sql<{ result: { kind: string } | null }[]>`
    SELECT result FROM commands WHERE command_id = ${commandId} AND handled_at IS NOT NULL`;
  return row === undefined ? null : { kind: row.result?.kind ?? null };
}
