/** Short messages about what was just done: shown for a while, and read out by a live region. */
import { createStore } from "@xstate/store";
import { after } from "../browser-ports.ts";

export interface Notice {
  readonly id: number;
  readonly kind: "done" | "failed";
  readonly text: string;
}

const SHOWN_MS = 7_000;
const NONE: readonly Notice[] = [];

export const noticeStore = createStore({
  context: { notices: NONE, lastId: 0 },
  on: {
    added: ({ notices, lastId }, { kind, text }: { kind: Notice["kind"]; text: string }) => ({
      notices: [...notices, { id: lastId + 1, kind, text }],
      lastId: lastId + 1,
    }),
    dropped: ({ notices, lastId }, { id }: { id: number }) => ({
      notices: notices.filter((notice) => notice.id !== id),
      lastId,
    }),
  },
});

export function tell(kind: Notice["kind"], text: string): void {
  noticeStore.trigger.added({ kind, text });
  const { lastId } = noticeStore.getSnapshot().context;
  after(SHOWN_MS, () => noticeStore.trigger.dropped({ id: lastId }));
}
