/** A PostgreSQL database of its own for each test file: a copy of the migrated template, made in about 100 ms. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { inject } from "vitest";
import { TEMPLATE_DATABASE } from "./server-addresses.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** Superuser: may do what migrations do, and look where the app may not. */
  readonly ownerUrl: string;
  /** `florin_app`, as in production: this is what the code under test gets. */
  readonly appUrl: string;
  /** Cuts whoever is still connected. */
  drop(): Promise<void>;
}

const COPY_TRIES = 100;
const RETRY_MS = 50;
const SOURCE_IN_USE = "55006";

function inDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function withAdmin<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(inject("servers").postgresOwnerUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function copyTemplate(sql: postgres.Sql, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await sql.unsafe(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`);
      return;
    } catch (error) {
      const isInUse = error instanceof postgres.PostgresError && error.code === SOURCE_IN_USE;
      if (!isInUse || attempt >= COPY_TRIES) throw error;
      await sleep(RETRY_MS);
    }
  }
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const { postgresOwnerUrl, postgresAppUrl } = inject("servers");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withAdmin((sql) => copyTemplate(sql, name));
  const drop = (): Promise<void> =>
    withAdmin(async (sql) => {
      await sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    });
  return {
    name,
    ownerUrl: inDatabase(postgresOwnerUrl, name),
    appUrl: inDatabase(postgresAppUrl, name),
    drop,
    [Symbol.asyncDispose]: drop,
  };
}
