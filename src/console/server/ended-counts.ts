/**
 * How many orders of the last 24 hours have ended, and how. Counting them anew each time would read millions of rows,
 * but what has ended stays so: a span of time in which nothing is open any more is counted once. Where much is still to
 * count, what is known so far is answered, and the rest goes on.
 */
import { type Ports, withinTime } from "../../core/ports.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { SpanCount } from "../../db/queries/count-order-states.ts";
import { createPaced } from "./paced.ts";

export interface EndedCount {
  readonly succeeded: number;
  readonly failed: number;
  /** False while the whole day has not been read once since the start: then both are less than what there is. */
  readonly isComplete: boolean;
}

const SPAN_MS = 600_000;
const DAY_SPANS = 144;
/** Spans of one statement: few enough that it is done in a moment, even where a span has a hundred thousand orders. */
const SPANS_A_TIME = 12;
/** Ids are made a moment before their row, on a node's own clock: a span may still grow for so long. */
const GROWS_FOR_MS = 60_000;
const EVERY_MS = 1_000;
/** A page that waits longer feels slow. */
const PATIENCE_MS = 150;

export function createEndedCounts(
  queries: Pick<ConsoleQueries, "countCreated">,
  ports: Pick<Ports, "clock" | "timers">,
  merchantId: number,
): () => Promise<EndedCount> {
  const known = new Map<number, SpanCount & { readonly isFinal: boolean }>();
  let isComplete = false;

  async function count(spans: readonly number[]): Promise<void> {
    const nowMs = ports.clock.nowMs();
    const counts = await queries.countCreated(
      merchantId,
      spans.map((span) => ({ fromMs: span * SPAN_MS, toMs: (span + 1) * SPAN_MS })),
    );
    for (const [index, span] of spans.entries()) {
      const counted = counts[index];
      if (counted === undefined) continue;
      known.set(span, { ...counted, isFinal: counted.open === 0 && nowMs > (span + 1) * SPAN_MS + GROWS_FOR_MS });
    }
  }

  const refresh = createPaced(
    async () => {
      // The next span too: another node's clock may be ahead.
      const newest = Math.floor(ports.clock.nowMs() / SPAN_MS) + 1;
      for (const span of known.keys()) if (span < newest - DAY_SPANS) known.delete(span);
      const open: number[] = [];
      for (let span = newest; span >= newest - DAY_SPANS; span -= 1)
        if (known.get(span)?.isFinal !== true) open.push(span);
      for (let from = 0; from < open.length; from += SPANS_A_TIME) await count(open.slice(from, from + SPANS_A_TIME));
      isComplete = true;
    },
    { clock: ports.clock, everyMs: EVERY_MS },
  );

  return async () => {
    const refreshed = refresh();
    // The error of a reading that nobody waits for any more is the next one's to tell.
    refreshed.catch(() => {});
    await withinTime(ports, PATIENCE_MS, refreshed, () => undefined);
    let [succeeded, failed] = [0, 0];
    for (const span of known.values()) {
      succeeded += span.succeeded;
      failed += span.failed;
    }
    return { succeeded, failed, isComplete };
  };
}
