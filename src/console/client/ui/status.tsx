/** States of orders as a shape, a colour and a word: any of the three is enough. */
import type { IconName } from "./icon.tsx";
import { Icon } from "./icon.tsx";

export type Tone = "good" | "bad" | "warn" | "busy" | "quiet";

interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: IconName;
}

const LOOKS: Readonly<Record<string, Look>> = {
  NOT_STARTED: { word: "Not started", tone: "quiet", icon: "idle" },
  "EXECUTING.sending": { word: "Sending", tone: "busy", icon: "moving" },
  "EXECUTING.pending": { word: "Pending", tone: "busy", icon: "waiting" },
  "EXECUTING.resolving": { word: "Resolving", tone: "warn", icon: "asking" },
  "EXECUTING.retrying": { word: "Retrying", tone: "warn", icon: "again" },
  "EXECUTING.authorized": { word: "Authorized", tone: "busy", icon: "held" },
  "EXECUTING.parked": { word: "Parked", tone: "bad", icon: "warning" },
  SUCCESS: { word: "Succeeded", tone: "good", icon: "done" },
  FAILED: { word: "Failed", tone: "bad", icon: "failed" },
};

export const lookOf = (state: string): Look => LOOKS[state] ?? { word: state, tone: "quiet", icon: "idle" };

/** The machine's name of an order's state. */
export function stateOf({ status, phase }: { readonly status: string; readonly phase: string | null }): string {
  return phase === null ? status : `${status}.${phase}`;
}

export function StatusBadge({ state }: { readonly state: string }) {
  const { word, tone, icon } = lookOf(state);
  return <Badge tone={tone} icon={icon} text={word} />;
}

export function Badge({ tone, icon, text }: { readonly tone: Tone; readonly icon: IconName; readonly text: string }) {
  return (
    <span class={`badge is-${tone}`}>
      <Icon name={icon} />
      {text}
    </span>
  );
}

const OUTCOME_TONES: Readonly<Record<string, readonly [Tone, IconName]>> = {
  succeeded: ["good", "done"],
  pending: ["busy", "waiting"],
  declined: ["bad", "failed"],
  unsent: ["warn", "again"],
  unknown: ["warn", "asking"],
  not_found: ["quiet", "search"],
};

/** What became of one call to a PSP; null while no answer is known. */
export function OutcomeBadge({ outcome }: { readonly outcome: string | null }) {
  if (outcome === null) return <Badge tone="busy" icon="moving" text="no answer yet" />;
  const [tone, icon] = OUTCOME_TONES[outcome] ?? ["quiet", "idle"];
  return <Badge tone={tone} icon={icon} text={outcome.replace("_", " ")} />;
}
