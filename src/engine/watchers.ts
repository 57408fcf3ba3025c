/** Who wants to hear of an actor's committed steps on this node. */
import { type ActorRef, type ActorState, refName } from "./actor.ts";

export interface Watchers {
  publish(state: ActorState): void;
  /** Returns the way to stop. */
  watch(ref: ActorRef, listener: (state: ActorState) => void): () => void;
}

export function createWatchers(): Watchers {
  const listeners = new Map<string, Set<(state: ActorState) => void>>();
  return {
    publish(state) {
      const set = listeners.get(refName(state.ref));
      if (set !== undefined) for (const listener of [...set]) listener(state);
    },
    watch(ref, listener) {
      const name = refName(ref);
      const set = listeners.get(name) ?? new Set();
      set.add(listener);
      listeners.set(name, set);
      return () => {
        set.delete(listener);
        if (set.size === 0) listeners.delete(name);
      };
    },
  };
}
