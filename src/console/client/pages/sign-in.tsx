/** An API key opens the console; the server keeps it in a cookie that no script reads. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../../contract.ts";
import { type Problem, problemOf } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { sessionStore } from "../state/session.ts";
import { ProblemBox } from "../ui/states.tsx";
import { ThemeSwitch } from "../ui/theme-switch.tsx";

export function SignInPage({ hasEnded }: { readonly hasEnded: boolean }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const keyField = useRef<HTMLInputElement>(null);
  const readOnly = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in – Florin";
    keyField.current?.focus();
  }, []);

  const signIn = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const body = { api_key: keyField.current?.value.trim() ?? "", read_only: readOnly.current?.checked === true };
      const session = await request<Session>("/session", { method: "POST", body });
      sessionStore.trigger.began({ session });
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
      keyField.current?.focus();
    }
  };

  return (
    <main class="sign-in">
      <form class="sign-in-card" onSubmit={signIn}>
        <div class="sign-in-brand">
          <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <rect width="32" height="32" rx="8" />
            <path d="M11 25V8h11M11 16h8M7.5 21.5h8" />
          </svg>
          <ThemeSwitch />
        </div>
        <h1>Florin console</h1>
        {hasEnded && (
          <p class="hint" role="status">
            Your session has ended. Sign in again and you are back where you were.
          </p>
        )}
        <label class="field">
          <span>API key</span>
          <input
            ref={keyField}
            id="api-key"
            name="api_key"
            type="password"
            required
            autocomplete="current-password"
            spellcheck={false}
            placeholder="sk_test_…"
            aria-describedby="key-hint"
          />
        </label>
        <p class="hint" id="key-hint">
          {"It was printed when Florin started, and stands in "}
          <code>bootstrap-api-key</code>
          {" in its data folder ("}
          <code>.data</code>
          {"). On a shared database: "}
          <code>npm run merchant</code>.
        </p>
        <label class="check">
          <input ref={readOnly} type="checkbox" name="read_only" />
          <span>
            Read only
            <span class="soft">Look at everything, change nothing</span>
          </span>
        </label>
        {problem !== null && <ProblemBox problem={problem} />}
        <button type="submit" class="button is-primary is-wide" disabled={isBusy}>
          {isBusy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
