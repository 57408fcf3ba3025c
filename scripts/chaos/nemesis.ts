/**
 * The faults, as tracks that run side by side: nodes die while others are paused, PostgreSQL fails over while Redis is
 * flushed. Only what strikes the same server takes turns, and at least one node is always left to serve.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { type Adoption, watchAdoption } from "./adoption.ts";
import type { CommitCuts } from "./commit-cuts.ts";
import type { Fleet } from "./fleet.ts";
import { FAULT_KINDS, type FaultCounts, type FaultKind } from "./options.ts";
import type { PostgresPair } from "./postgres-pair.ts";
import type { Dice } from "./random.ts";
import type { RedisTrio } from "./redis-trio.ts";

export interface Arena {
  readonly fleet: Fleet;
  readonly database: PostgresPair;
  readonly redis: RedisTrio;
  readonly cuts: CommitCuts;
  /** Through the door, for looking only. */
  readonly sql: postgres.Sql;
  readonly dice: Dice;
}

export interface Toll {
  readonly done: Record<FaultKind, number>;
  /** What became of the orders of each killed node. */
  readonly killAdoptions: Adoption[];
  /** The same for each paused one. */
  readonly pauseAdoptions: Adoption[];
}

interface Track {
  /** At one time. */
  readonly lanes: number;
  /** Quiet before each strike. */
  readonly gapMs: readonly [low: number, high: number];
  /** Resolves when the fault is over; false when it is not possible just now. */
  readonly strike: () => Promise<boolean>;
}

/** A kill leaves one node to serve, a pause two: so that a kill is possible beside it. */
const SERVING_BEFORE_KILL = 2;
export const SERVING_BEFORE_PAUSE = 3;
const RETRY_MS = 100;
/** A sleeper sleeps on for a while after it has lost everything. */
const OVERSLEEP_MS = 3_000;

/** Resolves when every track has struck its number, every adoption is over and every node serves again. */
export async function wreak(arena: Arena, wanted: FaultCounts, onFault: (toll: Toll) => void): Promise<Toll> {
  const { fleet, dice } = arena;
  const zero = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  const toll: Toll = { done: { ...zero }, killAdoptions: [], pauseAdoptions: [] };
  const watches: Promise<unknown>[] = [];
  const tracks = planTracks(arena, toll, watches);
  const begun = { ...zero };

  const runLane = async (kind: FaultKind, { gapMs, strike }: Track): Promise<void> => {
    for (;;) {
      await sleep(dice.between(...gapMs));
      if (begun[kind] >= wanted[kind]) return;
      begun[kind] += 1;
      while (!(await strike())) await sleep(RETRY_MS);
      toll.done[kind] += 1;
      onFault(toll);
    }
  };
  const lanes = FAULT_KINDS.flatMap((kind) =>
    Array.from({ length: tracks[kind].lanes }, () => runLane(kind, tracks[kind])),
  );
  await Promise.all(lanes);
  await Promise.all(watches);
  await fleet.whole();
  return toll;
}

function planTracks(arena: Arena, toll: Toll, watches: Promise<unknown>[]): Readonly<Record<FaultKind, Track>> {
  const { fleet, database, redis, cuts, sql, dice } = arena;
  const atDatabase = createTurns();
  const atRedis = createTurns();
  const watch = (lifeName: string) => watchAdoption({ sql, health: database.health, lifeName });
  const track = (gapMs: Track["gapMs"], strike: () => Promise<unknown>, lanes = 1): Track => ({
    lanes,
    gapMs,
    strike: async () => (await strike()) !== false,
  });

  return {
    kills: track(
      [200, 2_000],
      async () => {
        const serving = fleet.serving();
        if (serving.length < SERVING_BEFORE_KILL) return false;
        const victim = dice.pick(serving);
        watches.push(watch(victim.lifeName()).then((adoption) => toll.killAdoptions.push(adoption)));
        await victim.kill();
        await victim.served();
        return true;
      },
      Math.max(1, fleet.nodes.length - SERVING_BEFORE_PAUSE),
    ),
    pauses: track(
      [500, 4_000],
      async () => {
        const serving = fleet.serving();
        if (serving.length < SERVING_BEFORE_PAUSE) return false;
        const victim = dice.pick(serving);
        const adoption = watch(victim.lifeName());
        victim.pause();
        toll.pauseAdoptions.push(await adoption);
        await sleep(dice.between(0, OVERSLEEP_MS));
        victim.resume();
        return true;
      },
      fleet.nodes.length - SERVING_BEFORE_PAUSE + 1,
    ),
    crashes: track([2_000, 9_000], () => atDatabase(() => database.crash(dice.pick(["immediate", "kill"] as const)))),
    failovers: track([8_000, 20_000], () => atDatabase(database.failOver)),
    lateFailovers: track([8_000, 20_000], () => atDatabase(database.failOverLate)),
    redisKills: track([3_000, 9_000], () => atRedis(redis.killMaster)),
    redisFlushes: track([2_000, 9_000], () => atRedis(redis.flush)),
    sentinelFailovers: track([5_000, 15_000], () => atRedis(redis.failOver)),
    cutsBefore: track([500, 5_000], cuts.cutBefore),
    cutsAfter: track([500, 5_000], cuts.cutAfter),
  };
}

/** Runs what it is given one after another. */
function createTurns(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}
