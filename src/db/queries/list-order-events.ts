import { and, asc, eq, gte, inArray, lt, or, type SQL } from "../drizzle.ts";
import { events } from "../schema/engine.ts";
import type { Database } from "./database.ts";
import { MAX_HISTORY } from "./actor-key.ts";
import { firstIdAt } from "./uuid-range.ts";

export interface OrderEventRow {
  readonly id: string;
  readonly type: string;
  readonly orderVersion: number | null;
  readonly createdAt: Date;
}

export interface OrderEventsQuery {
  readonly merchantId: number;
  /** The order and its payment event. */
  readonly subjectIds: readonly string[];
  /** When the order's steps were written down: the time in their ids. A step may have waited since what caused it. */
  readonly movedAt: readonly Date[];
}

/** An event's id is made just after its step's; the clock may jump between the two by about so much. */
const SLACK_MS = 500;

/**
 * The merchant's events of one order, oldest first. The outbox has no index by subject, because every payment
 * would pay for it; but an event stands beside its step in time, and ids are in the order of time.
 */
export async function listOrderEvents(
  db: Database,
  { merchantId, subjectIds, movedAt }: OrderEventsQuery,
): Promise<readonly OrderEventRow[]> {
  if (movedAt.length === 0) return [];
  return await db
    .select({ id: events.id, type: events.type, orderVersion: events.orderVersion, createdAt: events.createdAt })
    .from(events)
    .where(
      and(eq(events.merchantId, merchantId), inArray(events.subjectId, [...subjectIds]), or(...inSpansOf(movedAt))),
    )
    .orderBy(asc(events.id))
    .limit(MAX_HISTORY);
}

/** Conditions one of which holds for the events of steps that were written at these moments. */
export function inSpansOf(movedAt: readonly Date[]): readonly (SQL | undefined)[] {
  return toSpans(movedAt.map((at) => at.getTime())).map(({ fromMs, toMs }) =>
    and(gte(events.id, firstIdAt(fromMs)), lt(events.id, firstIdAt(toMs))),
  );
}

/** Moments with their slack, overlapping ones joined. */
function toSpans(momentsMs: readonly number[]): readonly { readonly fromMs: number; readonly toMs: number }[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const ms of momentsMs.toSorted((one, other) => one - other)) {
    const last = spans.at(-1);
    if (last !== undefined && ms - SLACK_MS <= last.toMs) last.toMs = ms + SLACK_MS;
    else spans.push({ fromMs: ms - SLACK_MS, toMs: ms + SLACK_MS });
  }
  return spans;
}
