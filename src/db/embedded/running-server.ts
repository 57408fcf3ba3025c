/**
 * A second door to an embedded server that runs already: for commands that work beside the Florin which holds the
 * data folder. It starts nothing and locks nothing. The port in `cluster.json` may be anybody's by now, so the
 * server must know our password and carry our cluster's name.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { type Cluster, readCluster } from "./cluster-file.ts";
import { APP_ROLE } from "../client.ts";
import { OWNER_ROLE } from "./initialize-cluster.ts";

export interface RunningServer {
  /** As `florin_app`. Holds the password: never log it. */
  readonly appUrl: string;
  /** As the owner of the tables. Holds the password: never log it. */
  readonly ownerUrl: string;
}

const CONNECT_TIMEOUT_SECONDS = 3;

const clusterFileOf = (dataDir: string): string => join(dataDir, "cluster.json");

/** Whether a Florin has ever made its database in this folder. */
export function hasEmbeddedDatabase(dataDir: string): boolean {
  return existsSync(clusterFileOf(dataDir));
}

/** The server of this data folder; null when none answers as it. */
export async function connectToRunning(dataDir: string, database = "florin"): Promise<RunningServer | null> {
  const cluster = readCluster(clusterFileOf(dataDir));
  if (cluster === null || cluster.port === null) return null;
  const at = `127.0.0.1:${cluster.port}/${database}`;
  const ownerUrl = `postgres://${OWNER_ROLE}:${cluster.ownerPassword}@${at}`;
  if (!(await isServerOfCluster(ownerUrl, cluster))) return null;
  return { ownerUrl, appUrl: `postgres://${APP_ROLE}:${cluster.appPassword}@${at}` };
}

async function isServerOfCluster(url: string, cluster: Cluster): Promise<boolean> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    fetch_types: false,
    onnotice: () => {},
  });
  try {
    const [row] = await sql<{ name: string }[]>`SELECT current_setting('cluster_name') AS name`;
    return row?.name.startsWith(`florin-${cluster.clusterId}-`) ?? false;
  } catch {
    // Nobody listens, a stranger does, or the server is just starting or stopping: not ours to use.
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
