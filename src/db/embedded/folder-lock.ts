/**
 * At most one Florin works on a data folder. The lock must vanish with its holder, however that dies, must
 * not be fooled by a reused process id, and must be taken without a race. A pid file fails the first two;
 * an advisory lock in the database cannot guard the start of that database; Node has no `flock`. SQLite,
 * which Node carries, takes a kernel file lock for `BEGIN EXCLUSIVE`: the kernel drops it with the process,
 * children do not inherit it, and it holds between containers that share the folder.
 */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../core/ports.ts";

export interface FolderLock {
  release(): void;
}

/** A predecessor that is just leaving gets this long before we complain. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 50;

export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
}

/** Held locks are kept reachable: a collected `DatabaseSync` closes its file and with it drops the lock. */
const heldLocks = new Set<DatabaseSync>();

function tryLock(file: string): DatabaseSync | null {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) return null;
    throw error;
  }
}

function readHolder(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "unknown";
  }
}

/** Throws `FolderInUseError` when another living process holds the folder. */
export async function lockFolder(folder: string, clock: Clock): Promise<FolderLock> {
  const file = join(folder, "florin.lock");
  const holderFile = join(folder, "florin.pid");
  const giveUpAtMs = clock.monotonicMs() + PATIENCE_MS;
  let database = tryLock(file);
  while (database === null) {
    if (clock.monotonicMs() > giveUpAtMs) {
      throw new FolderInUseError(
        `Another Florin (process ${readHolder(holderFile)}) already works on the data folder ${folder}. ` +
          "Stop that one first, or give this one its own folder with DATA_DIR (and its own PORT). To run several " +
          "nodes on the same books, point all of them to a shared PostgreSQL with DATABASE_URL.",
      );
    }
    await sleep(RETRY_MS);
    database = tryLock(file);
  }
  const held = database;
  heldLocks.add(held);
  // Whoever can read the file could lock it.
  chmodSync(file, 0o600);
  writeFileSync(holderFile, `${process.pid}\n`, { mode: 0o600 });
  return {
    release() {
      if (!heldLocks.delete(held)) return;
      held.close();
    },
  };
}
