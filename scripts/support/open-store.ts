/** The database that the scripts work on: the configured one, wherever it runs and whoever started it. */
import type { Config } from "../../src/config.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/db/embedded/embedded-postgres.ts";
import { FolderInUseError } from "../../src/db/embedded/folder-lock.ts";
import { connectToRunning, hasEmbeddedDatabase } from "../../src/db/embedded/running-server.ts";
import { runMigrations } from "../../src/db/migrate.ts";
import { UserError } from "./terminal.ts";

export interface Store {
  /** As `florin_app`, or whoever DATABASE_URL names. */
  readonly url: string;
  /** `shared`: DATABASE_URL. `beside`: embedded, and a Florin runs on it. `alone`: embedded, started for this script. */
  readonly kind: "shared" | "beside" | "alone";
  close(): Promise<void>;
}

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

/** The embedded server for this script alone. Throws `FolderInUseError` when a Florin holds the folder. */
export function startEmbeddedAlone(config: Config): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir: config.dataDir, ports: systemPorts, log: SILENT });
}

export interface OpenStore {
  /** An embedded database that is not there yet is made. */
  readonly mayCreate: boolean;
  /** An embedded one that is started for this script is brought to the newest schema. */
  readonly mayMigrate: boolean;
}

export async function openStore(config: Config, { mayCreate, mayMigrate }: OpenStore): Promise<Store> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl, kind: "shared", close: async () => {} };
  if (!mayCreate && !hasEmbeddedDatabase(config.dataDir)) {
    throw new UserError(
      `There is no Florin database in ${config.dataDir}. Set DATA_DIR to the folder of your Florin, or DATABASE_URL to its database.`,
    );
  }
  try {
    const embedded = await startEmbeddedAlone(config);
    try {
      if (mayMigrate) {
        await runMigrations(embedded.url());
        await embedded.setAppRolePassword();
      }
    } catch (error) {
      await embedded.stop();
      throw error;
    }
    return { url: embedded.url(undefined, "app"), kind: "alone", close: embedded.stop };
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    return openBeside(config);
  }
}

/** Through the server of the Florin that runs on this folder. */
async function openBeside(config: Config): Promise<Store> {
  const running = await connectToRunning(config.dataDir);
  if (running !== null) return { url: running.appUrl, kind: "beside", close: async () => {} };
  throw new UserError(
    `A Florin holds ${config.dataDir}, but its database does not answer: it is starting or stopping. Try again in a moment.`,
  );
}

/** As `openStore`, but looks for a running server first: for a short visit that needs no lock. */
export async function visitStore(config: Config, mayCreate: boolean): Promise<Store> {
  if (config.databaseUrl === null) {
    const running = await connectToRunning(config.dataDir);
    if (running !== null) return { url: running.appUrl, kind: "beside", close: async () => {} };
  }
  return openStore(config, { mayCreate, mayMigrate: true });
}
