/** A PostgreSQL with Florin's schema for the time of a run, in a folder that goes with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "../../src/core/ports.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded/embedded-postgres.ts";
import { runMigrations } from "../../src/db/migrate.ts";
import type { DifferentialDatabase } from "./differential/postgres-side.ts";

export interface ScratchPostgres extends DifferentialDatabase {
  stop(): Promise<void>;
}

const ignore = (): void => {};
const QUIET = { info: ignore, warn: ignore, error: ignore };
const DATABASE = "simulated";

export async function startScratchPostgres(): Promise<ScratchPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "florin-simulate-"));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, ports: systemPorts, log: QUIET, database: DATABASE });
  await runMigrations(postgres.url());
  await postgres.setAppRolePassword();
  return {
    ownerUrl: postgres.url(),
    appUrl: postgres.url(undefined, "app"),
    async stop() {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
