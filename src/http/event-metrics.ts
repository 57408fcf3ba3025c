/** Metrics of merchant events: what this process did with them, and what waits in the database for all of them. */
import { Gauge, type Registry } from "prom-client";
import type { Ports } from "../core/ports.ts";
import type { MerchantEvents } from "../events/merchant-events.ts";

export interface EventMetricsDeps {
  readonly registry: Registry;
  readonly events: Pick<MerchantEvents, "status" | "readRelayLag" | "countDeliveries">;
  readonly ports: Ports;
}

type Reading = readonly { readonly labels: Record<string, string>; readonly value: number }[];

/** Counting a backlog takes a moment; several scrapers share one count. */
const CACHE_MS = 5_000;

export function addEventMetrics({ registry, events, ports }: EventMetricsDeps): void {
  function expose(name: string, help: string, labelNames: string[], read: () => Reading | Promise<Reading>): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        this.reset();
        for (const { labels, value } of await read()) this.set(labels, value);
      },
    });
  }
  const single = (value: number): Reading => [{ labels: {}, value }];
  const countDeliveries = cached(ports, () => events.countDeliveries());
  const readRelayLag = cached(ports, () => events.readRelayLag());

  expose("florin_events_relayed_total", "Events that this process gave their place in the order.", [], () =>
    single(events.status().relayed),
  );
  expose("florin_event_relay_lag_seconds", "Age of the oldest event without a place, over all nodes.", [], async () =>
    single(await readRelayLag()),
  );
  expose("florin_webhook_deliveries_made_total", "Webhook deliveries that this process made.", [], () =>
    single(events.status().deliveriesMade),
  );
  expose("florin_webhook_attempts_total", "Webhook attempts of this process by outcome.", ["outcome"], () =>
    Object.entries(events.status().attempts).map(([outcome, value]) => ({ labels: { outcome }, value })),
  );
  expose("florin_webhook_attempt_seconds_total", "Time in those attempts.", [], () =>
    single(events.status().attemptMsTotal / 1_000),
  );
  expose("florin_webhook_attempts_in_flight", "Webhook attempts under way.", [], () =>
    single(events.status().inFlight),
  );
  expose("florin_webhook_deliveries", "Webhook deliveries that are not done, over all nodes.", ["status"], async () =>
    (await countDeliveries()).map(({ status, count }) => ({ labels: { status }, value: count })),
  );
  expose("florin_event_streams_open", "Listeners of GET /v1/events/stream.", [], () =>
    single(events.status().openStreams),
  );
}

function cached<T>({ clock }: Ports, read: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | null = null;
  let readAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonicMs();
    if (value === null || nowMs - readAtMs >= CACHE_MS) {
      readAtMs = nowMs;
      const reading = read();
      value = reading;
      reading.catch(() => {
        if (value === reading) value = null;
      });
    }
    return value;
  };
}
