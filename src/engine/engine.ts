/**
 * Decide, commit, act. One letter of an actor at a time: the machine decides on the last committed state, the
 * journal commits, and only a known commit becomes the present and lets the calls go out. An actor is in memory
 * while it has a call out or mail to take; at rest it is a row, and its next event brings it back.
 */
import type { Logger } from "pino";
import { newUuid } from "../core/ids.ts";
import type { Ports } from "../core/ports.ts";
import { type ActorEvent, type ActorKind, type ActorRef, type ActorState, refName, type StoredActor } from "./actor.ts";
import type { ActorStore } from "./actor-store.ts";
import { type CallDeps, toStamp } from "./calls.ts";
import { createCallsOut } from "./calls-out.ts";
import { createArrivals } from "./arrivals.ts";
import { createDrain } from "./drain.ts";
import { addDecision, ItemBuilder } from "./item.ts";
import type { Journal, Verdict } from "./journal.ts";
import type { Leases } from "./leases/leases.ts";
import { type Envelope, isSuperseded, type Letter, type LetterResult, toFactLetter } from "./letters.ts";
import type { Ownership } from "./ownership.ts";
import { toStepItem } from "./step-item.ts";
import { createWatchers } from "./watchers.ts";

export interface EngineOptions {
  readonly kinds: ReadonlyMap<string, ActorKind>;
  readonly store: ActorStore;
  readonly journal: Journal;
  readonly leases: Leases;
  readonly ownership: Ownership;
  readonly calls: Omit<CallDeps, "ownership" | "ports" | "store">;
  readonly ports: Ports;
  readonly log: Logger;
  readonly maxLiveActors: number;
  readonly onStep?: (step: CommittedStep) => void;
}

export interface CommittedStep {
  readonly before: ActorState | null;
  readonly after: ActorState;
  readonly event: ActorEvent;
}

/** A new actor and the event that starts it. */
export interface Opening {
  readonly state: ActorState;
  readonly publicId: string;
  readonly event: ActorEvent;
}

export type CreateResult =
  | { readonly kind: "created"; readonly states: readonly ActorState[] }
  | { readonly kind: "overloaded" }
  | Exclude<Verdict, { kind: "committed" }>;

export interface Engine {
  /** Creates actors in one item; `compose` adds the rows that go with them, seeing the states they will have. */
  create(
    openings: readonly Opening[],
    compose: (item: ItemBuilder, states: readonly ActorState[]) => void,
  ): Promise<CreateResult>;
  /** Puts a letter into the actor's mailbox, bringing the actor into memory if need be. */
  deliver(ref: ActorRef, letter: Letter): Promise<LetterResult>;
  /** Takes in actors that were adopted from a dead node and tells each that it was. */
  admit(adopted: readonly StoredActor[]): Promise<readonly LetterResult[]>;
  /** Calls back after each committed step of that actor on this node. Returns the way to stop. */
  watch(ref: ActorRef, listener: (state: ActorState) => void): () => void;
  /** Live actors now, and the room that is left. */
  size(): { readonly live: number; readonly free: number };
  /** Takes no new actors; waits for open calls until `graceMs` have passed. */
  drain(graceMs: number): Promise<void>;
  /** Calls back when the node has drained: what is waited for comes from elsewhere, if at all. Returns the way to stop. */
  onDrained(listener: () => void): () => void;
  isLive(ref: ActorRef): boolean;
}

interface Live {
  readonly ref: ActorRef;
  readonly kind: ActorKind;
  readonly mailbox: Envelope[];
  state: ActorState;
  version: number;
  token: number;
  isOwned: boolean;
  isPumping: boolean;
}

/** A letter that was fenced this often is left to the sweeper, which finds durable mail again. */
const MAX_RETURNS = 8;
/** While the database is away nothing that waits for it is given up: a longer line would only fill the memory. */
const MAX_WAITING_ITEMS = 10_000;

export function createEngine(options: EngineOptions): Engine {
  const { kinds, store, journal, leases, ownership, ports, log } = options;
  const callDeps: CallDeps = { ...options.calls, store, ownership, ports };
  const lives = new Map<string, Live>();
  const { publish, watch } = createWatchers();
  const callsOut = createCallsOut(callDeps, deliver);
  const drain = createDrain(ports, () => callsOut.count() > 0 || journal.depth() > 0);
  /**
   * Actors whose creation is being committed, and what has come for them. They have a place: a burst must not find the same
   * one free twice. And they are alive: their row may stand in the database long before its news is here, and whoever took
   * it from there (a look for strays, a repeated request's cancel) would ask the PSP about an order that is about to be sent.
   */
  const creating = new Map<string, Envelope[]>();
  const freePlaces = (): number => Math.max(0, options.maxLiveActors - lives.size - creating.size - arrivals.count());

  const newId = (): string => newUuid(ports);
  const { node } = ownership;
  const arrivals = createArrivals({
    kinds,
    store,
    journal,
    leases,
    ports,
    log,
    node,
    admit(kind, actor, envelopes) {
      const live = lives.get(refName(actor.state.ref)) ?? adoptIntoMemory(kind, actor);
      live.mailbox.push(...envelopes);
      void pump(live);
    },
  });

  const adoptedNow = (): ActorEvent => ({ type: "order.adopted", ...toStamp(ports) });

  function evict(live: Live): void {
    const name = refName(live.ref);
    if (lives.get(name) === live) lives.delete(name);
    leases.giveBack(name);
  }

  function adoptIntoMemory(kind: ActorKind, actor: StoredActor): Live {
    const live: Live = {
      ref: actor.state.ref,
      kind,
      mailbox: [],
      state: actor.state,
      version: actor.version,
      token: actor.token,
      isOwned: actor.owner === node,
      isPumping: false,
    };
    lives.set(refName(live.ref), live);
    return live;
  }

  async function pump(live: Live): Promise<void> {
    if (live.isPumping) return;
    live.isPumping = true;
    let isAdopted = false;
    for (let envelope = live.mailbox.shift(); envelope !== undefined; envelope = live.mailbox.shift()) {
      try {
        const isStale = envelope.returns === 0 && live.state.isStaleFor(envelope.letter.event);
        if (isStale || (await step(live, envelope))) {
          returnMail(live, envelope);
          return;
        }
        isAdopted = envelope.letter.event.type === "order.adopted";
      } catch (error) {
        await setAside(live, envelope, error instanceof Error ? error.message : String(error));
        return;
      }
    }
    live.isPumping = false;
    if (live.state.hasOpenCall) {
      // Its call is out at nobody's when the answer of its adoption was lost: nothing else would ever move it.
      if (!callsOut.has(live.ref) && !isAdopted) void deliver(live.ref, toFactLetter(adoptedNow()));
      return;
    }
    // Only an adoption that found nothing to do leaves an owner behind.
    if (live.isOwned) await giveUp(live);
    if (!live.isPumping && live.mailbox.length === 0 && !live.state.hasOpenCall) evict(live);
  }

  async function giveUp(live: Live): Promise<void> {
    try {
      await store.release(live.kind, live.ref, live.version);
      live.isOwned = false;
    } catch (error) {
      log.warn(
        { err: error, order: live.ref.id },
        "an idle order could not be given up; it is adopted again when this node ends",
      );
    }
  }

  /** The actor moved on elsewhere, or its row knows more: forget what we hold and let each letter find it anew. */
  function returnMail(live: Live, envelope: Envelope): void {
    evict(live);
    for (const back of [envelope, ...live.mailbox.splice(0)]) {
      const { observation } = back.letter;
      // The fenced item kept the observation; from now on it is durable mail.
      const letter: Letter =
        observation === null || back !== envelope
          ? back.letter
          : {
              ...back.letter,
              observation: null,
              mail: { kind: "observation", attempt: observation.attempt, source: observation.source },
            };
      if (back.returns < MAX_RETURNS) {
        arrivals.enqueue({ ...back, letter, returns: back.returns + 1 });
        continue;
      }
      // A receipt that came behind the fenced letter is in no table yet.
      void arrivals.keepObservation({ ...back, letter }).then(() => back.resolve({ kind: "elsewhere", owner: null }));
    }
  }

  async function setAside(live: Live, envelope: Envelope, reason: string): Promise<void> {
    log.error(
      { order: live.ref.id, event: envelope.letter.event.type, reason },
      "a step broke an invariant; the order is set aside",
    );
    evict(live);
    const envelopes = [envelope, ...live.mailbox.splice(0)];
    for (const one of envelopes) await arrivals.keepObservation(one);
    try {
      await store.quarantine(live.kind, { ref: live.ref, version: live.version, reason });
    } catch (error) {
      log.error({ err: error, order: live.ref.id }, "the order could not be set aside in the database");
    }
    arrivals.settleAll(envelopes, { kind: "quarantined", reason });
  }

  /** Takes one letter. Returns true when the commit was fenced. */
  async function step(live: Live, envelope: Envelope): Promise<boolean> {
    const { letter } = envelope;
    const before = live.state;
    if (letter.isCommand && !before.accepts(letter.event)) {
      return refuse(live, envelope);
    }
    if (isSuperseded(before, letter)) {
      envelope.resolve({ kind: "ignored", state: before });
      return false;
    }
    const claim = ownership.claim();
    const decision = before.decide(letter.event);
    if (!decision.isChange && letter.mail === null && letter.observation === null && letter.toKeyRow === null) {
      envelope.resolve({ kind: "ignored", state: before });
      return false;
    }
    const ownerAfter = decision.next.hasOpenCall ? node : null;
    const tokenAfter = ownerAfter !== null && !live.isOwned ? live.token + 1 : live.token;
    const verdict = await journal.commit(
      toStepItem({ ...live, before, letter, decision, owner: ownerAfter, tokenAfter, node, newId }),
    );
    switch (verdict.kind) {
      case "committed":
        break;
      case "fenced":
        return true;
      case "duplicate":
        envelope.resolve({ kind: "duplicate" });
        return false;
      default:
        return rejected(live, envelope, verdict);
    }
    if (!decision.isChange) {
      envelope.resolve({ kind: "ignored", state: before });
      return false;
    }
    live.state = decision.next;
    live.version += 1;
    live.token = tokenAfter;
    live.isOwned = ownerAfter !== null;
    options.onStep?.({ before, after: decision.next, event: letter.event });
    envelope.resolve({ kind: "taken", state: decision.next });
    publish(decision.next);
    callsOut.send(live.ref, decision.calls, claim);
    return false;
  }

  async function refuse(live: Live, envelope: Envelope): Promise<boolean> {
    const { ref, version, token, state } = live;
    const { mail } = envelope.letter;
    if (mail !== null) {
      const item = new ItemBuilder().guard(ref, { version, token, stepId: newId() });
      item.mail(ref, mail, { disposition: "refused", result: { kind: "refused", state: state.name } });
      const verdict = await journal.commit(item.build());
      if (verdict.kind === "fenced") return true;
    }
    envelope.resolve({ kind: "refused", state });
    return false;
  }

  /**
   * The database refused the data itself. A reference that another order has booked is a fact to be reviewed; from an
   * operator it is a mistake, and nothing is wrong with the order.
   */
  async function rejected(live: Live, envelope: Envelope, verdict: Verdict & { kind: string }): Promise<boolean> {
    const { event, isCommand } = envelope.letter;
    const isReferenceTaken = verdict.kind === "rejected" && verdict.constraint === "journal_entries_psp_reference";
    if (isReferenceTaken && isCommand) return refuse(live, envelope);
    if (isReferenceTaken && event.type === "psp.succeeded") {
      const { reference, amount, currency, at, jitter } = event;
      log.error({ order: live.ref.id, reference }, "a PSP reference is claimed by two orders; the second is parked");
      return step(live, {
        ...envelope,
        letter: { ...envelope.letter, event: { type: "order.conflicted", reference, amount, currency, at, jitter } },
      });
    }
    const detail = verdict.kind === "rejected" ? `${verdict.sqlState} ${verdict.message}` : verdict.kind;
    throw new Error(`the database refused the step: ${detail}`);
  }

  function hand(envelope: Envelope): void {
    const { ref, letter, resolve } = envelope;
    const name = refName(ref);
    const live = lives.get(name);
    if (live !== undefined) {
      live.mailbox.push(envelope);
      void pump(live);
      return;
    }
    const held = creating.get(name);
    if (held !== undefined) held.push(envelope);
    else if (letter.observation === null && (drain.hasBegun() || freePlaces() === 0)) resolve({ kind: "overloaded" });
    else arrivals.enqueue(envelope);
  }

  function deliver(ref: ActorRef, letter: Letter): Promise<LetterResult> {
    return new Promise((resolve) => hand({ ref, letter, resolve, returns: 0 }));
  }

  return {
    deliver,

    async create(openings, compose) {
      const isFull = openings.length > freePlaces() || journal.depth() >= MAX_WAITING_ITEMS;
      if (drain.hasBegun() || isFull) return { kind: "overloaded" };
      const item = new ItemBuilder();
      const started = openings.map(({ state, publicId, event }) => {
        const decision = state.decide(event);
        const stepId = newId();
        const at = new Date(event.at).toISOString();
        item.created({ state: decision.next, publicId, stepId, node });
        addDecision(item, { before: state, decision, seq: 1, stepId, event, at, node, trace: null, newId });
        return { decision, event };
      });
      compose(
        item,
        started.map(({ decision }) => decision.next),
      );
      const claim = ownership.claim();
      const names = started.map(({ decision }) => refName(decision.next.ref));
      for (const name of names) creating.set(name, []);
      const verdict = await journal.commit(item.build());
      const held = names.flatMap((name) => creating.get(name) ?? []);
      for (const name of names) creating.delete(name);
      if (verdict.kind !== "committed") {
        held.forEach(hand);
        return verdict;
      }
      for (const { decision, event } of started) {
        const { next } = decision;
        const kind = kinds.get(next.ref.kind);
        options.onStep?.({ before: null, after: next, event });
        if (kind !== undefined && next.hasOpenCall) {
          adoptIntoMemory(kind, { state: next, version: 1, token: 1, owner: node });
          void leases.take(refName(next.ref));
        }
        callsOut.send(next.ref, decision.calls, claim);
      }
      held.forEach(hand);
      return { kind: "created", states: started.map(({ decision }) => decision.next) };
    },

    admit(adopted) {
      return Promise.all(
        adopted.map((actor) => {
          const { ref } = actor.state;
          const kind = kinds.get(ref.kind);
          const known = lives.get(refName(ref));
          if (kind === undefined) return { kind: "missing" } as const;
          // One that is in memory already is fenced by the new token on its next step, and read again.
          if (known === undefined) {
            adoptIntoMemory(kind, actor);
            void leases.take(refName(ref));
          }
          return deliver(ref, toFactLetter(adoptedNow()));
        }),
      );
    },

    watch,
    size: () => ({ live: lives.size, free: freePlaces() }),
    isLive: (ref) => lives.has(refName(ref)) || creating.has(refName(ref)),

    drain: drain.run,
    onDrained: drain.onDrained,
  };
}
