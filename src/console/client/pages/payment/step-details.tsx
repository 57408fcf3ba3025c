/** One step of the order's life: the event, what it changed in the order's memory, what the machine wanted done. */
import type { HistoryStep } from "../../../contract.ts";
import { compareContexts, type Difference, isTimeAt } from "../../replay/compare-contexts.ts";
import { moneyAt } from "../../replay/context-money.ts";
import type { Effect, Replay } from "../../replay/replay.ts";
import { Empty } from "../../ui/states.tsx";
import { StatusBadge } from "../../ui/status.tsx";
import { formatTime, formatUtc, toWords } from "../../ui/format.ts";
import { Money } from "../../ui/values.tsx";
import { Json } from "../../ui/json.tsx";

interface StepDetailsProps {
  readonly moment: number;
  readonly step: HistoryStep | null;
  /** Null until the machine has arrived. */
  readonly replay: Replay | null;
}

export function StepDetails({ moment, step, replay }: StepDetailsProps) {
  return (
    <section class="step" aria-labelledby="step-title">
      <div>
        <h3 id="step-title">{step === null ? "Created" : step.event.type}</h3>
        {step !== null && (
          <p class="step-move">
            <StatusBadge state={step.from} /> <span aria-hidden="true">→</span>
            <span class="visually-hidden">to</span> <StatusBadge state={step.to} />
          </p>
        )}
        {step === null && (
          <p class="soft">The order was written down with its checkout. Nothing has happened to it yet.</p>
        )}
        {step !== null && (
          <details>
            <summary>The stored event</summary>
            <Json value={step.event} />
            <p class="soft">Committed by node {step.node}. Amounts in it are minor units.</p>
          </details>
        )}
      </div>
      <Changes moment={moment} replay={replay} />
    </section>
  );
}

function Changes({ moment, replay }: { readonly moment: number; readonly replay: Replay | null }) {
  if (replay === null) return <p class="soft">Fetching the machine…</p>;
  if (replay.kind === "impossible")
    return <Empty title="These steps can’t be replayed here">{replay.reason} What was stored is shown.</Empty>;
  const shown = replay.steps[moment];
  const before = replay.steps[moment - 1];
  if (shown === undefined || before === undefined) return null;
  const differences = compareContexts(before.snapshot.context, shown.snapshot.context);
  return (
    <>
      <div>
        <h4>What changed in the order’s memory</h4>
        {differences.length === 0 ? (
          <p class="soft">Nothing.</p>
        ) : (
          <Differences differences={differences} before={before.snapshot.context} after={shown.snapshot.context} />
        )}
      </div>
      <div>
        <h4>What the machine wanted done</h4>
        {shown.effects.length === 0 ? <p class="soft">Nothing.</p> : <Effects effects={shown.effects} />}
        {!shown.isFaithful && (
          <p class="problem-line" role="note">
            By replaying, the machine comes to {shown.state}. It has changed since this was stored.
          </p>
        )}
      </div>
    </>
  );
}

interface DifferencesProps {
  readonly differences: readonly Difference[];
  /** The whole memories: what an amount's currency is stands beside it. */
  readonly before: unknown;
  readonly after: unknown;
}

function Differences({ differences, before: old, after: now }: DifferencesProps) {
  return (
    <table class="diff">
      <caption class="visually-hidden">What this step changed</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {differences.map(({ path, before, after }) => (
          <tr key={path}>
            <th scope="row">{path}</th>
            <td class="was">
              <Value path={path} value={before} context={old} />
            </td>
            <td class="is">
              <Value path={path} value={after} context={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ValueProps {
  readonly path: string;
  readonly value: unknown;
  readonly context: unknown;
}

function Value({ path, value, context }: ValueProps) {
  // A snapshot holds minor units; people read major ones.
  const money = moneyAt(path, value, context);
  if (money !== null) {
    return (
      <span class="stacked">
        {money.map(({ amount, currency }, index) => (
          <Money key={index} amount={amount} currency={currency} />
        ))}
      </span>
    );
  }
  if (typeof value === "number" && isTimeAt(path)) {
    const instant = new Date(value);
    return <time title={formatUtc(instant)}>{formatTime(instant, instant)}</time>;
  }
  if (value === null || value === undefined) return <span class="soft">none</span>;
  return <>{typeof value === "string" ? value : JSON.stringify(value)}</>;
}

const EFFECT_WORDS: Readonly<Record<string, string>> = {
  charge: "Send the charge to the PSP",
  inquire: "Ask the PSP what became of it",
  post: "Book in the same commit",
  announce: "Tell the merchant",
};

export function Effects({ effects }: { readonly effects: readonly Effect[] }) {
  return (
    <ul class="effects">
      {effects.map(({ type, params }, index) => (
        <li key={index}>
          {EFFECT_WORDS[type] ?? type}
          <span class="soft">: {describeParams(params)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The part of an effect that tells it from others; amounts and references are in the books below. */
function describeParams(params: unknown): string {
  if (typeof params !== "object" || params === null) return "";
  const said = ["type", "rule", "attempt"].flatMap((name) => {
    const value: unknown = Reflect.get(params, name);
    if (typeof value === "number") return [`${name} ${value}`];
    return typeof value === "string" ? [toWords(value)] : [];
  });
  return said.join(", ");
}
