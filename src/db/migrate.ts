/** Brings a database to the newest schema. Runs as the owner of the tables; safe to run from several nodes at once. */
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { drizzle, migrate } from "./drizzle.ts";

const MIGRATIONS_FOLDER = fileURLToPath(new URL("./migrations", import.meta.url));

/** One migration at a time for the whole database, whoever starts it. The number is arbitrary and ours. */
const MIGRATION_LOCK = 7_302_114_550;

/** Throws what PostgreSQL says when the user may not create tables or the role `florin_app`. */
export async function runMigrations(databaseUrl: string): Promise<void> {
  const client = postgres(databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await client`SELECT pg_advisory_lock(${MIGRATION_LOCK}::bigint)`;
    await migrate(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER });
  } finally {
    await client.end({ timeout: 5 });
  }
}
