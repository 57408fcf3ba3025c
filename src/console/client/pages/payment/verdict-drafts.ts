/**
 * Verdicts that somebody was still writing when the session ended or the page changed. They lie in the page's memory alone,
 * and only whoever wrote them, known by the key, finds them again; signing out forgets them.
 */
import { createStore } from "@xstate/store";
import { sessionStore } from "../../state/session.ts";

export interface Verdict {
  readonly outcome: "succeeded" | "failed";
  readonly amount: string;
  readonly reference: string;
  readonly reason: string;
}

const NONE: ReadonlyMap<string, Verdict> = new Map();

const draftStore = createStore({
  context: { drafts: NONE },
  on: {
    written: ({ drafts }, { name, verdict }: { name: string; verdict: Verdict }) => ({
      drafts: new Map([...drafts, [name, verdict]]),
    }),
    dropped: ({ drafts }, { name }: { name: string }) => ({
      drafts: new Map([...drafts].filter(([other]) => other !== name)),
    }),
    forgotten: () => ({ drafts: NONE }),
  },
});

sessionStore.subscribe(({ context: { current } }) => {
  if (current.kind === "signed-out" && !current.hasEnded) draftStore.trigger.forgotten();
});

/** Null while nobody has signed in. */
function nameOf(orderId: string): string | null {
  const { current } = sessionStore.getSnapshot().context;
  if (current.kind !== "signed-in") return null;
  const { merchant, key_name: key } = current.session;
  return JSON.stringify([merchant.id, key, orderId]);
}

export function findDraft(orderId: string): Verdict | null {
  const name = nameOf(orderId);
  return name === null ? null : (draftStore.getSnapshot().context.drafts.get(name) ?? null);
}

export function keepDraft(orderId: string, verdict: Verdict): void {
  const name = nameOf(orderId);
  if (name !== null) draftStore.trigger.written({ name, verdict });
}

export function dropDraft(orderId: string): void {
  const name = nameOf(orderId);
  if (name !== null) draftStore.trigger.dropped({ name });
}
