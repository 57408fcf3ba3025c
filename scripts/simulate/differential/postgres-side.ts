/**
 * PostgreSQL for the differential test. Its statements are the real ones, its clock is the test's: a function `now()` that
 * stands before the server's own in the search path, so that everything that depends on time can be compared exactly.
 */
import postgres from "postgres";
import { bindStatements } from "../../../src/db/access.ts";
import { connectDatabase, type Sql } from "../../../src/db/client.ts";
import { openDatabase } from "../../../src/db/queries/database.ts";
import { bindReads } from "../../../src/db/reads.ts";
import { commitSteps } from "../../../src/db/statements/commit-steps.ts";
import { beatNode, stopNode } from "../../../src/db/statements/nodes.ts";
import type { Side } from "./sides.ts";
import { type Dump, TABLES } from "./tables.ts";

export interface DifferentialDatabase {
  /** Superuser. */
  readonly ownerUrl: string;
  /** `florin_app`. */
  readonly appUrl: string;
}

export interface PostgresSide extends Side {
  setNow(ms: number): Promise<void>;
  /** Empties all tables but that of the merchants. */
  reset(nowMs: number): Promise<void>;
  /** Rewrites the function of the group commit. */
  replaceCommit(definition: string): Promise<void>;
  dump(): Promise<Dump>;
  close(): Promise<void>;
}

const CLOCK = `
  CREATE SCHEMA IF NOT EXISTS clock;
  CREATE TABLE IF NOT EXISTS clock.instant (at timestamptz NOT NULL);
  INSERT INTO clock.instant SELECT pg_catalog.now() WHERE NOT EXISTS (SELECT FROM clock.instant);
  CREATE OR REPLACE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM clock.instant';
  GRANT USAGE ON SCHEMA clock TO florin_app;
  GRANT SELECT ON clock.instant TO florin_app;
  DO $$
  DECLARE c record;
  BEGIN
    -- What a power cut takes is of no interest here.
    EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
    EXECUTE format('ALTER DATABASE %I SET search_path = clock, public, pg_catalog', current_database());
    FOR c IN SELECT table_name, column_name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_default = 'now()'
    LOOP
      EXECUTE format('ALTER TABLE public.%I ALTER COLUMN %I SET DEFAULT clock.now()', c.table_name, c.column_name);
    END LOOP;
  END $$;`;

export const MERCHANTS = [
  { merchantId: 1, name: "one", mode: "test" },
  { merchantId: 2, name: "two", mode: "live" },
] as const;

/**
 * One row of nobody in each table that a batch is joined with. Whether PostgreSQL reads a batch at all, and stumbles over
 * what is wrong in it, is left to its plan when the table is empty.
 */
const DECOYS = `
  INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject, created_at) VALUES (-1000000, 'decoy', '', '', '2099-01-01');
  INSERT INTO payment_events (merchant_id, id, checkout_id, content_hash, metadata, order_count, open_order_count, created_at)
    VALUES (-1000000, gen_random_uuid(), 'decoy', '', '{}', 0, 0, '2099-01-01');
  INSERT INTO payment_orders (merchant_id, id, payment_order_id, payment_event_id, ordinal, seller_account, amount, currency,
      platform_fee, psp, metadata, created_at, payment_order_status, state_since, updated_at, machine_version, snapshot,
      version, revision, fencing_token)
    VALUES (-1000000, gen_random_uuid(), 'decoy', gen_random_uuid(), 0, '', 1, '', 0, '', '{}', '2099-01-01', 'FAILED', '2099-01-01',
      '2099-01-01', 1, '{}', 0, 0, 0);
  INSERT INTO observations (merchant_id, actor_id, attempt, source, actor_kind, fact, body, latency_ms, at, node)
    VALUES (-1000000, gen_random_uuid(), 0, '', 'decoy', '{}', '', 0, '2099-01-01', gen_random_uuid());
  INSERT INTO timers (merchant_id, actor_id, actor_kind, seq, name, due_at)
    VALUES (-1000000, gen_random_uuid(), 'decoy', 0, '', '2099-01-01');
  INSERT INTO inbox (psp, event_id, type, merchant_id, actor_kind, actor_id, body)
    VALUES ('decoy', '', '', -1000000, 'decoy', gen_random_uuid(), '');
  INSERT INTO commands (command_id, merchant_id, actor_kind, actor_id, command)
    VALUES (gen_random_uuid(), -1000000, 'decoy', gen_random_uuid(), '{}');`;

const isDecoy = (row: unknown): boolean =>
  typeof row === "object" && row !== null && "merchant_id" in row && row.merchant_id === -1_000_000;

const STATEMENT_TIMEOUT_MS = 15_000;
/** Deleted rows are swept away now and then, or looking past them takes ever longer. */
const RESETS_PER_VACUUM = 100;
const toInstant = (ms: number): string => `'${new Date(ms).toISOString()}'::timestamptz`;

async function prepare(owner: Sql): Promise<void> {
  await owner.unsafe(CLOCK);
  for (const { merchantId, name, mode } of MERCHANTS) {
    await owner`INSERT INTO merchants (merchant_id, name, mode) OVERRIDING SYSTEM VALUE VALUES (${merchantId}, ${name}, ${mode})
      ON CONFLICT DO NOTHING`;
  }
}

/** The database must be migrated, and nobody else's meanwhile. */
export async function openPostgresSide({ ownerUrl, appUrl }: DifferentialDatabase): Promise<PostgresSide> {
  const owner = postgres(ownerUrl, { max: 1, onnotice: () => {} });
  await prepare(owner);
  const open = (): Sql =>
    connectDatabase(appUrl, { name: "florin differential", max: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const sql = open();
  const drizzled = open();
  const names = TABLES.map(({ name }) => name);
  let resets = 0;
  return {
    statements: bindStatements(sql),
    reads: bindReads(openDatabase(drizzled)),
    commitSteps: (parameters) => commitSteps(sql, parameters),
    beatNode: (node, name) => beatNode(sql, node, name),
    stopNode: (node) => stopNode(sql, node),
    insertSetting: (name, value) => sql`INSERT INTO settings (name, value) VALUES (${name}, ${value})`.then(() => {}),
    ageNode: (node, byMs) =>
      owner`UPDATE nodes SET heartbeat_at = heartbeat_at - ${byMs}::float8 * interval '1 ms' WHERE node_id = ${node}`.then(
        () => {},
      ),
    async setNow(ms) {
      await owner.unsafe(`UPDATE clock.instant SET at = ${toInstant(ms)}`);
    },
    async reset(nowMs) {
      const deletes = names.map((name) => `DELETE FROM ${name};`).join("");
      // As a replica would: the triggers that protect history stay silent.
      await owner.unsafe(
        `SET session_replication_role = replica; ${deletes} ${DECOYS} SET session_replication_role = DEFAULT; UPDATE clock.instant SET at = ${toInstant(nowMs)}`,
      );
      resets += 1;
      if (resets % RESETS_PER_VACUUM === 0) await owner.unsafe(`VACUUM ${names.join(", ")}, clock.instant`);
    },
    async replaceCommit(definition) {
      await owner.unsafe(definition);
    },
    async dump() {
      const results: unknown[][] = await owner.unsafe(names.map((name) => `SELECT * FROM ${name};`).join(""));
      return new Map(names.map((name, index) => [name, (results[index] ?? []).filter((row) => !isDecoy(row))]));
    },
    async close() {
      await Promise.all([owner, sql, drizzled].map((client) => client.end({ timeout: 1 })));
    },
  };
}
