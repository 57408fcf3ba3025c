/** The reading side's view of the database: Drizzle on a client of its own. */
import { drizzle, type PostgresJsDatabase } from "../drizzle.ts";
import type { Sql } from "../client.ts";

export type Database = PostgresJsDatabase;

/** The client must serve nothing else: Drizzle changes how it reads dates and JSON. */
export function openDatabase(client: Sql): Database {
  return drizzle(client, { casing: "snake_case" });
}
