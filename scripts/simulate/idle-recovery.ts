/** Recovery on a system that is well: it may look, and must neither write nor ask. */
import { serialize } from "node:v8";
import type { Judge } from "./judge.ts";
import { EPOCH_MS } from "./life.ts";
import type { ModelDatabase } from "./model-contract.ts";
import type { SimulatedNode } from "./node.ts";
import type { World } from "./world.ts";

/** So many rounds of every sweep. */
const WATCH_MS = 3_000;

export async function checkIdleRecovery(
  world: World,
  parts: {
    readonly nodes: readonly SimulatedNode[];
    readonly model: ModelDatabase;
    readonly judge: Judge;
    readonly commits: () => number;
  },
): Promise<void> {
  const { timeline } = world;
  const untilMs = EPOCH_MS + timeline.nowMs() + WATCH_MS;
  // An order that polls its PSP has something to do, and is right to do it.
  if ([...parts.model.tables.timers.values()].some(({ dueAtMs }) => dueAtMs <= untilMs)) return;
  world.probe("recovery was watched on a healthy system");
  const before = { commits: parts.commits(), calls: parts.judge.calls.calls(), rows: copyRows(parts.model) };
  for (const node of parts.nodes) void node.processor()?.sweeper.sweep();
  await timeline.runUntil(timeline.nowMs() + WATCH_MS);
  const [commits, calls] = [parts.commits() - before.commits, parts.judge.calls.calls() - before.calls];
  if (commits > 0 || calls > 0) world.fail("recovery is idle", `${commits} commits and ${calls} PSP calls`);
  const rows = copyRows(parts.model);
  for (const [table, bytes] of before.rows) {
    if (rows.get(table)?.equals(bytes) !== true) world.fail("recovery is idle", `rows of ${table} have changed`);
  }
}

/** All rows of each table, but for heartbeats: a statement may write without being a commit of the engine. */
function copyRows({ tables }: ModelDatabase): ReadonlyMap<string, Buffer> {
  return new Map(
    Object.entries(tables)
      .filter(([table, rows]) => table !== "nodes" && typeof rows === "object")
      .map(([table, rows]) => [table, serialize(rows)]),
  );
}
