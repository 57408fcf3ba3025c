/**
 * The concurrent part of the differential: each race on PostgreSQL with its two connections, and on the model one after the
 * other. Results and rows must be the same. No seed on PostgreSQL shows this: their statements come one at a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { bindStatements } from "../../../src/db/access.ts";
import { connectDatabase, type Sql } from "../../../src/db/client.ts";
import { commitSteps } from "../../../src/db/statements/commit-steps.ts";
import { joinItems } from "./batches.ts";
import { outcomeOf, toCanonical } from "./canonical.ts";
import { type DifferentialDatabase, openPostgresSide, type PostgresSide } from "./postgres-side.ts";
import { RACES, type Race } from "./races.ts";
import { seedChance } from "./random.ts";
import { createCheckout } from "./real-items.ts";
import { type Side, toModelSide } from "./sides.ts";
import { change, type Step } from "./steps.ts";
import { compareDumps, dumpModel } from "./tables.ts";
import { createWorld, START_MS, type World } from "./world.ts";

export interface RacesOptions {
  /** Fresh, migrated, and nobody else's. */
  readonly database: DifferentialDatabase;
  /** Of each kind of race. */
  readonly rounds: number;
  readonly seed: number;
  /** In place of the function that the migrations made. */
  readonly commitFunction?: string;
  /** Changes the text of every other statement. */
  readonly rewrite?: (text: string) => string;
}

export interface RacesReport {
  /** Those that were run, by name. */
  readonly races: ReadonlyMap<string, number>;
  /** The first that differs; null when none does. */
  readonly difference: string | null;
}

const CHECKOUTS = 4;
/** Longer than an ownership time. */
const SILENCE_MS = 11_000;
const STATEMENT_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 1;
const IS_CONFLICT = /^error 23505 /;

export async function runRaces(options: RacesOptions): Promise<RacesReport> {
  const server = await openPostgresSide(options.database);
  const pair = openPair(options);
  const races = new Map<string, number>();
  try {
    if (options.commitFunction !== undefined) await server.replaceCommit(options.commitFunction);
    for (let round = 0; round < options.rounds; round += 1) {
      for (const [name, toRace] of Object.entries(RACES)) {
        const world = await prepare(server, options.seed + round);
        const race = toRace(world);
        if (race === null) continue;
        races.set(name, (races.get(name) ?? 0) + 1);
        const what = (await runRace(pair, world, race)) ?? (await compareRows(server, world));
        if (what !== null) return { races, difference: `${name} (seed ${options.seed + round}): ${what}` };
      }
    }
    return { races, difference: null };
  } finally {
    await pair.close();
    await server.close();
  }
}

/** A few checkouts, whose orders are of a node that has fallen silent, and two nodes that live. */
async function prepare(server: PostgresSide, seed: number): Promise<World> {
  const world = createWorld(seedChance(seed));
  const side = toModelSide(world.model);
  await server.reset(START_MS);
  const both = async (step: Step): Promise<void> => {
    await outcomeOf(() => step.run(server), step.view);
    await outcomeOf(() => step.run(side), step.view);
  };
  const [dead = ""] = world.nodes;
  for (const node of world.nodes) await both(change("beatNode", [node, "a node"]));
  await both(change("ageNode", [dead, SILENCE_MS]));
  for (let left = CHECKOUTS; left > 0; left -= 1) {
    // All of the first node, which is the dead one.
    const opening = createCheckout({ ...world, nodes: [dead] });
    await both(change("commitSteps", [joinItems([opening])]));
  }
  return world;
}

async function compareRows(server: PostgresSide, { model }: World): Promise<string | null> {
  const rows = compareDumps(dumpModel(model), await server.dump());
  return rows.length === 0 ? null : rows.join("\n");
}

async function runRace(pair: Pair, world: World, { first, second, kind }: Race): Promise<string | null> {
  const side = toModelSide(world.model);
  const theirs = await pair.interleave(first, second);
  const ours = {
    first: await outcomeOf(() => first.run(side), first.view),
    second: await outcomeOf(() => second.run(side), second.view),
  };
  let last = theirs.second;
  if (kind === "skipped") {
    if (theirs.hasWaited) return "the second waits for what it should leave alone";
    last = joinTakes(last, await pair.runAlone(second));
  }
  if (kind === "rerun" && IS_CONFLICT.test(last)) last = await pair.runAlone(second);
  if (theirs.first !== ours.first) return `the first: ${theirs.first}, the model ${ours.first}`;
  return last === ours.second ? null : `the second: ${last}, the model ${ours.second}`;
}

/** What was taken at first and later, as if it had been taken at once. */
function joinTakes(first: string, later: string): string {
  if (first.startsWith("error ") || later.startsWith("error ")) return `${first}, then ${later}`;
  return toCanonical([...(JSON.parse(first) as string[]), ...(JSON.parse(later) as string[])].sort());
}

interface Pair {
  interleave(
    first: Step,
    second: Step,
  ): Promise<{ readonly first: string; readonly second: string; readonly hasWaited: boolean }>;
  /** By the second connection. */
  runAlone(step: Step): Promise<string>;
  close(): Promise<void>;
}

function openPair({ database, rewrite }: RacesOptions): Pair {
  const open = (name: string): Sql =>
    connectDatabase(database.appUrl, { name, max: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const [one, other] = [open("florin race one"), open("florin race two")];
  const owner = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
  const run = (sql: Sql, { run: ask, view }: Step): Promise<string> => outcomeOf(() => ask(toSide(sql, rewrite)), view);

  async function isBlocked(pid: number): Promise<boolean> {
    const [row] = await owner<{ blocked: boolean }[]>`SELECT cardinality(pg_blocking_pids(${pid})) > 0 AS blocked`;
    return row?.blocked === true;
  }

  return {
    async interleave(first, second) {
      const [{ pid } = { pid: 0 }] = await other<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      let [told, hasWaited] = ["", false];
      let late: Promise<string> = Promise.resolve("");
      await one
        .begin(async (transaction) => {
          told = await run(transaction as unknown as Sql, first);
          let isOver = false;
          late = run(other, second).finally(() => {
            isOver = true;
          });
          while (!isOver && !hasWaited) {
            await sleep(LOOK_EVERY_MS);
            hasWaited = !isOver && (await isBlocked(pid));
          }
        })
        // What was refused is told; its transaction can't be committed.
        .catch(() => {});
      return { first: told, second: await late, hasWaited };
    },
    runAlone: (step) => run(other, step),
    async close() {
      await Promise.all([one, other, owner].map((client) => client.end({ timeout: 1 })));
    },
  };
}

/** What a race asks for, on one connection. */
function toSide(sql: Sql, rewrite: RacesOptions["rewrite"]): Side {
  const asked =
    rewrite === undefined
      ? sql
      : new Proxy(sql, {
          get: (target, name) =>
            name === "unsafe"
              ? (text: string, ...rest: readonly unknown[]) =>
                  (target.unsafe as (...rest: readonly unknown[]) => unknown)(rewrite(text), ...rest)
              : Reflect.get(target, name),
        });
  const refuse = (): never => {
    throw new Error("no race asks for this");
  };
  return {
    statements: bindStatements(asked),
    reads: new Proxy({}, { get: refuse }) as Side["reads"],
    commitSteps: (parameters) => commitSteps(sql, parameters),
    beatNode: refuse,
    stopNode: refuse,
    insertSetting: refuse,
    ageNode: refuse,
  };
}
