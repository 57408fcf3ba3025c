/** All that the page of one payment reads. The history is looked at in a rhythm; the rest is read again when it grew. */
import { useEffect, useRef } from "preact/hooks";
import type { OrderCalls, OrderHistory } from "../../../contract.ts";
import type { Explanation, Page, PaymentOrder, TimelineEntry } from "../../api/types.ts";
import { type Resource, useResource } from "../../state/resource.ts";
import { withQuery } from "../../state/router.ts";
import { stateOf } from "../../ui/status.tsx";

export interface OrderData {
  readonly order: Resource<PaymentOrder>;
  readonly explanation: Resource<Explanation>;
  readonly history: Resource<OrderHistory>;
  readonly timeline: Resource<{ readonly data: readonly TimelineEntry[] }>;
  readonly calls: Resource<OrderCalls>;
  reload(): void;
}

const REFRESH_MS = 1_500;

export function useOrderData(id: string): OrderData {
  const path = `/v1/payments/${encodeURIComponent(id)}`;
  const own = `/payments/${encodeURIComponent(id)}`;
  const order = useOrder(id, path);
  const explanation = useResource<Explanation>(`${path}/explain`);
  const history = useResource<OrderHistory>(`${own}/history`, { everyMs: REFRESH_MS });
  const timeline = useResource<{ readonly data: readonly TimelineEntry[] }>(`${path}/timeline`);
  const calls = useResource<OrderCalls>(`${own}/calls`);
  const readRest = (): void => {
    for (const resource of [order, explanation, timeline, calls]) resource.reload();
  };
  const last = history.data?.transitions.at(-1) ?? null;
  const isBehind =
    last !== null &&
    ((order.data !== null && stateOf(order.data) !== last.to) ||
      (explanation.data !== null && explanation.data.state !== last.to) ||
      (timeline.data !== null &&
        !timeline.data.data.some((entry) => entry.kind === "transition" && entry.seq === last.seq)));
  const askedFor = useRef<number | null>(null);
  useEffect(() => {
    // Once for each step: what is read after the history is at least as new as it.
    if (!isBehind || last === null || askedFor.current === last.seq) return;
    askedFor.current = last.seq;
    readRest();
  }, [isBehind, last?.seq]);
  const reload = (): void => {
    history.reload();
    readRest();
  };
  return { order, explanation, history, timeline, calls, reload };
}

/**
 * Reading an order by its id makes Florin ask the PSP, which writes history. That is welcome once, when somebody opens the
 * page; from then on the order is read from the list of its checkout, or the page would keep asking because it asked.
 */
function useOrder(id: string, path: string): Resource<PaymentOrder> {
  const opened = useResource<PaymentOrder>(path);
  const checkoutId = opened.data?.checkout_id ?? null;
  const checkout = useResource<Page<PaymentOrder>>(
    checkoutId === null ? null : withQuery("/v1/payments", { checkout_id: checkoutId, limit: "100" }),
  );
  const fresh = checkout.data?.data.find((order) => order.payment_order_id === id) ?? opened.data;
  if (fresh === null) return opened;
  return { ...checkout, data: fresh };
}
