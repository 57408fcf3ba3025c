/** Sends again what an endpoint was to be told in a span of time, for a receiver that lost what it had. */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../../api/problem.ts";
import { request } from "../../api/request.ts";
import type { Redelivered } from "../../api/webhook-types.ts";
import { tell } from "../../state/notices.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { formatCount } from "../../ui/format.ts";
import { ProblemBox } from "../../ui/states.tsx";

interface RangeProps {
  readonly path: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const KINDS = [
  { status: "parked", word: "Those whose attempts are spent" },
  { status: "delivered", word: "Those that were delivered, once more" },
  { status: "missing", word: "Those that were never on their way here" },
  { status: "canceled", word: "Those that were canceled" },
] as const;

/** An open end is left out. */
function toInstant(field: HTMLInputElement | null): string | undefined {
  const ms = Date.parse(field?.value ?? "");
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

export function RedeliverRangeDialog({ path, onClose, onDone }: RangeProps) {
  const from = useRef<HTMLInputElement>(null);
  const until = useRef<HTMLInputElement>(null);
  const kind = useRef<HTMLSelectElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const body = { from: toInstant(from.current), to: toInstant(until.current), status: kind.current?.value };
      const answer = await request<Redelivered>(`${path}/redeliver`, { method: "POST", body });
      const count = formatCount(answer.redelivered);
      tell(
        "done",
        answer.has_more
          ? `${count} events are sent again. There are more: redeliver once more.`
          : `${count} events are sent again.`,
      );
      onDone();
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Redeliver a span of time" onClose={onClose}>
      <form class="stack" onSubmit={send}>
        <p>The receiver knows events by their id, so it can leave out what it has had.</p>
        <label class="field">
          <span>Which</span>
          <select ref={kind} name="status">
            {KINDS.map(({ status, word }) => (
              <option key={status} value={status}>
                {word}
              </option>
            ))}
          </select>
        </label>
        <div class="field-row">
          <label class="field">
            <span>Events from</span>
            <input ref={from} name="from" type="datetime-local" />
          </label>
          <label class="field">
            <span>Until</span>
            <input ref={until} name="until" type="datetime-local" />
          </label>
        </div>
        {problem !== null && <ProblemBox problem={problem} />}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="button is-primary" disabled={isBusy}>
            {isBusy ? "Sending…" : "Redeliver"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
