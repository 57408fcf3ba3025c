/** Lets something happen to an order and says what came of it, in the words of the table. */
import { isIgnored, nameOf, showEffect, showMemory, takeStep } from "../payment-order-under-test.ts";
import { type GivenName, GIVENS } from "./givens.ts";
import { HAPPENINGS, type HappeningName } from "./happenings.ts";
import { IGNORED, type Outcome } from "./table.ts";

export interface Verdict {
  readonly eventType: string;
  readonly outcome: Outcome | typeof IGNORED;
  /** Whether the machine says beforehand that it takes the event; a command is refused otherwise. */
  readonly isAccepted: boolean;
}

export function judge(given: GivenName, when: HappeningName): Verdict {
  const life = GIVENS[given]();
  const event = life.tell(HAPPENINGS[when]);
  const step = takeStep(life.snapshot, event);
  const [before, after] = [step.before.context, step.next.context];
  const isKey = (key: string): key is keyof typeof after => key in after;
  const memory = Object.keys(after)
    .filter(isKey)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => `${key} ${showMemory(key, after, event.at)}`);
  return {
    eventType: event.type,
    outcome: isIgnored(step)
      ? IGNORED
      : {
          state: showState(nameOf(step.next)),
          effects: step.effects.map(showEffect).join("; "),
          memory: memory.join("; "),
        },
    isAccepted: life.snapshot.can(event),
  };
}

export const showState = (name: string): string => name.replace("EXECUTING.", "");
