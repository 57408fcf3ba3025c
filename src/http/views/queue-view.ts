/** How much stands in each queue, empty ones too, and how much of it is each order's. */
import { z } from "@hono/zod-openapi";
import { formatAmount } from "../../core/money.ts";
import type { QueueCountRow } from "../../db/queries/count-queues.ts";
import { QUEUES, type QueueName } from "../../db/queries/list-queue.ts";
import type { OrderRow } from "../../db/queries/order-columns.ts";

export function showQueueCounts(rows: readonly QueueCountRow[], nowMs: number) {
  return QUEUES.map((queue) => showCount(queue, rows, nowMs));
}

function showCount(queue: QueueName, rows: readonly QueueCountRow[], nowMs: number) {
  const own = rows.filter((row) => row.queue === queue);
  const oldestMs = own.length === 0 ? null : Math.min(...own.map((row) => row.oldestAt.getTime()));
  return {
    queue,
    count: own.reduce((sum, row) => sum + row.orders, 0),
    oldest_at: oldestMs === null ? null : new Date(oldestMs).toISOString(),
    oldest_age_seconds: oldestMs === null ? null : Math.max(0, Math.floor((nowMs - oldestMs) / 1_000)),
    money_at_risk: own.map((row) => ({ currency: row.currency, amount: formatAmount(row.atRisk, row.currency) })),
  };
}

const money = z.object({ amount: z.string().regex(/^\d+$/), currency: z.string() });
/** Not the whole snapshot: one that can't be restored may still say what the PSP holds, and `countQueues` reads that too. */
const withHeld = z.object({ context: z.object({ held: money }) });
const withLate = z.object({ context: z.object({ late: z.array(money) }) });

/** An order's part of its queue's `money_at_risk`, by the rules of `countQueues`, or the two contradict each other. */
export function showMoneyAtRisk(row: OrderRow, queue: QueueName) {
  const sums = new Map<string, bigint>();
  for (const { amount, currency } of findMoneyAtRisk(row, queue)) {
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(amount));
  }
  return [...sums.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([currency, amount]) => ({ currency, amount: formatAmount(amount, currency) }));
}

function findMoneyAtRisk(
  { snapshot, amount, currency }: OrderRow,
  queue: QueueName,
): readonly { readonly amount: string | bigint; readonly currency: string }[] {
  if (queue === "late") return withLate.safeParse(snapshot).data?.context.late ?? [];
  return [withHeld.safeParse(snapshot).data?.context.held ?? { amount, currency }];
}
