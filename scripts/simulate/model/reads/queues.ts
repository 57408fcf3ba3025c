/** The queues in numbers: money by currency, as the orders' snapshots say where it is. */
import type { QueueCountRow } from "../../../../src/db/queries/count-queues.ts";
import { text } from "../casts.ts";
import { invalidParameter, invalidText } from "../errors.ts";
import { compareNullable, compareText } from "../order.ts";
import type { Order } from "../rows.ts";
import type { Store } from "../store.ts";

const QUEUES: ReadonlySet<string | null> = new Set(["retrying", "pending", "resolving", "parked"]);

/** `->`: NULL where there is no such field. */
function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** `numeric`, of which whole amounts are all that a snapshot has. */
function toNumeric(value: unknown): bigint | null {
  const digits = text(value);
  if (digits === null) return null;
  if (!/^\s*[+-]?\d+\s*$/.test(digits)) throw invalidText("numeric", digits);
  return BigInt(digits.trim());
}

interface Queued {
  readonly queue: string;
  readonly order: Order;
  readonly currency: string | null;
  readonly amount: bigint | null;
}

function* findQueued(store: Store, merchantId: number): Generator<Queued> {
  for (const order of store.orders.values()) {
    if (order.merchantId !== merchantId) continue;
    const context = fieldOf(order.snapshot, "context");
    if (QUEUES.has(order.phase) || order.quarantinedAtMs !== null) {
      const held = fieldOf(context, "held");
      yield {
        queue: order.quarantinedAtMs === null ? (order.phase ?? "") : "parked",
        order,
        currency: text(fieldOf(held, "currency")) ?? order.currency,
        amount: toNumeric(fieldOf(held, "amount")) ?? order.amount,
      };
    }
    if (order.lateOpen <= 0) continue;
    const late = fieldOf(context, "late");
    if (late === undefined) continue;
    if (!Array.isArray(late)) throw invalidParameter("cannot call json_to_recordset on a non-array");
    for (const success of late) {
      yield {
        queue: "late",
        order,
        currency: text(fieldOf(success, "currency")),
        amount: toNumeric(fieldOf(success, "amount")),
      };
    }
  }
}

interface Sum {
  readonly queue: string;
  readonly currency: string | null;
  readonly orders: Set<string>;
  oldestMs: number;
  amount: bigint;
}

export function countQueues(store: Store, merchantId: number): readonly QueueCountRow[] {
  const sums = new Map<string, Sum>();
  for (const { queue, order, currency, amount } of findQueued(store, merchantId)) {
    const name = `${queue}/${currency}`;
    const sum = sums.get(name) ?? {
      queue,
      currency,
      orders: new Set<string>(),
      oldestMs: order.stateSinceMs,
      amount: 0n,
    };
    sums.set(name, sum);
    sum.orders.add(order.id);
    sum.oldestMs = Math.min(sum.oldestMs, order.stateSinceMs);
    sum.amount += amount ?? 0n;
  }
  return [...sums.values()]
    .sort((a, b) => compareText(a.queue, b.queue) || compareNullable(a.currency, b.currency, compareText))
    .map(({ queue, currency, orders, oldestMs, amount }) => ({
      queue,
      currency: currency as string,
      orders: orders.size,
      oldestAt: new Date(oldestMs),
      atRisk: amount,
    }));
}
