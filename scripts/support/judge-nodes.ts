/**
 * Which nodes live. A node that was killed a second ago looks alive in its row, so a row alone proves nothing: a
 * node counts as alive when it has beaten again before our eyes, and as gone when it has stopped or expired.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "../../src/db/client.ts";
import { OWNERSHIP_MS } from "../../src/engine/ownership.ts";

export interface JudgedNodes {
  readonly alive: readonly string[];
  readonly gone: readonly string[];
}

interface NodeRow {
  readonly node_id: string;
  readonly beat: string;
  readonly is_gone: boolean;
}

const LOOK_EVERY_MS = 250;

async function readNodes(sql: Sql): Promise<readonly NodeRow[]> {
  return sql<NodeRow[]>`
    SELECT node_id, heartbeat_at::text AS beat,
      stopped_at IS NOT NULL OR heartbeat_at < now() - ${OWNERSHIP_MS}::float8 * interval '1 ms' AS is_gone
    FROM nodes`;
}

/** Takes one heartbeat where all nodes live, and the ownership time at most. */
export async function judgeNodes(sql: Sql, onWait: (undecided: number) => void): Promise<JudgedNodes> {
  const first = new Map<string, string>();
  for (;;) {
    const rows = await readNodes(sql);
    for (const row of rows) if (!first.has(row.node_id)) first.set(row.node_id, row.beat);
    const undecided = rows.filter((row) => !row.is_gone && row.beat === first.get(row.node_id));
    if (undecided.length === 0) {
      const ids = (isGone: boolean): string[] => rows.filter((row) => row.is_gone === isGone).map((row) => row.node_id);
      return { alive: ids(false), gone: ids(true) };
    }
    onWait(undecided.length);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Where the folder's lock says that no Florin lives on the database. */
export async function listAllAsGone(sql: Sql): Promise<JudgedNodes> {
  return { alive: [], gone: (await readNodes(sql)).map((row) => row.node_id) };
}
