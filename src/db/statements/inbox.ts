/** PSP notices, stored before they are answered. */
import type { Sql } from "../client.ts";
import { confirmFound } from "../confirm-found.ts";

export interface NewNotice {
  readonly psp: string;
  /** The PSP's id of the notice. */
  readonly eventId: string;
  readonly type: string;
  /** Whose it is; null when nobody can be told. */
  readonly actor: { readonly kind: string; readonly merchantId: number; readonly id: string } | null;
  readonly fact: unknown;
  readonly body: Uint8Array;
}

/** Says for each notice, in order, whether it is new; a repeat finds its row and changes nothing. */
export async function insertNotices(sql: Sql, notices: readonly NewNotice[]): Promise<readonly boolean[]> {
  const rows = notices.map(({ psp, eventId, type, actor, fact, body }, n) => ({
    n,
    psp,
    event_id: eventId,
    type,
    merchant_id: actor?.merchantId ?? null,
    actor_kind: actor?.kind ?? null,
    actor_id: actor?.id ?? null,
    fact,
    body: Buffer.from(body).toString("base64"),
  }));
  const inserted = await sql<{ psp: string; event_id: string }[]>`
    INSERT INTO inbox (psp, event_id, type, merchant_id, actor_kind, actor_id, fact, body, handled_at, disposition)
    SELECT r.psp, r.event_id, r.type, r.merchant_id, r.actor_kind, r.actor_id, r.fact, decode(r.body, 'base64'),
      CASE WHEN r.actor_id IS NULL THEN now() END, CASE WHEN r.actor_id IS NULL THEN 'unmatched' END
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
      AS r(n integer, psp text, event_id text, type text, merchant_id integer, actor_kind text, actor_id uuid, fact json, body text)
    ORDER BY r.psp, r.event_id, r.n
    ON CONFLICT DO NOTHING
    RETURNING psp, event_id`;
  // Our answer ends the PSP's repeats: a notice that was there already must be there after a failover too.
  if (inserted.length < rows.length) await confirmFound(sql);
  const isNew = new Set(inserted.map((row) => `${row.psp}/${row.event_id}`));
  // Copies within one batch: the first of them is the new one.
  return notices.map(({ psp, eventId }) => isNew.delete(`${psp}/${eventId}`));
}

/**
 * Closes a notice for an order that does not exist. One that exists is of a machine version that this build does not
 * know, or set aside: its mail stays for later.
 */
export async function closeUnmatchedNotice(sql: Sql, psp: string, eventId: string): Promise<void> {
  await sql`
    UPDATE inbox i SET handled_at = now(), disposition = 'unmatched'
    WHERE i.psp = ${psp} AND i.event_id = ${eventId} AND i.handled_at IS NULL
      AND NOT EXISTS (SELECT FROM payment_orders o WHERE o.merchant_id = i.merchant_id AND o.id = i.actor_id)`;
}
