/** The replay comes in a file of its own, so that the chart is drawn before the machine has arrived. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { MachineChart, OrderHistory } from "../../../contract.ts";
import type { EdgeVerdict, Prospects } from "../../replay/what-may-happen.ts";
import type { Replay } from "../../replay/replay.ts";

const loadMachine = () => Promise.all([import("../../replay/replay.ts"), import("../../replay/what-may-happen.ts")]);
type Machine = Awaited<ReturnType<typeof loadMachine>>;

export interface Replayed {
  readonly replay: Replay;
  /** What could happen at a moment, judged as of `nowMs`; null when that moment can't be replayed. */
  look(
    chart: MachineChart,
    moment: number,
    nowMs: number,
  ): {
    readonly prospects: Prospects;
    readonly verdicts: readonly EdgeVerdict[];
  } | null;
}

export function useReplay(history: OrderHistory | null): Replayed | null {
  const [machine, setMachine] = useState<Machine | null>(null);
  useEffect(() => {
    void loadMachine().then(setMachine, () => {
      // Without it the chart, the path and the timeline are still there.
    });
  }, []);
  return useMemo(() => {
    if (machine === null || history === null) return null;
    const [{ replayOrder }, { findProspects, judgeEdges }] = machine;
    const replay = replayOrder(history);
    return {
      replay,
      look: (chart, moment, nowMs) => {
        const step = replay.kind === "replayed" ? replay.steps[moment] : undefined;
        if (step === undefined) return null;
        const prospects = findProspects(chart, step.snapshot, nowMs);
        return { prospects, verdicts: judgeEdges(chart, step.snapshot, prospects) };
      },
    };
  }, [machine, history]);
}
