/**
 * PSP webhooks in: the signature on the raw bytes, then the inbox row, then the answer. What the order makes of
 * it comes after; when this process dies in between, the sweeper finds the row.
 */
import { Refusal } from "../core/errors.ts";
import type { Ports } from "../core/ports.ts";
import type { Statements } from "../db/access.ts";
import { createBatcher } from "../db/batcher.ts";
import type { Connectors } from "../engine/actor.ts";
import { toFact, toStamp } from "../engine/calls.ts";
import type { Engine } from "../engine/engine.ts";
import { toFactLetter } from "../engine/letters.ts";
import type { PspNotice } from "../psp/connector.ts";
import { PAYMENT_ORDER_KIND } from "./payment-order-state.ts";
import type { WebhookService } from "./service.ts";

export interface WebhookDeps {
  readonly statements: Pick<Statements, "insertNotices" | "closeUnmatchedNotice">;
  readonly engine: Engine;
  readonly connectors: Connectors;
  /** Secrets of the PSP account that are valid now; empty when none is configured. */
  readonly secretsOf: (pspAccount: string) => Promise<readonly string[]>;
  readonly ports: Ports;
}

const MAX_BATCH = 200;

export function createWebhookService(deps: WebhookDeps): WebhookService {
  const { statements, engine, ports } = deps;

  const inbox = createBatcher(ports, MAX_BATCH, statements.insertNotices);

  async function handOver(psp: string, notice: PspNotice, fact: ReturnType<typeof toFact>): Promise<void> {
    const { subject, eventId } = notice;
    if (subject === null) return;
    const ref = { kind: PAYMENT_ORDER_KIND, merchantId: subject.merchantId, id: subject.orderId };
    const result = await engine.deliver(ref, toFactLetter(fact, { kind: "inbox", psp, eventId }));
    if (result.kind === "missing") await statements.closeUnmatchedNotice(psp, eventId);
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
      const { subject, eventId, type } = notice;
      const actor =
        fact === null || subject === null
          ? null
          : { kind: PAYMENT_ORDER_KIND, merchantId: subject.merchantId, id: subject.orderId };
      const isNew = await inbox.run({ psp: pspAccount, eventId, type, actor, fact, body });
      if (isNew && fact !== null) void handOver(pspAccount, notice, fact).catch(() => {});
    },
  };
}

function isOrderId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
