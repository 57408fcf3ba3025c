/** Processes that run on this database. Their heartbeats are stamped with its clock, so that all judge them alike. */
import type { Sql } from "../client.ts";

export async function beatNode(sql: Sql, node: string, name: string): Promise<void> {
  await sql`INSERT INTO nodes (node_id, name) VALUES (${node}, ${name})
    ON CONFLICT (node_id) DO UPDATE SET heartbeat_at = now(), stopped_at = NULL`;
}

/** From now on anybody may adopt what is this node's. */
export async function stopNode(sql: Sql, node: string): Promise<void> {
  await sql`UPDATE nodes SET stopped_at = now() WHERE node_id = ${node}`;
}

/** For whoever knows that no other node lives on this database, however fresh its heartbeat looks. */
export async function stopOtherNodes(sql: Sql, node: string): Promise<void> {
  await sql`UPDATE nodes SET stopped_at = now() WHERE node_id <> ${node} AND stopped_at IS NULL`;
}
