/** How much stands in each queue, empty ones too. */
import { formatAmount } from "../../core/money.ts";
import type { QueueCountRow } from "../../db/queries/count-queues.ts";
import { QUEUES, type QueueName } from "../../db/queries/list-queue.ts";

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
