/** Sends again what an endpoint was to be told in a span of time, for a receiver that lost what it had. */
import { useEffect, useRef, useState } from "preact/hooks";
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

/** How far a range that is longer than one answer has come. */
interface Progress {
  readonly count: number;
  readonly cursor: string | null;
}

const NOT_BEGUN: Progress = { count: 0, cursor: null };

interface Run {
  readonly path: string;
  readonly range: Readonly<Record<string, string | undefined>>;
  readonly begin: Progress;
  /** False stops it. */
  readonly onPart: (progress: Progress) => boolean;
}

/**
 * Part after part: to begin once more would send the oldest ones again and never the rest. Whether it came to the end.
 */
async function redeliver({ path, range, begin, onPart }: Run): Promise<boolean> {
  for (let { count, cursor } = begin; ; ) {
    const body = cursor === null ? range : { ...range, cursor };
    const answer = await request<Redelivered>(`${path}/redeliver`, { method: "POST", body });
    count += answer.redelivered;
    cursor = answer.next_cursor;
    const mayGoOn = onPart({ count, cursor });
    if (!answer.has_more) return true;
    if (!mayGoOn) return false;
  }
}

const toSum = (count: number): string => `${formatCount(count)} events are sent again.`;
const toSumOfPart = (count: number): string => `${toSum(count)} There are more, which were not.`;

export function RedeliverRangeDialog({ path, onClose, onDone }: RangeProps) {
  const from = useRef<HTMLInputElement>(null);
  const until = useRef<HTMLInputElement>(null);
  const kind = useRef<HTMLSelectElement>(null);
  const wish = useRef({ isStopped: false, isClosed: false });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isStopping, setStopping] = useState(false);
  const [progress, setProgress] = useState(NOT_BEGUN);
  // Whoever leaves, also by “back”, wants no more of it; what was sent until then is told.
  useEffect(
    () => () => {
      wish.current = { isStopped: true, isClosed: true };
    },
    [],
  );
  const stop = (): void => {
    wish.current.isStopped = true;
    setStopping(true);
  };
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    wish.current.isStopped = false;
    setBusy(true);
    setStopping(false);
    setProblem(null);
    let reached = progress;
    const onPart = (part: Progress): boolean => {
      reached = part;
      setProgress(part);
      return !wish.current.isStopped;
    };
    try {
      const range = { from: toInstant(from.current), to: toInstant(until.current), status: kind.current?.value };
      const isWhole = await redeliver({ path, range, begin: progress, onPart });
      if (isWhole || wish.current.isClosed) tell("done", (isWhole ? toSum : toSumOfPart)(reached.count));
      if (isWhole && !wish.current.isClosed) onClose();
    } catch (error) {
      const failure = problemOf(error);
      setProblem(failure);
      if (wish.current.isClosed) tell("failed", `${toSum(reached.count)} Then it failed. ${failure.detail}`);
    }
    setBusy(false);
    onDone();
  };
  return (
    <Dialog title="Redeliver a span of time" onClose={onClose}>
      <form class="stack" onSubmit={send} onInput={() => setProgress(NOT_BEGUN)}>
        <p>The receiver knows events by their id, so it can leave out what it has had.</p>
        <label class="field">
          <span>Which</span>
          <select ref={kind} name="status" disabled={isBusy}>
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
            <input ref={from} name="from" type="datetime-local" disabled={isBusy} />
          </label>
          <label class="field">
            <span>Until</span>
            <input ref={until} name="until" type="datetime-local" disabled={isBusy} />
          </label>
        </div>
        {problem !== null && <ProblemBox problem={problem} />}
        <div class="dialog-foot">
          <p class="hint dialog-progress" role="status">
            {progress.count > 0 && isBusy && `${formatCount(progress.count)} events are sent again so far…`}
            {progress.count > 0 && !isBusy && toSumOfPart(progress.count)}
          </p>
          <button type="button" class="button" onClick={isBusy ? stop : onClose}>
            {!isBusy ? "Close" : isStopping ? "Stopping…" : "Stop"}
          </button>
          {/* Not disabled: it would lose the focus, and with it the way to “Stop”. */}
          <button type="submit" class="button is-primary" aria-disabled={isBusy}>
            {isBusy ? "Sending…" : progress.count > 0 ? "Go on" : "Redeliver"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
