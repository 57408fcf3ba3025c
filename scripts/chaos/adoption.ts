/** Measures how long the orders of a node that no longer works stay its own. */
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import type { Health } from "./postgres-pair.ts";

export interface Adoption {
  /** The most orders that were seen to be owned by it. */
  readonly orders: number;
  /** From the fault until the last of them had another owner or none; the time without a database does not count. */
  readonly tookMs: number;
  /** How often the database went away meanwhile. */
  readonly disturbances: number;
  readonly isComplete: boolean;
}

export interface AdoptionWatch {
  readonly sql: postgres.Sql;
  readonly health: () => Health;
  /** Of the life in `nodes`. */
  readonly lifeName: string;
}

/** After this a node's claim has surely expired, and whatever statement it had sent has ended. */
const CLAIM_MS = 10_500;
const LOOK_EVERY_MS = 200;
/** Given up, however long an adoption may take. */
const PATIENCE_MS = 90_000;

/** Looks until the claim has expired and nothing is owned any more. */
export async function watchAdoption({ sql, health, lifeName }: AdoptionWatch): Promise<Adoption> {
  const before = health();
  const goodMs = (): number => health().healthyMs - before.healthyMs;
  let orders = 0;
  let ownedUntilMs = 0;
  for (;;) {
    const owned = await countOwned(sql, lifeName).catch(() => null);
    orders = Math.max(orders, owned ?? 0);
    if (owned !== null && owned > 0) ownedUntilMs = goodMs();
    const isComplete = owned === 0 && goodMs() > CLAIM_MS;
    if (isComplete || goodMs() > PATIENCE_MS) {
      const disturbances = health().disturbances - before.disturbances;
      return { orders, tookMs: orders === 0 ? 0 : ownedUntilMs + LOOK_EVERY_MS, disturbances, isComplete };
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function countOwned(sql: postgres.Sql, lifeName: string): Promise<number> {
  // A process id may come again: the newest life of that name is meant.
  const [row] = await sql<{ owned: number }[]>`
    SELECT count(*)::int AS owned FROM payment_orders
    WHERE owner = (SELECT node_id FROM nodes WHERE name = ${lifeName} ORDER BY started_at DESC LIMIT 1)`;
  return row?.owned ?? 0;
}
