/**
 * PSP webhooks in: the signature on the raw bytes, then the inbox row, then the answer. What the order makes of
 * it comes after; when this process dies in between, the sweeper finds the row.
 */
import { Refusal } from "../core/errors.ts";
import type { Ports } from "../core/ports.ts";
import { createBatcher } from "../db/batcher.ts";
import type { Sql } from "../db/client.ts";
import type { Connectors } from "../engine/actor.ts";
import { toFact, toStamp } from "../engine/calls.ts";
import type { Engine } from "../engine/engine.ts";
import { toFactLetter } from "../engine/letters.ts";
import type { PspNotice } from "../psp/connector.ts";
import { PAYMENT_ORDER_KIND } from "./payment-order-state.ts";
import type { WebhookService } from "./service.ts";

export interface WebhookDeps {
  readonly sql: Sql;
  readonly engine: Engine;
  readonly connectors: Connectors;
  /** Secrets of the PSP account that are valid now; empty when none is configured. */
  readonly secretsOf: (pspAccount: string) => Promise<readonly string[]>;
  readonly ports: Ports;
}

const MAX_BATCH = 200;

interface InboxEntry {
  readonly psp: string;
  readonly notice: PspNotice;
  readonly body: Uint8Array;
  readonly fact: ReturnType<typeof toFact> | null;
}

export function createWebhookService(deps: WebhookDeps): WebhookService {
  const { sql, engine, ports } = deps;

  /** True for a row that is new; a repeat finds its row and changes nothing. */
  const inbox = createBatcher(MAX_BATCH, async (entries: readonly InboxEntry[]) => {
    const rows = entries.map(({ psp, notice, body, fact }, n) => ({
      n,
      psp,
      event_id: notice.eventId,
      type: notice.type,
      merchant_id: fact === null ? null : (notice.subject?.merchantId ?? null),
      actor_id: fact === null ? null : (notice.subject?.orderId ?? null),
      fact,
      body: Buffer.from(body).toString("base64"),
    }));
    const inserted = await sql<{ psp: string; event_id: string }[]>`
      INSERT INTO inbox (psp, event_id, type, merchant_id, actor_kind, actor_id, fact, body, handled_at, disposition)
      SELECT r.psp, r.event_id, r.type, r.merchant_id, CASE WHEN r.actor_id IS NOT NULL THEN ${PAYMENT_ORDER_KIND} END, r.actor_id,
        r.fact, decode(r.body, 'base64'),
        CASE WHEN r.actor_id IS NULL THEN now() END, CASE WHEN r.actor_id IS NULL THEN 'unmatched' END
      FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
        AS r(n integer, psp text, event_id text, type text, merchant_id integer, actor_id uuid, fact json, body text)
      ORDER BY r.psp, r.event_id
      ON CONFLICT DO NOTHING
      RETURNING psp, event_id`;
    const isNew = new Set(inserted.map((row) => `${row.psp}/${row.event_id}`));
    return entries.map(({ psp, notice }) => {
      // Copies within one batch: the first of them is the new one.
      const name = `${psp}/${notice.eventId}`;
      return isNew.delete(name);
    });
  });

  async function handOver(psp: string, notice: PspNotice, fact: ReturnType<typeof toFact>): Promise<void> {
    const { subject, eventId } = notice;
    if (subject === null) return;
    const ref = { kind: PAYMENT_ORDER_KIND, merchantId: subject.merchantId, id: subject.orderId };
    const result = await engine.deliver(ref, toFactLetter(fact, { kind: "inbox", psp, eventId }));
    if (result.kind === "missing") {
      // One that exists is of a machine version that this build does not know, or set aside: its mail stays for later.
      await sql`
        UPDATE inbox i SET handled_at = now(), disposition = 'unmatched'
        WHERE i.psp = ${psp} AND i.event_id = ${eventId} AND i.handled_at IS NULL
          AND NOT EXISTS (SELECT FROM payment_orders o WHERE o.merchant_id = i.merchant_id AND o.id = i.actor_id)`;
    }
  }

  return {
    async receive(pspAccount, body, headers) {
      const connector = deps.connectors.get(pspAccount);
      if (connector === undefined) throw new Refusal("not-found", "No PSP account of this name is configured.");
      const secrets = await deps.secretsOf(pspAccount);
      if (secrets.length === 0) {
        throw new Refusal(
          "webhook-not-configured",
          "No webhook secret is configured for this PSP account yet. Try again later.",
          {
            retryAfterSeconds: 30,
          },
        );
      }
      const verdict = connector.readNotice({ body, headers, nowMs: ports.clock.nowMs(), secrets });
      if (verdict.kind === "forged") {
        throw new Refusal(
          "webhook-signature-invalid",
          `The signature does not fit this body and secret: ${verdict.reason}.`,
        );
      }
      if (verdict.kind === "stale") {
        throw new Refusal(
          "webhook-timestamp-out-of-tolerance",
          `The notice is too old or from the future: ${verdict.reason}.`,
        );
      }
      const { notice } = verdict;
      const operation = Number(notice.subject?.idempotencyKey.split(".").at(-1));
      const isReadable =
        notice.fact !== null &&
        notice.subject !== null &&
        Number.isInteger(operation) &&
        isOrderId(notice.subject.orderId);
      const fact =
        isReadable && notice.fact !== null
          ? toFact(notice.fact, { source: "webhook", operation, attempt: null }, toStamp(ports))
          : null;
      const isNew = await inbox.run({ psp: pspAccount, notice, body, fact });
      if (isNew && fact !== null) void handOver(pspAccount, notice, fact).catch(() => {});
    },
  };
}

function isOrderId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
