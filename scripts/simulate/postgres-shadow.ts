/**
 * Seeds on a real PostgreSQL: every statement of the run is carried out there, on the run's clock, and by the model beside
 * it. What the processes get is PostgreSQL's answer; when the two differ, in an answer, an error or, in the end, a row, the
 * run has failed.
 */
import { asSet, outcomeOf, toCanonical } from "./differential/canonical.ts";
import { type DifferentialDatabase, openPostgresSide, type PostgresSide } from "./differential/postgres-side.ts";
import { compareDumps, dumpModel } from "./differential/tables.ts";
import { EPOCH_MS } from "./life.ts";
import type { ModelDatabase } from "./model-contract.ts";
import type { Server } from "./network.ts";
import type { World } from "./world.ts";

export interface Shadow {
  readonly server: Server;
  insertSetting(name: string, value: string): Promise<void>;
  /** Compares all rows. */
  compareRows(): Promise<void>;
}

type Functions = Readonly<Record<string, (...rest: readonly unknown[]) => unknown>>;

/** Their rows come in no order that was asked for, or in one that leaves ties open. */
const UNORDERED: ReadonlySet<string> = new Set([
  "loadActors",
  "adoptActors",
  "reclaimActors",
  "listOwnedActors",
  "findDueTimers",
  "findInboxMail",
  "findObservationMail",
  "findCommandMail",
]);
/** Tells the server's own time and settings. */
const OWN_WORD: ReadonlySet<string> = new Set(["readDatabaseState"]);

let opened: Promise<PostgresSide> | null = null;

export async function openShadow(
  world: World,
  model: ModelDatabase,
  parts: { readonly database: DifferentialDatabase; readonly local: Server },
): Promise<Shadow> {
  opened ??= openPostgresSide(parts.database);
  const side = await opened;
  await side.reset(EPOCH_MS);
  const { commitSteps, beatNode, stopNode } = side;
  const remote = { ...side.statements, ...side.reads, commitSteps, beatNode, stopNode } as unknown as Functions;
  let lastMs = EPOCH_MS;
  let line: Promise<unknown> = Promise.resolve();

  const differ = (name: string, ours: string, theirs: string): void => {
    if (ours !== theirs) world.fail("model is PostgreSQL", `${name}: the model says ${ours}, PostgreSQL ${theirs}`);
  };

  async function carryOut(name: string, rest: readonly unknown[]): Promise<unknown> {
    if (OWN_WORD.has(name)) return parts.local.call(name, rest);
    const nowMs = EPOCH_MS + Math.round(world.timeline.nowMs());
    if (nowMs !== lastMs) await side.setNow(nowMs);
    lastMs = nowMs;
    const view = UNORDERED.has(name) ? asSet : (result: unknown): unknown => result;
    const run = remote[name];
    if (run === undefined) throw new Error(`PostgreSQL is not asked ${name}`);
    const theirs = await Promise.resolve(run(...rest)).then(
      (value) => ({ value, error: null }),
      (error: unknown) => ({ value: null, error }),
    );
    const ours = await outcomeOf(() => parts.local.call(name, rest), view);
    if (theirs.error !== null) {
      differ(name, ours, await outcomeOf(() => Promise.reject(theirs.error), view));
      throw theirs.error;
    }
    differ(name, ours, toCanonical(view(theirs.value)));
    return theirs.value;
  }

  return {
    server: {
      isDown: false,
      inFlight: 0,
      // One after the other: the run's clock stands still until the answer is there.
      call(name, rest) {
        const next = line.then(() => carryOut(name, rest));
        line = next.catch(() => {});
        return next;
      },
    },
    async insertSetting(name, value) {
      model.insertSetting(name, value);
      await side.insertSetting(name, value);
    },
    async compareRows() {
      const rows = compareDumps(dumpModel(model), await side.dump());
      if (rows.length > 0) world.fail("model is PostgreSQL", [...rows.slice(0, 2), ...rows.slice(-2)].join("; "));
    },
  };
}
