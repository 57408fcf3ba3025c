/** The payment order's chart as it was laid out when Florin was built; the same for every page, read once. */
import { createStore } from "@xstate/store";
import { useEffect } from "preact/hooks";
import type { MachineChart } from "../../contract.ts";
import { ApiError, type Problem, problemOf, toProblem, UNREACHABLE } from "../api/problem.ts";
import { useStore } from "../state/use-store.ts";

export const PAYMENT_ORDER = "paymentOrder";

interface ChartState {
  readonly chart: MachineChart | null;
  readonly problem: Problem | null;
}

const NOTHING: ChartState = { chart: null, problem: null };

const chartStore = createStore({
  context: NOTHING,
  on: {
    came: (_, { chart }: { chart: MachineChart }): ChartState => ({ chart, problem: null }),
    failed: (state, { problem }: { problem: Problem }): ChartState => ({ ...state, problem }),
  },
});

let isRead = false;

async function readChart(): Promise<MachineChart> {
  const answer = await fetch(`/console/machines/${PAYMENT_ORDER}.layout.json`, { credentials: "same-origin" }).catch(
    () => null,
  );
  if (answer === null) throw new ApiError(UNREACHABLE);
  if (!answer.ok) throw new ApiError(toProblem(answer.status, null));
  return answer.json();
}

/** Safe to call often; reads once, and again after a failure. */
export async function loadChart(): Promise<void> {
  if (isRead) return;
  isRead = true;
  try {
    chartStore.trigger.came({ chart: await readChart() });
  } catch (error) {
    isRead = false;
    chartStore.trigger.failed({ problem: problemOf(error) });
  }
}

export function useChart(): ChartState {
  useEffect(() => void loadChart(), []);
  return useStore(chartStore, (state) => state);
}
