/** The calls that this node has out at PSPs. Each answer is delivered to its actor, whatever has become of it. */
import type { ActorRef, CallIntent } from "./actor.ts";
import { refName } from "./actor.ts";
import { type CallDeps, performCall } from "./calls.ts";
import type { Letter, LetterResult } from "./letters.ts";

export interface CallsOut {
  /** `claim` is that of the time before the calls were committed. */
  send(ref: ActorRef, calls: readonly CallIntent[], claim: number): void;
  /** Whether a call of this actor is out, or its answer not yet taken. */
  has(ref: ActorRef): boolean;
  count(): number;
}

export function createCallsOut(
  deps: CallDeps,
  deliver: (ref: ActorRef, letter: Letter) => Promise<LetterResult>,
): CallsOut {
  const byActor = new Map<string, number>();
  let total = 0;

  function change(name: string, by: 1 | -1): void {
    total += by;
    const left = (byActor.get(name) ?? 0) + by;
    if (left === 0) byActor.delete(name);
    else byActor.set(name, left);
  }

  async function call(ref: ActorRef, intent: CallIntent, claim: number): Promise<void> {
    const name = refName(ref);
    change(name, 1);
    try {
      const { event, observation } = await performCall(deps, ref, intent, claim);
      await deliver(ref, { event, isCommand: false, mail: null, observation, toKeyRow: null });
    } finally {
      change(name, -1);
    }
  }

  return {
    send(ref, calls, claim) {
      for (const intent of calls) void call(ref, intent, claim);
    },
    has: (ref) => byActor.has(refName(ref)),
    count: () => total,
  };
}
