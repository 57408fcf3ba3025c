/**
 * The way back for orders that were set aside: each that this build can restore goes to the nodes as a dead node's order
 * does, so it is asked about before anything is sent. What is still unreadable stays where it is.
 */
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import type { Sql } from "../../src/db/client.ts";
import type { ActorRow } from "../../src/db/statements/actors.ts";
import type { ActorKind } from "../../src/engine/actor.ts";

export interface ReleaseReport {
  readonly released: number;
  /** Orders that this build still can't restore, with what is wrong. */
  readonly unreadable: readonly { readonly paymentOrderId: string; readonly reason: string }[];
}

type QuarantinedRow = ActorRow & { readonly payment_order_id: string };

/** `paymentOrderIds` null releases all of them. An id that was not set aside is left out. */
export async function releaseOrders(
  sql: Sql,
  kind: ActorKind,
  paymentOrderIds: readonly string[] | null,
): Promise<ReleaseReport> {
  return sql.begin(async (transaction) => {
    const rows = await transaction.unsafe<QuarantinedRow[]>(
      `SELECT ${kind.columns} FROM ${kind.table} o ${kind.join}
       WHERE o.quarantined_at IS NOT NULL
         AND ($1::text IS NULL OR o.payment_order_id IN (SELECT json_array_elements_text($1::text::json)))
       ORDER BY o.merchant_id, o.id
       FOR UPDATE OF o`,
      [paymentOrderIds === null ? null : JSON.stringify(paymentOrderIds)],
    );
    // An owner that has stopped: whoever sweeps next adopts what is its.
    const gone = newUuid(systemPorts);
    const unreadable: { paymentOrderId: string; reason: string }[] = [];
    let released = 0;
    if (rows.length > 0)
      await transaction`INSERT INTO nodes (node_id, name, stopped_at) VALUES (${gone}, 'release', now())`;
    for (const row of rows) {
      const restored = kind.restore(row);
      if ("reason" in restored) {
        unreadable.push({ paymentOrderId: row.payment_order_id, reason: restored.reason });
        continue;
      }
      const { state, version } = restored;
      await transaction.unsafe(
        `UPDATE ${kind.table} SET quarantined_at = NULL, quarantine_reason = NULL, owner = $3::uuid,
           fencing_token = fencing_token + 1
         WHERE merchant_id = $1::int AND id = $2::uuid`,
        [state.ref.merchantId, state.ref.id, state.isTerminal ? null : gone],
      );
      // It was deleted when the order was set aside.
      if (state.timer !== null)
        await transaction`INSERT INTO timers (merchant_id, actor_id, actor_kind, seq, name, due_at)
          VALUES (${state.ref.merchantId}, ${state.ref.id}, ${kind.name}, ${version}, ${state.timer.name},
            ${new Date(state.timer.dueAtMs)})
          ON CONFLICT (merchant_id, actor_id) DO NOTHING`;
      released += 1;
    }
    return { released, unreadable };
  });
}
