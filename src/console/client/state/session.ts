/** Who is signed in. */
import { createStore } from "@xstate/store";
import type { Session } from "../../contract.ts";
import type { Problem } from "../api/problem.ts";

export type SessionState =
  /** While it is looked for; with what went wrong when that could not be found out. */
  | { readonly kind: "unknown"; readonly problem: Problem | null }
  | { readonly kind: "signed-out"; readonly hasEnded: boolean }
  | { readonly kind: "signed-in"; readonly session: Session };

interface SessionContext {
  readonly current: SessionState;
}

const UNKNOWN: SessionContext = { current: { kind: "unknown", problem: null } };

export const sessionStore = createStore({
  context: UNKNOWN,
  on: {
    sought: (): SessionContext => UNKNOWN,
    /** Nobody knows whether there is a session: whoever has one must not be asked for the key again. */
    notFoundOut: (_, { problem }: { problem: Problem }): SessionContext => ({ current: { kind: "unknown", problem } }),
    began: (_, { session }: { session: Session }): SessionContext => ({
      current: { kind: "signed-in", session },
    }),
    /** The server knows no session for us. `hasEnded` tells somebody who was at work why the page went away. */
    ended: (context): SessionContext => ({
      current:
        context.current.kind === "signed-out"
          ? context.current
          : { kind: "signed-out", hasEnded: context.current.kind === "signed-in" },
    }),
    left: (): SessionContext => ({ current: { kind: "signed-out", hasEnded: false } }),
  },
});

/** An operator may act; a reader sees no actions. */
export const mayOperate = ({ current }: SessionContext): boolean =>
  current.kind === "signed-in" && current.session.role === "operator";
