/**
 * An event as merchants get it, in webhooks, lists and streams: everywhere and each time the same bytes, because they
 * are made from stored text alone. The buyer's data of a payment event stands in the payment event and nowhere else,
 * so it is put in here; when it is erased there, it is gone here too.
 */
import { invariant } from "../core/assert.ts";
import { toPublicId, toUuid } from "../core/ids.ts";
import type { StoredEvent } from "../db/statements/events.ts";
import { isRecord } from "../psp/untrusted-text.ts";

export const eventIdOf = (event: Pick<StoredEvent, "id">): string => toPublicId("evt", toUuid(event.id));

/** JSON: `{"id","type","created_at","data":{"object"},"order_version"}`. */
export function toEventText(event: StoredEvent): string {
  const head = JSON.stringify({ id: eventIdOf(event), type: event.type, created_at: event.createdAt.toISOString() });
  return `${head.slice(0, -1)},"data":{"object":${toObjectText(event)}},"order_version":${event.orderVersion ?? "null"}}`;
}

function toObjectText({ data, buyerInfo }: StoredEvent): string {
  if (buyerInfo === null) return data;
  const object: unknown = JSON.parse(data);
  invariant(isRecord(object), "an event's object is no object");
  const buyer: unknown = JSON.parse(buyerInfo);
  return JSON.stringify({ ...object, buyer_info: buyer });
}

/** What is stored of a payment event: all but the buyer's data, whose place is kept. */
export function toStoredObject(object: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...object, buyer_info: null });
}
