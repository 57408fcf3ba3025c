/**
 * The buyer's data stand in `payment_events` alone, so that they can be erased. A stored answer keeps their place empty, and
 * they are put in each time it is sent; the first answer goes the same way, so that a replay has the same bytes.
 */

/** Nothing that a client chooses stands before the place but the checkout's id, which needs no escapes. */
const EMPTY_PLACE =
  /^(\{"object":"payment_event","checkout_id":"[A-Za-z0-9_-]*","status":"[A-Z_]*","is_payment_done":(?:true|false),"buyer_info":)null/;

/** `stored` is the JSON of a payment event without its buyer; `buyerInfo` is null when there is none, or none any more. */
export function putBuyer(stored: string, buyerInfo: unknown): string {
  if (buyerInfo === null) return stored;
  return stored.replace(EMPTY_PLACE, (_, head: string) => head + JSON.stringify(buyerInfo));
}
