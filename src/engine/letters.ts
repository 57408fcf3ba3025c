/** What is put into an actor's mailbox, and what becomes of it. */
import type { ActorEvent, ActorRef, ActorState } from "./actor.ts";
import type { KeyRow, Mail, Observation } from "./item.ts";

export interface Letter {
  readonly event: ActorEvent;
  /** A command may be refused by the machine; a fact is at most ignored. */
  readonly isCommand: boolean;
  /** The durable mail that it came from, to be marked handled in the same commit. */
  readonly mail: Mail | null;
  /** What a PSP answered, to be stored in the same commit. */
  readonly observation: Observation | null;
  /** For a command: the idempotency row with the answer that the next state gives. */
  readonly toKeyRow: ((next: ActorState) => KeyRow) | null;
  /** Of a fired timer: the deadline that was due. One that the actor has set since then is not meant. */
  readonly dueAtMs?: number;
  /** Since when it waits for somebody, where it lay in the database: no lease may hold it up for ever. */
  readonly waitsSinceMs?: number;
}

export type LetterResult =
  /** The event moved the actor; the state is committed. */
  | { readonly kind: "taken"; readonly state: ActorState }
  /** The event changed nothing. */
  | { readonly kind: "ignored"; readonly state: ActorState }
  /** The machine refuses the command in this state. */
  | { readonly kind: "refused"; readonly state: ActorState }
  /** Another node works on the actor. Durable mail waits for it there. */
  | { readonly kind: "elsewhere"; readonly owner: string | null }
  /** There is no such actor, or none that this build can restore. */
  | { readonly kind: "missing" }
  /** The command's idempotency key is taken. */
  | { readonly kind: "duplicate" }
  /** This node has no room for another live actor now. */
  | { readonly kind: "overloaded" }
  /** The step broke an invariant; the actor is set aside with this reason. */
  | { readonly kind: "quarantined"; readonly reason: string };

export interface Envelope {
  readonly ref: ActorRef;
  readonly letter: Letter;
  readonly resolve: (result: LetterResult) => void;
  /** How often a fence sent it back. */
  readonly returns: number;
}

/** A fact without durable mail, such as a fired timer. */
export function toFactLetter(event: ActorEvent, mail: Mail | null = null): Letter {
  return { event, isCommand: false, mail, observation: null, toKeyRow: null };
}

/**
 * Another node took the deadline, and the actor waits for its next one: firing now would not keep what a PSP asked for.
 * Whether the next one is due is for the database's clock to say, not for this machine's. Its row has whole milliseconds:
 * a deadline of a PSP's fraction of one would else supersede itself for ever.
 */
export function isSuperseded({ timer }: ActorState, { dueAtMs }: Letter): boolean {
  return dueAtMs !== undefined && timer !== null && Math.trunc(timer.dueAtMs) > dueAtMs;
}
