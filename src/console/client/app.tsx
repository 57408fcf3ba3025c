/** Signed out: the sign-in. Signed in: the shell with the page that the address names. */
import { useEffect } from "preact/hooks";
import type { Session } from "../contract.ts";
import { ApiError } from "./api/problem.ts";
import { request } from "./api/request.ts";
import { SignInPage } from "./pages/sign-in.tsx";
import { Routes } from "./routes.tsx";
import { Shell } from "./shell.tsx";
import { startLive } from "./state/live.ts";
import { sessionStore } from "./state/session.ts";
import { useStore } from "./state/use-store.ts";
import { Skeleton } from "./ui/states.tsx";

async function readSession(): Promise<void> {
  try {
    const session = await request<Session | null>("/session");
    if (session === null) sessionStore.trigger.left();
    else sessionStore.trigger.began({ session });
  } catch (error) {
    if (error instanceof ApiError && error.problem.status !== 401) console.warn(error.problem.detail);
    sessionStore.trigger.left();
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
          <Skeleton rows={3} label="Looking for your session" />
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
