/** What every process does now. Who is alive is judged on the database's clock, as ownership is. */
import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";
import { nodeStatistics } from "../schema/console.ts";

export interface NodeRow {
  readonly node: string;
  readonly name: string;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  readonly isAlive: boolean;
  /** As that process wrote them; null until it did. */
  readonly figures: unknown;
}

/** Nodes that went away are shown for so long. */
const SHOWN_MINUTES = 60;
const MAX_NODES = 100;

export async function upsertNodeStatistics(db: Database, node: string, figures: unknown): Promise<void> {
  await db
    .insert(nodeStatistics)
    .values({ nodeId: node, figures })
    .onConflictDoUpdate({ target: nodeStatistics.nodeId, set: { figures, at: sql`now()` } });
}

/** The living first, then those that were lost within the last hour; who stopped in peace is not missed. A node whose heartbeat is older than `ownershipMs` is dead. */
export async function listNodes(db: Database, ownershipMs: number): Promise<readonly NodeRow[]> {
  const rows = await db.execute<{
    node: string;
    name: string;
    started_ms: string;
    heartbeat_ms: string;
    is_alive: boolean;
    figures: unknown;
  }>(sql`
    SELECT n.node_id AS node, n.name, (extract(epoch FROM n.started_at) * 1000)::bigint::text AS started_ms,
      (extract(epoch FROM n.heartbeat_at) * 1000)::bigint::text AS heartbeat_ms,
      n.heartbeat_at > now() - ${ownershipMs}::float8 * interval '1 millisecond' AS is_alive,
      s.figures
    FROM nodes n LEFT JOIN node_statistics s ON s.node_id = n.node_id
    WHERE n.stopped_at IS NULL AND n.heartbeat_at > now() - ${SHOWN_MINUTES}::int * interval '1 minute'
    ORDER BY is_alive DESC, n.started_at DESC
    LIMIT ${MAX_NODES}`);
  return rows.map((row) => ({
    node: row.node,
    name: row.name,
    startedAt: new Date(Number(row.started_ms)),
    heartbeatAt: new Date(Number(row.heartbeat_ms)),
    isAlive: row.is_alive,
    figures: row.figures,
  }));
}
