/** One clock for every age on the page, so that all tick together and a hidden page does not tick at all. */
import { createStore } from "@xstate/store";
import { every, nowMs } from "../browser-ports.ts";

const TICK_MS = 1_000;

export const tickerStore = createStore({
  context: { nowMs: nowMs() },
  on: { ticked: () => ({ nowMs: nowMs() }) },
});

export function startTicker(): void {
  every(TICK_MS, () => {
    if (document.visibilityState === "visible") tickerStore.trigger.ticked();
  });
}
