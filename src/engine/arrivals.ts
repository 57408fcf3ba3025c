/**
 * Letters for actors that are not in memory: the lease is asked, the rows are read in groups, and each actor comes
 * in with its mail, unless another node works on it. Then the mail stays in the database and that node is woken.
 */
import type { Logger } from "pino";
import type { Ports } from "../core/ports.ts";
import { type ActorKind, type ActorRef, refName, type StoredActor } from "./actor.ts";
import type { ActorStore } from "./actor-store.ts";
import { ItemBuilder, type Observation } from "./item.ts";
import type { Journal, Verdict } from "./journal.ts";
import type { Leases } from "./leases/leases.ts";
import type { Envelope, LetterResult } from "./letters.ts";

export interface ArrivalDeps {
  readonly kinds: ReadonlyMap<string, ActorKind>;
  readonly store: ActorStore;
  readonly journal: Journal;
  readonly leases: Leases;
  readonly ports: Ports;
  readonly log: Logger;
  readonly node: string;
  /** Takes an actor into memory with the letters that wait for it. */
  readonly admit: (kind: ActorKind, actor: StoredActor, envelopes: readonly Envelope[]) => void;
}

export interface Arrivals {
  enqueue(envelope: Envelope): void;
  /** Actors on their way into memory. */
  count(): number;
  /** What a PSP told us is stored even when this node may not decide on it; the owner takes it from there. */
  keepObservation(envelope: Envelope): Promise<void>;
  settleAll(envelopes: readonly Envelope[], result: LetterResult): void;
}

/**
 * A lease holds a letter up for so long at most: its holder may have lost PostgreSQL and still renew it, or the lease
 * store may lie. Longer than the ownership time, by which others have taken what a dead node owned.
 */
const LEASE_PATIENCE_MS = 15_000;

export function createArrivals(deps: ArrivalDeps): Arrivals {
  const { kinds, store, journal, leases, ports, log, node } = deps;
  const waiting = new Map<string, Envelope[]>();
  let isScheduled = false;
  let loading = 0;

  function enqueue(envelope: Envelope): void {
    const name = refName(envelope.ref);
    const group = waiting.get(name);
    if (group !== undefined) {
      group.push(envelope);
      return;
    }
    waiting.set(name, [envelope]);
    if (isScheduled) return;
    isScheduled = true;
    ports.timers.soon(() => {
      isScheduled = false;
      const groups = [...waiting.values()];
      waiting.clear();
      for (const kind of kinds.values()) {
        const mine = groups.filter(([first]) => first?.ref.kind === kind.name);
        if (mine.length === 0) continue;
        loading += mine.length;
        void bringIn(kind, mine).finally(() => {
          loading -= mine.length;
        });
      }
    });
  }

  async function bringIn(kind: ActorKind, groups: readonly Envelope[][]): Promise<void> {
    const wanted = await takeLeases(groups);
    if (wanted.size === 0) return;
    try {
      const refs = [...wanted.values()].flatMap(([first]) => (first === undefined ? [] : [first.ref]));
      const { actors, unreadable } = await store.load(kind, refs);
      for (const broken of unreadable) {
        if (broken.owner !== null && broken.owner !== node) {
          await turnAway(wanted, broken.ref, { kind: "elsewhere", owner: broken.owner });
          continue;
        }
        await store.quarantine(kind, broken);
        log.error({ order: broken.ref.id, reason: broken.reason }, "order can't be restored; it is set aside");
        await turnAway(wanted, broken.ref, { kind: "quarantined", reason: broken.reason });
      }
      for (const actor of actors) {
        const { ref } = actor.state;
        if (actor.owner !== null && actor.owner !== node) {
          await turnAway(wanted, ref, { kind: "elsewhere", owner: actor.owner });
          continue;
        }
        const envelopes = wanted.get(refName(ref)) ?? [];
        wanted.delete(refName(ref));
        deps.admit(kind, actor, envelopes);
      }
      for (const [first] of [...wanted.values()]) {
        if (first !== undefined) await turnAway(wanted, first.ref, { kind: "missing" });
      }
    } catch (error) {
      log.warn({ err: error, orders: wanted.size }, "orders could not be loaded; their mail stays in the database");
      for (const [first] of [...wanted.values()]) {
        if (first !== undefined) await turnAway(wanted, first.ref, { kind: "elsewhere", owner: null });
      }
    }
  }

  function isOverdue({ letter: { waitsSinceMs } }: Envelope): boolean {
    return waitsSinceMs !== undefined && ports.clock.nowMs() - waitsSinceMs > LEASE_PATIENCE_MS;
  }

  /** A lease only saves work: a letter that was fenced before, or waits for long, asks PostgreSQL whatever the lease says. */
  async function takeLeases(groups: readonly Envelope[][]): Promise<Map<string, Envelope[]>> {
    const wanted = new Map<string, Envelope[]>();
    await Promise.all(
      groups.map(async (envelopes) => {
        const [first] = envelopes;
        if (first === undefined) return;
        const name = refName(first.ref);
        const lease = await leases.take(name);
        wanted.set(name, envelopes);
        if (lease.kind === "held" && first.returns === 0 && !envelopes.some(isOverdue)) {
          await turnAway(wanted, first.ref, { kind: "elsewhere", owner: lease.holder });
        }
      }),
    );
    return wanted;
  }

  async function turnAway(wanted: Map<string, Envelope[]>, ref: ActorRef, result: LetterResult): Promise<void> {
    const name = refName(ref);
    leases.giveBack(name);
    const envelopes = wanted.get(name) ?? [];
    wanted.delete(name);
    await Promise.all(envelopes.map(keepObservation));
    settleAll(envelopes, result);
  }

  async function keepObservation({ ref, letter }: Envelope): Promise<void> {
    if (letter.observation === null) return;
    const at = new Date(ports.clock.nowMs()).toISOString();
    const keep = (observation: Observation): Promise<Verdict> =>
      journal.commit(new ItemBuilder().observation(ref, observation, { at, node, isHandled: false }).build());
    if ((await keep(letter.observation)).kind !== "rejected") return;
    // A text that no column takes (a NUL): the answer's bytes are kept all the same, for an engineer to read.
    log.error(
      { order: ref.id, attempt: letter.observation.attempt },
      "what a PSP said can't be stored as it is; its bytes are kept",
    );
    await keep({ ...letter.observation, fact: { type: "unreadable" } });
  }

  function settleAll(envelopes: readonly Envelope[], result: LetterResult): void {
    for (const envelope of envelopes) envelope.resolve(result);
    if (result.kind === "elsewhere" && result.owner !== null) {
      for (const { ref } of envelopes) leases.wake(result.owner, refName(ref));
    }
  }

  return { enqueue, count: () => waiting.size + loading, keepObservation, settleAll };
}
