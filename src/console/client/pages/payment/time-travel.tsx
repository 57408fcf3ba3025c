/** The slider over an order's life: a step for each stored transition, by pointer, arrow keys or played. */
import { useEffect, useState } from "preact/hooks";
import type { OrderHistory } from "../../../contract.ts";
import { after } from "../../browser-ports.ts";
import { Icon } from "../../ui/icon.tsx";
import { lookOf } from "../../ui/status.tsx";
import { formatDuration } from "../../ui/format.ts";
import { Time } from "../../ui/values.tsx";
import { toShortEvent } from "../../chart/find-edge.ts";
import { stateAt, stepAt } from "./moments.ts";

interface TimeTravelProps {
  readonly history: OrderHistory;
  readonly createdAt: string;
  readonly moment: number;
  /** Null follows what happens. */
  readonly onMove: (moment: number | null) => void;
}

const PLAY_MS = 900;

export function TimeTravel({ history, createdAt, moment, onMove }: TimeTravelProps) {
  const last = history.transitions.length;
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return;
    if (moment >= last) return setPlaying(false);
    return after(PLAY_MS, () => onMove(moment + 1 === last ? null : moment + 1));
  }, [isPlaying, moment, last]);
  const play = (): void => {
    if (!isPlaying && moment >= last) onMove(0);
    setPlaying(!isPlaying);
  };
  const step = stepAt(history, moment);
  const at = step?.at ?? createdAt;
  const sinceMs = Date.parse(at) - Date.parse(createdAt);
  const words = step === null ? "created" : `${toShortEvent(step.event.type)}, now ${lookOf(step.to).word}`;
  return (
    <div class="travel">
      <button
        type="button"
        class="icon-button is-strong"
        onClick={play}
        disabled={last === 0}
        aria-label={isPlaying ? "Pause" : "Play this payment’s life"}
      >
        <Icon name={isPlaying ? "pause" : "play"} />
      </button>
      <div class="travel-slider">
        <input
          type="range"
          min={0}
          max={last}
          step={1}
          value={moment}
          aria-label="Step of this payment’s life"
          aria-valuetext={`Step ${moment} of ${last}: ${words}`}
          onInput={(event) => {
            setPlaying(false);
            const chosen = Number(event.currentTarget.value);
            onMove(chosen === last ? null : chosen);
          }}
        />
        <div class="travel-ticks" aria-hidden="true">
          {Array.from({ length: last + 1 }, (_, index) => (
            <span
              key={index}
              class={`tick is-${lookOf(stateAt(history, index)).tone} ${index <= moment ? "is-past" : ""}`}
            />
          ))}
        </div>
      </div>
      <p class="travel-where">
        <strong>
          Step {moment} of {last}
        </strong>
        <span class="soft">
          <Time at={at} /> · {sinceMs === 0 ? "created" : `${formatDuration(sinceMs)} after it was created`}
        </span>
      </p>
      <button type="button" class="button is-small" disabled={moment === last} onClick={() => onMove(null)}>
        Latest
      </button>
    </div>
  );
}
