/**
 * XState's pure `transition()`, made once for a machine. XState's own makes and starts off an actor at each call, to have
 * something that the machine's actions may refer to: a quarter of what Node spends on a payment. Here that actor is made
 * once. For machines that neither spawn nor invoke, as all of ours: children would be this one actor's for ever.
 */
import {
  type AnyActorScope,
  type AnyStateMachine,
  createActor,
  type EventObject,
  type ExecutableActionObject,
  type Snapshot,
} from "xstate";

/** The next snapshot and the actions that it asks for, which are not carried out. The same snapshot when nothing changes. */
export type PureTransition<S, E> = (
  snapshot: S,
  event: E,
) => readonly [next: S, actions: readonly ExecutableActionObject[]];

const nothing = (): void => {};

export function createPureTransition<S extends Snapshot<unknown>, E extends EventObject>(
  machine: AnyStateMachine & { transition(snapshot: S, event: E, scope: AnyActorScope): S },
): PureTransition<S, E> {
  // Never started: it is only what `self` and `system` mean to the machine.
  const self = createActor(machine);
  const scope: Omit<AnyActorScope, "actionExecutor"> = {
    self,
    id: self.id,
    sessionId: self.sessionId,
    system: self.system,
    logger: nothing,
    defer: nothing,
    emit: nothing,
    stopChild: nothing,
  };
  return (snapshot, event) => {
    const actions: ExecutableActionObject[] = [];
    const actionExecutor = (action: ExecutableActionObject): void => {
      actions.push(action);
    };
    const next: S = machine.transition(snapshot, event, { ...scope, actionExecutor });
    return [next, actions];
  };
}
