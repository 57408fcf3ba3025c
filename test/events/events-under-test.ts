/** Merchant events on a database of the test's own, with events written as the order's commit writes them. */
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import postgres from "postgres";
import { newUuid, toPublicId, toUuid } from "../../src/core/ids.ts";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import { connectEventAccess } from "../../src/db/event-access.ts";
import {
  createMerchantEvents,
  type MerchantEvents,
  type MerchantEventsOptions,
} from "../../src/events/merchant-events.ts";
import { toWebhookSecret } from "../../src/events/signing.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

export const SIGNING_KEY = randomBytes(32);
export const MERCHANT = 1;

export interface EventsUnderTest extends AsyncDisposable {
  readonly database: TestDatabase;
  /** As the database's owner. */
  readonly sql: postgres.Sql;
  /** A node's worth of merchant events; started. Stopped with the rest when the test does not. */
  open(changes?: Partial<MerchantEventsOptions>): MerchantEvents;
  /** Straight into the table; returns the id and the secret. */
  addEndpoint(url: string, events?: readonly string[]): Promise<{ readonly id: string; readonly secret: string }>;
  /** So many endpoints of a merchant, at `url` with a number behind it; straight into the table. */
  addEndpoints(merchantId: number, url: string, count: number): Promise<void>;
  /** Commits events: `versions` of each of `orders` orders. */
  addEvents(orders: number, versions?: number, merchantId?: number): Promise<void>;
  /** Commits what is written meanwhile as the planner sees it least: it takes the tables for as empty as they were. */
  unseenByPlanner(write: (sql: postgres.TransactionSql) => Promise<unknown>): Promise<void>;
  /** Stops what was opened and empties the tables, for the next test. */
  reset(): Promise<void>;
  count(status: string): Promise<number>;
  positions(): Promise<readonly { readonly id: string; readonly position: number | null }[]>;
}

/** Looks for what is due five times as often as in life. */
export const BRISK_PORTS: Ports = {
  ...systemPorts,
  timers: { ...systemPorts.timers, every: (ms, callback) => systemPorts.timers.every(ms / 5, callback) },
};

const VERSION_TYPES = ["created", "pending", "succeeded", "late_success"] as const;

/** Shifts what the database takes for now, for whoever connects after this; as `ALTER DATABASE` works. */
export const CLOCK = `
  CREATE SCHEMA clock;
  CREATE TABLE clock.shift (by interval NOT NULL);
  INSERT INTO clock.shift VALUES ('0');
  CREATE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT pg_catalog.now() + by FROM clock.shift';
  GRANT USAGE ON SCHEMA clock TO florin_app;
  GRANT SELECT ON clock.shift TO florin_app;
  DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = clock, public, pg_catalog', current_database()); END $$;`;

export async function startEventsUnderTest(): Promise<EventsUnderTest> {
  const database = await createTestDatabase();
  const sql = postgres(database.ownerUrl, { max: 3, onnotice: () => {} });
  const opened: MerchantEvents[] = [];
  let ordersMade = 0;
  const stopAll = (): Promise<unknown> => Promise.all(opened.splice(0).map((events) => events.stop(0)));
  return {
    database,
    sql,
    open(changes = {}) {
      const events = createMerchantEvents({
        access: connectEventAccess(database.appUrl),
        node: newUuid(systemPorts),
        signingKey: SIGNING_KEY,
        readPaymentEvent: async () => null,
        allowPrivate: true,
        redis: null,
        ports: BRISK_PORTS,
        log: pino({ level: process.env.LOG_LEVEL ?? "silent" }),
        ...changes,
      });
      opened.push(events);
      events.start();
      return events;
    },
    async addEndpoint(url, events = ["*"]) {
      const id = newUuid(systemPorts);
      await sql`INSERT INTO webhook_endpoints (merchant_id, id, url, events) VALUES (${MERCHANT}, ${id}, ${url}, ${[...events]})`;
      return { id, secret: toWebhookSecret(SIGNING_KEY, { merchantId: MERCHANT, endpointId: id, generation: 1 }) };
    },
    async addEndpoints(merchantId, url, count) {
      await sql`
        INSERT INTO webhook_endpoints (merchant_id, id, url, events)
        SELECT ${merchantId}, gen_random_uuid(), ${url} || '/' || n, '{*}' FROM generate_series(0, ${count}::int - 1) AS n`;
    },
    async addEvents(orders, versions = 1, merchantId = MERCHANT) {
      const rows = Array.from({ length: orders }, () => {
        ordersMade += 1;
        const subject = newUuid(systemPorts);
        const name = `po_${ordersMade}`;
        return Array.from({ length: versions }, (_, index) => ({
          merchant_id: merchantId,
          id: newUuid(systemPorts),
          type: `payment_order.${VERSION_TYPES[index] ?? "pending"}`,
          subject_id: subject,
          order_version: index + 1,
          data: { object: "payment_order", payment_order_id: name, version: index + 1 },
          created_at: new Date(Date.now() + index).toISOString(),
        }));
      }).flat();
      await sql`
        INSERT INTO events (merchant_id, id, type, subject_id, order_version, data, created_at)
        SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS e(merchant_id integer, id uuid, type text, subject_id uuid,
          order_version integer, data json, created_at timestamptz)`;
    },
    async unseenByPlanner(write) {
      await sql.begin(async (transaction) => {
        await write(transaction);
        await sql`ANALYZE deliveries, events`;
      });
    },
    async reset() {
      await stopAll();
      await sql`TRUNCATE deliveries, delivery_attempts, events, webhook_endpoints`;
      await sql`UPDATE event_positions SET last = 0`;
    },
    async count(status) {
      const [row] = await sql<
        { count: number }[]
      >`SELECT count(*)::int AS count FROM deliveries WHERE status = ${status}`;
      return row?.count ?? 0;
    },
    positions: () =>
      sql`SELECT id, position::float8 AS position FROM events WHERE position IS NOT NULL ORDER BY position`,
    async [Symbol.asyncDispose]() {
      await stopAll();
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}

export const publicEventId = (id: string): string => toPublicId("evt", toUuid(id));
