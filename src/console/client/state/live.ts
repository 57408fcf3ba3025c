/** The overview as the server sends it while things happen. One stream for the whole console. */
import { createStore } from "@xstate/store";
import type { Overview } from "../../contract.ts";
import { type Problem, problemOf } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { nowMs } from "../browser-ports.ts";
import { openEventStream } from "./event-stream.ts";

interface Live {
  readonly overview: Overview | null;
  readonly problem: Problem | null;
  /** False while the stream is being opened again: what is shown may be old. */
  readonly isConnected: boolean;
  /** When the last reading came, on the browser's clock. */
  readonly heardMs: number;
}

const NOTHING: Live = { overview: null, problem: null, isConnected: false, heardMs: 0 };

export const liveStore = createStore({
  context: NOTHING,
  on: {
    came: (state, { overview }: { overview: Overview }): Live => ({
      ...state,
      overview,
      problem: null,
      heardMs: nowMs(),
    }),
    failed: (state, { problem }: { problem: Problem }): Live => ({ ...state, problem }),
    connected: (state): Live => ({ ...state, isConnected: true }),
    lost: (state): Live => ({ ...state, isConnected: false }),
    left: (): Live => NOTHING,
  },
});

/** Begins with a plain request, so that a page is drawn even where a proxy holds streams back. */
export function startLive(): () => void {
  void loadOverview();
  const close = openEventStream("/console/api/live", {
    event: "overview",
    onEvent: (data) => {
      const overview: Overview = JSON.parse(data);
      liveStore.trigger.came({ overview });
    },
    onConnected: () => liveStore.trigger.connected(),
    onLost: () => {
      liveStore.trigger.lost();
      // A session that ended shows in a plain request only.
      void loadOverview();
    },
  });
  return () => {
    close();
    liveStore.trigger.left();
  };
}

export async function loadOverview(): Promise<void> {
  try {
    liveStore.trigger.came({ overview: await request<Overview>("/overview") });
  } catch (error) {
    liveStore.trigger.failed({ problem: problemOf(error) });
  }
}
