/**
 * One thing that somebody wants done. Its key is made when they say so and stays the same for every repeat, so that a
 * second click or a retry after a lost answer can't do it twice; other words are another intention.
 */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../../api/problem.ts";
import { request } from "../../api/request.ts";
import { newKey } from "../../browser-ports.ts";

export interface Intention {
  readonly isBusy: boolean;
  readonly problem: Problem | null;
  send(path: string, body: unknown): Promise<boolean>;
}

export function useIntention(): Intention {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const meant = useRef<{ readonly text: string; readonly key: string } | null>(null);
  const send = async (path: string, body: unknown): Promise<boolean> => {
    const text = `${path} ${JSON.stringify(body)}`;
    if (meant.current?.text !== text) meant.current = { text, key: newKey() };
    setBusy(true);
    setProblem(null);
    try {
      await request(path, { method: "POST", body, idempotencyKey: meant.current.key });
      return true;
    } catch (error) {
      setProblem(problemOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, problem, send };
}
