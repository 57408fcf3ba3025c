/** Signed out: the sign-in. Signed in: the shell with the page that the address names. */
import { useEffect } from "preact/hooks";
import type { Session } from "../contract.ts";
import { problemOf, UNREACHABLE } from "./api/problem.ts";
import { request } from "./api/request.ts";
import { after } from "./browser-ports.ts";
import { SignInPage } from "./pages/sign-in.tsx";
import { Routes } from "./routes.tsx";
import { Shell } from "./shell.tsx";
import { startLive } from "./state/live.ts";
import { sessionStore } from "./state/session.ts";
import { useStore } from "./state/use-store.ts";
import { ProblemBox, Skeleton } from "./ui/states.tsx";

/** Somebody who looks at a page that only says that it looks should be told what is wrong. */
const PATIENCE_MS = 10_000;

async function readSession(): Promise<void> {
  sessionStore.trigger.sought();
  const patience = new AbortController();
  const cancel = after(PATIENCE_MS, () => patience.abort());
  try {
    const session = await request<Session | null>("/session", { signal: patience.signal });
    if (session === null) sessionStore.trigger.left();
    else sessionStore.trigger.began({ session });
  } catch (error) {
    const problem = patience.signal.aborted ? UNREACHABLE : problemOf(error);
    if (problem.status === 401) sessionStore.trigger.left();
    else sessionStore.trigger.notFoundOut({ problem });
  } finally {
    cancel();
  }
}

export function App() {
  const current = useStore(sessionStore, (context) => context.current);
  const isSignedIn = current.kind === "signed-in";
  useEffect(() => void readSession(), []);
  useEffect(() => (isSignedIn ? startLive() : undefined), [isSignedIn]);
  switch (current.kind) {
    case "unknown":
      return (
        <main class="sign-in">
          {current.problem === null ? (
            <Skeleton rows={3} label="Looking for your session" />
          ) : (
            <ProblemBox problem={current.problem} onRetry={() => void readSession()} />
          )}
        </main>
      );
    case "signed-out":
      return <SignInPage hasEnded={current.hasEnded} />;
    case "signed-in":
      return (
        <Shell session={current.session}>
          <Routes />
        </Shell>
      );
  }
}
