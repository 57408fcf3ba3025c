/** The journal item of one step of an actor that exists: its guard, what the decision writes, and the mail it takes. */
import type { ActorRef, ActorState, Decision } from "./actor.ts";
import { addDecision, ItemBuilder, type JournalItem } from "./item.ts";
import type { Letter } from "./letters.ts";

export interface Step {
  readonly ref: ActorRef;
  readonly before: ActorState;
  readonly version: number;
  readonly token: number;
  readonly letter: Letter;
  readonly decision: Decision;
  /** Who owns the actor after the step, and with which token. */
  readonly owner: string | null;
  readonly tokenAfter: number;
  readonly node: string;
  readonly newId: () => string;
}

/** A decision that changes nothing is guarded too: on another state it might have meant something. */
export function toStepItem(step: Step): JournalItem {
  const { ref, before, version, letter, decision, node, newId } = step;
  const stepId = newId();
  const at = new Date(letter.event.at).toISOString();
  const item = new ItemBuilder().guard(ref, { version, token: step.token, stepId });
  if (decision.isChange) {
    item.moved({ before, after: decision.next, owner: step.owner, token: step.tokenAfter, doneEventId: newId() });
    addDecision(item, {
      before,
      decision,
      seq: version + 1,
      stepId,
      event: letter.event,
      at,
      node,
      trace: null,
      newId,
    });
  }
  if (letter.observation !== null) item.observation(ref, letter.observation, { at, node, isHandled: true });
  if (letter.mail !== null) {
    const kind = decision.isChange ? "taken" : "ignored";
    item.mail(ref, letter.mail, { disposition: kind, result: { kind } });
  }
  if (letter.toKeyRow !== null) item.key(letter.toKeyRow(decision.next));
  return item.build();
}
