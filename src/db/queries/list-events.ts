import { and, desc, eq, inArray, isNotNull, lt, or, sql, type SQL } from "../drizzle.ts";
import type { StoredEvent } from "../statements/events.ts";
import { events } from "../schema/engine.ts";
import { paymentEvents } from "../schema/payments.ts";
import type { Database } from "./database.ts";
import { inSpansOf } from "./list-order-events.ts";

export interface EventPage {
  readonly merchantId: number;
  readonly type: string | null;
  readonly order: EventsOfOrder | null;
  /** Position of the last event of the page before; null for the first page. */
  readonly before: number | null;
  readonly limit: number;
}

/** Which events tell of one order: subjects, and the moments in which one of them moved (see `listOrderEvents`). */
export interface EventsOfOrder {
  readonly subjectIds: readonly string[];
  readonly movedAt: readonly Date[];
}

export interface EventRow extends StoredEvent {
  readonly position: number;
}

const COLUMNS = {
  merchantId: events.merchantId,
  id: events.id,
  type: events.type,
  orderVersion: events.orderVersion,
  createdAt: events.createdAt,
  position: sql<number>`${events.position}::float8`,
  data: sql<string>`${events.data}::text`,
  buyerInfo: sql<string | null>`${paymentEvents.buyerInfo}::text`,
} as const;

const isOfBuyer = and(
  eq(events.type, "payment_event.done"),
  eq(paymentEvents.merchantId, events.merchantId),
  eq(paymentEvents.id, events.subjectId),
);

/** Relayed events, the newest position first. */
export async function listEvents(db: Database, page: EventPage): Promise<readonly EventRow[]> {
  const { merchantId, type, order, before, limit } = page;
  if (order !== null && order.movedAt.length === 0) return [];
  const conditions: (SQL | undefined)[] = [eq(events.merchantId, merchantId), isNotNull(events.position)];
  if (before !== null) conditions.push(lt(events.position, before));
  if (type !== null) conditions.push(eq(events.type, type));
  if (order !== null)
    conditions.push(inArray(events.subjectId, [...order.subjectIds]), or(...inSpansOf(order.movedAt)));
  return await db
    .select(COLUMNS)
    .from(events)
    .leftJoin(paymentEvents, isOfBuyer)
    .where(and(...conditions))
    .orderBy(desc(events.position))
    .limit(limit);
}

/** One relayed event; null when the merchant has none of that id. */
export async function findEvent(db: Database, merchantId: number, id: string): Promise<EventRow | null> {
  const [row] = await db
    .select(COLUMNS)
    .from(events)
    .leftJoin(paymentEvents, isOfBuyer)
    .where(and(eq(events.merchantId, merchantId), eq(events.id, id), isNotNull(events.position)))
    .limit(1);
  return row ?? null;
}
