/**
 * Recovery that every node always runs: it fires due timers, hands stored mail to its actors and adopts the
 * orders of dead nodes. Safe twice, in parallel and under live traffic: whatever it starts goes through the
 * same guarded commit as everything else. On a healthy system it writes nothing and calls no PSP.
 */
import type { Logger } from "pino";
import { type CancelTimer, type Ports, sleep, withinTime } from "../core/ports.ts";
import type { Statements } from "../db/access.ts";
import { type ActorKind, type ActorRef, refName, type StoredActor, type UnreadableActor } from "./actor.ts";
import type { ActorStore } from "./actor-store.ts";
import type { Engine } from "./engine.ts";
import { readCommand, readFact } from "./facts.ts";
import type { Leases } from "./leases/leases.ts";
import { type Letter, type LetterResult, toFactLetter } from "./letters.ts";

export interface SweepReport {
  readonly adopted: number;
  readonly timers: number;
  readonly mail: number;
}

export interface Sweeper {
  start(): void;
  /** One whole sweep; resolves when everything it started is committed. */
  sweep(): Promise<SweepReport>;
  stop(): Promise<void>;
}

export interface SweeperOptions {
  readonly statements: Pick<
    Statements,
    "findDueTimers" | "findInboxMail" | "findObservationMail" | "findCommandMail" | "purgeOutdated"
  >;
  readonly store: ActorStore;
  readonly engine: Engine;
  readonly kinds: ReadonlyMap<string, ActorKind>;
  readonly leases: Leases;
  readonly ports: Ports;
  readonly log: Logger;
  /** Called for each adopted order with the state it was found in. */
  readonly onAdopted?: (ref: ActorRef, stateName: string, result: LetterResult) => void;
}

/** Timers are looked for this often, so a deadline is kept to within about a quarter of a second. */
const TIMER_SWEEP_MS = 250;
/** Stored mail and orphans are rarer and can wait a little longer. */
const MAIL_SWEEP_MS = 1_000;
/**
 * Whoever is this node's and not in its memory waits for nobody but this. Nothing is known to lead there besides an adoption
 * whose answer was lost, which is looked into at once.
 */
const STRAY_SWEEP_MS = 30_000;
/** Younger mail is still on its direct way to the actor. */
const MAIL_AGE_MS = 1_000;
/** A run that hangs on a dead connection must not be the last one. */
const STUCK_MS = 120_000;
/** How long a stop waits for runs under way. */
const STOP_PATIENCE_MS = 3_000;
const PURGE_MS = 600_000;
const PURGE_PAUSE_MS = 1_000;
const MAX_PURGES = 200;
const MAX_PER_SWEEP = 1_000;

export function createSweeper(options: SweeperOptions): Sweeper {
  const { statements, store, engine, kinds, leases, ports, log } = options;
  const underWay = new Set<string>();
  /** Mail that was reported as unreadable; once is enough. */
  const unread = new Set<string>();
  let stopTimers: readonly CancelTimer[] = [];
  let unsubscribe: (() => void) | null = null;
  let isStopped = false;
  /** What the last look for strays found; null while nobody has to look. */
  let strays: ReadonlySet<string> | null = null;
  const running = new Set<Promise<unknown>>();

  const stamp = () => ({ at: ports.clock.nowMs(), jitter: ports.random.unit() });

  /** Delivers unless the same thing is on its way already. */
  async function deliverOnce(name: string, ref: ActorRef, letter: Letter): Promise<boolean> {
    if (underWay.has(name)) return false;
    underWay.add(name);
    try {
      const result = await engine.deliver(ref, letter);
      return result.kind === "taken" || result.kind === "ignored" || result.kind === "refused";
    } finally {
      underWay.delete(name);
    }
  }

  /** All that is outdated by now, a bounded number of rows at a time: keys may come in faster than one statement deletes. */
  async function purge(): Promise<void> {
    for (let statement = 0; statement < MAX_PURGES && !isStopped; statement += 1) {
      const { isMore } = await statements.purgeOutdated();
      if (!isMore) return;
      await sleep(ports, PURGE_PAUSE_MS);
    }
  }

  async function fireTimers(): Promise<number> {
    let fired = 0;
    for (const kind of kinds.values()) {
      const due = await statements.findDueTimers(kind, Math.min(MAX_PER_SWEEP, engine.size().free));
      const results = await Promise.all(
        due.map(({ merchantId, actorId, name, seq, dueAtMs }) => {
          const ref = { kind: kind.name, merchantId, id: actorId };
          const timerName = toTimerName(name);
          if (timerName === null) return false;
          const letter = toFactLetter({ type: "timer.fired", name: timerName, ...stamp() });
          return deliverOnce(`timer:${refName(ref)}/${seq}`, ref, { ...letter, dueAtMs, waitsSinceMs: dueAtMs });
        }),
      );
      fired += results.filter(Boolean).length;
    }
    return fired;
  }

  async function handMail(ageMs = MAIL_AGE_MS): Promise<number> {
    let handed = 0;
    for (const kind of kinds.values()) {
      const limit = Math.min(MAX_PER_SWEEP, engine.size().free);
      const [inbox, observations, commands] = await Promise.all([
        statements.findInboxMail(kind, ageMs, limit),
        statements.findObservationMail(kind, ageMs, limit),
        statements.findCommandMail(kind, limit),
      ]);
      const letters = [
        ...inbox.map((row) => ({
          row,
          event: readFact(row.payload),
          mail: { kind: "inbox", psp: row.psp, eventId: row.eventId } as const,
        })),
        ...observations.map((row) => ({
          row,
          event: readFact(row.payload),
          mail: { kind: "observation", attempt: row.attempt, source: row.source } as const,
        })),
        ...commands.map((row) => ({
          row,
          event: readCommand(row.payload),
          mail: { kind: "command", commandId: row.commandId } as const,
        })),
      ];
      const results = await Promise.all(
        letters.map(({ row, event, mail }) => {
          const ref = { kind: kind.name, merchantId: row.merchantId, id: row.actorId };
          if (event === null) {
            const name = `${refName(ref)}/${JSON.stringify(mail)}`;
            if (!unread.has(name))
              log.error(
                { order: ref.id, mail },
                "stored mail can't be read by this version; it stays for one that can",
              );
            unread.add(name);
            return false;
          }
          const letter = {
            ...toFactLetter({ ...event, ...stamp() }, mail),
            isCommand: mail.kind === "command",
            waitsSinceMs: event.at,
          };
          return deliverOnce(`${mail.kind}:${refName(ref)}/${JSON.stringify(mail)}`, ref, letter);
        }),
      );
      handed += results.filter(Boolean).length;
    }
    return handed;
  }

  /**
   * Claims first, so that all of a dead node's orders have a living owner within seconds. Then they begin to work,
   * each group when the one before has committed, so that live payments need not queue behind thousands of them.
   */
  async function adoptOrphans(): Promise<number> {
    let adopted = await reclaimStrays();
    const groups: (readonly StoredActor[])[] = [];
    try {
      for (const kind of kinds.values()) {
        for (let free = engine.size().free; free > 0 && !isStopped; ) {
          const limit = Math.min(MAX_PER_SWEEP, free);
          const { actors, unreadable } = await store.adopt(kind, limit);
          groups.push(actors);
          await setAside(kind, unreadable);
          free -= actors.length;
          adopted += actors.length;
          if (actors.length + unreadable.length < limit) break;
        }
      }
    } catch (error) {
      strays ??= new Set();
      throw error;
    } finally {
      for (const actors of groups) await admit(actors);
      if (adopted > 0) log.warn({ orders: adopted }, "adopted the orders of a node that is gone");
    }
    return adopted;
  }

  /**
   * An adoption whose answer was lost may have been committed: then orders are this node's, a living one's, that it
   * knows nothing of. Whoever is found so twice in a row is not just on its way from the commit into memory.
   */
  async function reclaimStrays(): Promise<number> {
    const found = strays;
    if (found === null) return 0;
    const seen = new Set<string>();
    let reclaimed = 0;
    for (const kind of kinds.values()) {
      const missing = (await store.listOwned(kind)).filter((ref) => !engine.isLive(ref));
      for (const ref of missing) seen.add(refName(ref));
      const lost = missing.filter((ref) => found.has(refName(ref))).slice(0, engine.size().free);
      if (lost.length === 0) continue;
      const { actors, unreadable } = await store.reclaim(kind, lost);
      await setAside(kind, unreadable);
      await admit(actors);
      reclaimed += actors.length;
    }
    strays = seen.size === 0 ? null : seen;
    return reclaimed;
  }

  async function setAside(kind: ActorKind, unreadable: readonly UnreadableActor[]): Promise<void> {
    for (const broken of unreadable) {
      await store.quarantine(kind, broken);
      log.error({ order: broken.ref.id, reason: broken.reason }, "order can't be restored; it is set aside");
    }
  }

  async function admit(actors: readonly StoredActor[]): Promise<void> {
    const results = await engine.admit(actors);
    actors.forEach(({ state }, index) => {
      const result = results[index];
      if (result !== undefined) options.onAdopted?.(state.ref, state.name, result);
      // Ours now, but not in memory: the next sweep looks for it.
      if (result?.kind === "elsewhere") strays ??= new Set();
    });
  }

  /** Runs again and again, never twice at a time; `soon` asks for a run out of turn. */
  function every(ms: number, what: string, run: () => Promise<unknown>): { readonly stop: CancelTimer; soon(): void } {
    let startedMs: number | null = null;
    let isWanted = false;
    const begin = (): void => {
      const nowMs = ports.clock.monotonicMs();
      if (isStopped || (startedMs !== null && nowMs - startedMs < STUCK_MS)) return;
      startedMs = nowMs;
      isWanted = false;
      const done = run()
        .catch((error: unknown) => log.warn({ err: error }, `the sweeper could not ${what}; it tries again`))
        .finally(() => {
          running.delete(done);
          if (startedMs === nowMs) startedMs = null;
          if (isWanted) begin();
        });
      running.add(done);
    };
    return {
      stop: ports.timers.every(ms, begin),
      soon() {
        isWanted = startedMs !== null;
        begin();
      },
    };
  }

  return {
    start() {
      let isWoken = false;
      const mail = every(MAIL_SWEEP_MS, "hand out stored mail", () => {
        const ageMs = isWoken ? 0 : MAIL_AGE_MS;
        isWoken = false;
        return handMail(ageMs);
      });
      stopTimers = [
        every(TIMER_SWEEP_MS, "fire timers", fireTimers).stop,
        mail.stop,
        every(MAIL_SWEEP_MS, "adopt orphaned orders", adoptOrphans).stop,
        ports.timers.every(STRAY_SWEEP_MS, () => {
          strays ??= new Set();
        }),
        every(PURGE_MS, "delete outdated keys", purge).stop,
      ];
      unsubscribe = leases.onWake(() => {
        isWoken = true;
        mail.soon();
      });
    },
    async sweep() {
      const adopted = await adoptOrphans();
      const [fired, mail] = [await fireTimers(), await handMail()];
      return { adopted, timers: fired, mail };
    },
    async stop() {
      isStopped = true;
      for (const stop of stopTimers) stop();
      unsubscribe?.();
      await withinTime(ports, STOP_PATIENCE_MS, Promise.allSettled([...running]), () => []);
    },
  };
}

function toTimerName(name: string): "retry" | "poll" | "inquiry" | "expiry" | null {
  return name === "retry" || name === "poll" || name === "inquiry" || name === "expiry" ? name : null;
}
