/** `npm run migrate`: brings the configured database to this version's schema. Safe to repeat. */
import { parseArgs } from "node:util";
import { readConfig } from "../src/config.ts";
import { FolderInUseError } from "../src/db/embedded/folder-lock.ts";
import { runMigrations } from "../src/db/migrate.ts";
import { startEmbeddedAlone } from "./support/open-store.ts";
import { print, runScript, UserError } from "./support/terminal.ts";

const HELP = `Brings the database to the schema of this version of Florin. Forward only, and safe to repeat.

  npm run migrate

Works on MIGRATION_DATABASE_URL, else on DATABASE_URL, whose user must own the tables and may create the role
florin_app; with neither, on the embedded database in DATA_DIR, which is started for it. A Florin that starts
migrates too: this command is for doing it beforehand, with a user of its own.`;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
  if (values.help === true) {
    print(HELP);
    return 0;
  }
  const config = readConfig();
  if (config.migrationDatabaseUrl !== null) {
    await runMigrations(config.migrationDatabaseUrl);
    print(`The database ${new URL(config.migrationDatabaseUrl).pathname.slice(1)} is up to date.`);
    return 0;
  }
  await migrateEmbedded();
  print(`The embedded database in ${config.dataDir} is up to date.`);
  return 0;

  async function migrateEmbedded(): Promise<void> {
    try {
      const embedded = await startEmbeddedAlone(config);
      try {
        await runMigrations(embedded.url());
        await embedded.setAppRolePassword();
      } finally {
        await embedded.stop();
      }
    } catch (error) {
      if (!(error instanceof FolderInUseError)) throw error;
      throw new UserError(
        `A Florin works on ${config.dataDir} just now, and it migrated the database when it started: nothing to do. ` +
          "After an update of Florin, stop it first, or simply start the new one.",
      );
    }
  }
}

await runScript(main);
