/** One database, one PSP double, and as many nodes on them as a test opens. */
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import postgres from "postgres";
import { expect } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import { connectAccess } from "../../src/db/access.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createProcessor, type Processor, type ProcessorOptions } from "../../src/processor.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { expectIntegrity } from "../support/integrity.ts";
import { createTcpProxy, type TcpProxy } from "../../scripts/support/tcp-proxy.ts";
import { createPspDouble, type PspDouble } from "./psp-double.ts";

export interface NodeOptions extends Partial<Omit<ProcessorOptions, "log">> {
  /** False: no timers, no stored mail, no adoption unless the test sweeps. */
  readonly isSweeping?: boolean;
  /** Between this node and PostgreSQL stands a proxy. */
  readonly isProxied?: boolean;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly items?: number;
  readonly err?: { readonly message: string; readonly code?: string };
}

export interface TestNode extends Processor {
  readonly proxy: TcpProxy;
  /** Warnings and errors that the node logged. */
  readonly logged: readonly LogLine[];
  /** Its database is gone for it, as when the process was killed or the network cut. Nothing is handed over. */
  isolate(): void;
  heal(): void;
}

export interface FlorinUnderTest {
  readonly database: TestDatabase;
  /** As the database's owner. */
  readonly owner: postgres.Sql;
  readonly psp: PspDouble;
  openNode(options?: NodeOptions): Promise<TestNode>;
  /** Stops the nodes that the test opened and left running. */
  closeNodes(): Promise<void>;
  /** Makes a node's last heartbeat as old as a dead node's. */
  expire(node: Pick<Processor, "node">): Promise<void>;
  order(paymentOrderId: string): Promise<OrderFacts>;
  expectIntegrity(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

export interface OrderFacts {
  readonly id: string;
  readonly state: string;
  readonly version: number;
  readonly token: number;
  readonly owner: string | null;
  readonly parkReason: string | null;
  readonly steps: readonly string[];
  readonly entries: number;
  readonly observations: number;
  readonly unhandledObservations: number;
  readonly isQuarantined: boolean;
  readonly quarantineReason: string | null;
}

const ERROR = 50;

export async function startFlorinUnderTest(options: { readonly psp?: PspDouble } = {}): Promise<FlorinUnderTest> {
  const database = await createTestDatabase();
  const owner = postgres(database.ownerUrl, { max: 4, onnotice: () => {} });
  const psp = options.psp ?? createPspDouble();
  const nodes = new Set<TestNode>();

  return {
    database,
    owner,
    psp,
    async openNode({ isSweeping = true, isProxied = false, ...changes } = {}) {
      const proxy = await createTcpProxy(database.appUrl);
      const logged: LogLine[] = [];
      const processor = await createProcessor({
        database: connectAccess(isProxied ? proxy.through(database.appUrl) : database.appUrl),
        openLeases: chooseLeases({ redisUrl: null }),
        connectors: [psp],
        policy: "swift",
        ports: systemPorts,
        log: pino({ level: "warn" }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
        leaseTtlMs: 10_000,
        maxLiveActors: 100_000,
        hostedExpiryMs: 3_600_000,
        toPayUrl: (_, checkoutId) => `http://127.0.0.1/pay/${checkoutId}`,
        ...changes,
      });
      if (isSweeping) processor.start();
      let stopped: Promise<void> | null = null;
      const node: TestNode = {
        ...processor,
        proxy,
        logged,
        isolate() {
          proxy.onClientMessage = () => "cut";
          proxy.cut();
        },
        heal() {
          proxy.onClientMessage = null;
        },
        stop(graceMs = 1_000) {
          nodes.delete(node);
          stopped ??= processor.stop(graceMs).then(() => proxy.close());
          return stopped;
        },
      };
      nodes.add(node);
      return node;
    },
    async closeNodes() {
      await Promise.all(
        [...nodes].map((node) => {
          node.heal();
          node.proxy.onServerMessage = null;
          return node.stop(0);
        }),
      );
    },
    async expire({ node }) {
      await owner`UPDATE nodes SET heartbeat_at = now() - interval '11 seconds' WHERE node_id = ${node}`;
    },
    async order(paymentOrderId) {
      const [row] = await owner<OrderFacts[]>`
        SELECT o.id, COALESCE(o.phase, o.payment_order_status) AS state, o.version, o.fencing_token::int AS token, o.owner,
          o.snapshot #>> '{context,parked,reason}' AS "parkReason",
          ARRAY(SELECT t.to_state FROM transitions t WHERE t.merchant_id = o.merchant_id AND t.actor_id = o.id ORDER BY t.seq) AS steps,
          (SELECT count(*)::int FROM journal_entries e WHERE e.merchant_id = o.merchant_id AND e.actor_id = o.id) AS entries,
          (SELECT count(*)::int FROM observations b WHERE b.merchant_id = o.merchant_id AND b.actor_id = o.id) AS observations,
          (SELECT count(*)::int FROM observations b WHERE b.merchant_id = o.merchant_id AND b.actor_id = o.id AND b.handled_at IS NULL)
            AS "unhandledObservations",
          o.quarantined_at IS NOT NULL AS "isQuarantined", o.quarantine_reason AS "quarantineReason"
        FROM payment_orders o WHERE o.payment_order_id = ${paymentOrderId}`;
      if (row === undefined) throw new Error(`there is no order ${paymentOrderId}`);
      return row;
    },
    expectIntegrity: () => expectIntegrity({ sql: owner, psp, pspAccount: psp.account }),
    async close() {
      await owner.end({ timeout: 1 });
      await database.drop();
    },
  };
}

export const errorsOf = (node: TestNode): readonly string[] =>
  node.logged.filter(({ level }) => level >= ERROR).map(({ msg }) => msg);

/** SQLSTATEs for which batches ran again. */
export const rerunCodes = (node: TestNode): readonly string[] =>
  node.logged.flatMap(({ msg, err }) => (msg.includes("run again") ? [err?.code ?? err?.message ?? "?"] : []));

/** Waits until a condition holds; asks every few milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await condition())) {
    const waitedMs = performance.now() - startedMs;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    // What takes long is asked for less often: some conditions count thousands of rows.
    await sleep(Math.min(10 + waitedMs / 20, 250));
  }
}

export interface Hold {
  release(): Promise<void>;
}

/** A session that is not Florin's and keeps what `statement` locks until it is released. */
export async function holdLock(
  database: TestDatabase,
  statement: string,
): Promise<Hold & { readonly sql: postgres.ReservedSql }> {
  const pool = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
  const sql = await pool.reserve();
  await sql.unsafe("BEGIN");
  await sql.unsafe(statement);
  return {
    sql,
    async release() {
      await sql.unsafe("COMMIT");
      sql.release();
      await pool.end();
    },
  };
}

/** Waits until so many of Florin's statements stand in line for a lock in that database. */
export function untilBlocked(florin: Pick<FlorinUnderTest, "owner" | "database">, count: number): Promise<void> {
  return until(async () => {
    const rows = await florin.owner`
      SELECT 1 FROM pg_stat_activity
      WHERE datname = ${florin.database.name} AND wait_event_type = 'Lock' AND application_name LIKE 'florin journal%'`;
    return rows.length >= count;
  }, `${count} statements waiting for a lock`);
}

export function expectOnce(order: OrderFacts): void {
  expect(order).toMatchObject({ state: "SUCCESS", entries: 1, owner: null, unhandledObservations: 0 });
}
