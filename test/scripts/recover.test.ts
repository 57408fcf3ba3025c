/** `npm run recover` after a node has died, and beside one that lives. */
import postgres from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import type { Processor } from "../../src/processor.ts";
import type { Connector } from "../../src/psp/connector.ts";
import { createSimulatorConnector } from "../../src/psp/simulator/connector.ts";
import { type Simulator, startSimulator } from "../../src/psp/simulator/server.ts";
import { readEffects } from "../../scripts/integrity.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { aCheckout, anOrder, pay, startTestProcessor } from "../support/processor.ts";
import { createTempFolder } from "../support/temp-folder.ts";
import { runScript } from "./run-script.ts";

let database: TestDatabase;
let sql: postgres.Sql;
let simulator: Simulator;
let folder: ReturnType<typeof createTempFolder>;
beforeEach(async () => {
  folder = createTempFolder("recover");
  database = await createTestDatabase();
  sql = postgres(database.ownerUrl, { max: 2, onnotice: () => {} });
  simulator = await startSimulator({ port: 0, dataDir: folder.path });
});
afterEach(async () => {
  await sql.end();
  await simulator.close();
  await database.drop();
  folder.remove();
});

const connect = (): Connector =>
  createSimulatorConnector({ account: "simulator", baseUrl: simulator.url, ports: systemPorts });
const recover = (...args: string[]) =>
  runScript("recover", args, {
    DATABASE_URL: database.appUrl,
    PSP_SIMULATOR_URL: simulator.url,
    DATA_DIR: folder.path,
  });

/** Every row of every table, so that any change shows. */
async function readAll(...but: string[]): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`;
  const prints: Record<string, string> = {};
  for (const { name } of tables) {
    if (but.includes(name)) continue;
    const [row] = await sql.unsafe<{ print: string }[]>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') AS print FROM ${name} t`,
    );
    prints[name] = row?.print ?? "";
  }
  return prints;
}

/**
 * A node that died with calls out: three orders that the PSP charged and one that never left. It never learns an
 * answer, and its heartbeat is a minute old.
 */
async function leaveOrdersOfDeadNode(): Promise<Processor & AsyncDisposable> {
  const psp = connect();
  const never = new Promise<never>(() => {});
  const dying: Connector = {
    ...psp,
    charge: async (call) => {
      if (!call.body.includes("never-left")) await psp.charge(call);
      return never;
    },
  };
  const processor = await startTestProcessor({ databaseUrl: database.appUrl, connectors: [dying] });
  await processor.sweeper.stop();
  const orders = [anOrder({ sellerAccount: "s1" }), anOrder({ sellerAccount: "s2" }), anOrder({ sellerAccount: "s3" })];
  await pay(processor, aCheckout("pm_card_visa", { orders }), { waitMs: 0 });
  await pay(processor, aCheckout("pm_card_visa", { checkoutId: "never-left" }), { waitMs: 0 });
  await expect.poll(() => readEffects(simulator.url)).toHaveLength(3);
  processor.ownership.stop();
  await sql`UPDATE nodes SET heartbeat_at = now() - interval '1 minute' WHERE node_id = ${processor.node}`;
  return processor;
}

test("a dry run tells what it would do, changes no row and calls no PSP", async () => {
  await using _dead = await leaveOrdersOfDeadNode();
  const before = await readAll();
  const result = await recover("--dry-run", "--json");
  expect(result.code).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({
    dry_run: true,
    healthy: false,
    nodes_alive: 0,
    orders_found: 4,
    found: [
      {
        found: "EXECUTING.sending",
        reason: "node gone",
        next: "EXECUTING.resolving",
        orders: 4,
        inquiries: 4,
        charges: 0,
      },
    ],
    psp_calls: { charges: 0, inquiries: 0 },
    results: [],
  });
  expect(await readAll()).toEqual(before);
  expect(await readEffects(simulator.url)).toHaveLength(3);
  const text = await recover("--dry-run");
  expect(text.stdout).toMatch(
    /4 orders to recover .*dry run[\s\S]*EXECUTING\.sending +node gone +4 +EXECUTING\.resolving/,
  );
});

test("the orders of a dead node are asked about, finished and charged once; a second run finds nothing", async () => {
  await using _dead = await leaveOrdersOfDeadNode();
  const result = await recover("--json");
  expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining("Recovering") });
  const report = JSON.parse(result.stdout);
  expect(report).toMatchObject({
    dry_run: false,
    adopted: 4,
    results: [{ found: "EXECUTING.sending", became: "SUCCESS", orders: 4 }],
    // The one that never left is sent only after the PSP has surely not seen it.
    psp_calls: { charges: 1 },
    waiting: 0,
    unfinished: 0,
    set_aside: 0,
  });
  expect(report.psp_calls.inquiries).toBeGreaterThanOrEqual(5);
  const states = await sql`SELECT DISTINCT payment_order_status AS status, owner, ledger_updated FROM payment_orders`;
  expect(states).toEqual([{ status: "SUCCESS", owner: null, ledger_updated: true }]);
  const effects = await readEffects(simulator.url);
  expect(new Set(effects.map(({ order_id: id }) => id)).size).toBe(4);
  expect(effects).toHaveLength(4);

  const before = await readAll();
  const again = await recover();
  expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Nothing to recover/) });
  expect(await readAll()).toEqual(before);
});

test("beside a node that lives it changes no business row and calls no PSP", async () => {
  await using live = await startTestProcessor({ databaseUrl: database.appUrl, connectors: [connect()] });
  await pay(live, aCheckout("pm_card_visa"));
  // Waits for its next poll: not yet due, so nobody's business.
  await sql`UPDATE timers SET due_at = now() + interval '1 hour'`;
  const before = await readAll("nodes");
  const effects = await readEffects(simulator.url);
  const result = await recover("--json");
  expect(result.code).toBe(0);
  expect(JSON.parse(result.stdout)).toEqual({
    dry_run: false,
    healthy: true,
    nodes_alive: 1,
    orders_found: 0,
    found: [],
    adopted: 0,
    timers_fired: 0,
    mail_handed: 0,
    psp_calls: { charges: 0, inquiries: 0 },
    results: [],
    waiting: 0,
    unfinished: 0,
    set_aside: 0,
    quarantined_before: 0,
    left_to_other_versions: 0,
    took_ms: expect.any(Number),
    released: 0,
    still_unreadable: [],
  });
  expect(await readAll("nodes")).toEqual(before);
  expect(await readEffects(simulator.url)).toEqual(effects);
  expect(await sql`SELECT count(*)::int AS nodes FROM nodes`).toEqual([{ nodes: 1 }]);
});

test("a node that was killed a moment ago is not taken for alive", async () => {
  await using dead = await leaveOrdersOfDeadNode();
  // Its row says that it beat 7 seconds ago: three more and it is gone.
  await sql`UPDATE nodes SET heartbeat_at = now() - interval '7 seconds' WHERE node_id = ${dead.node}`;
  const report = JSON.parse((await recover("--dry-run", "--json")).stdout);
  expect(report).toMatchObject({ nodes_alive: 0, orders_found: 4 });
});

test("orders that were set aside come back when they can be read again, and what can't stays with the reason", async () => {
  await using dead = await leaveOrdersOfDeadNode();
  await dead.stop(0).catch(() => {});
  const whole = await sql<
    { id: string; snapshot: string }[]
  >`SELECT id, snapshot::text AS snapshot FROM payment_orders`;
  await sql`UPDATE payment_orders SET snapshot = '[]'`;
  expect(await recover()).toMatchObject({ code: 1, stdout: expect.stringContaining("4 orders could not be restored") });
  const [bad, ...good] = whole;
  for (const { id, snapshot } of good)
    await sql`UPDATE payment_orders SET snapshot = ${snapshot}::text::json WHERE id = ${id}`;

  const result = await recover("--release", "all", "--json");
  const report = JSON.parse(result.stdout);
  expect(report).toMatchObject({
    released: 3,
    still_unreadable: [{ reason: expect.stringContaining("snapshot") }],
    orders_found: 3,
    quarantined_before: 1,
  });
  expect(result.code).toBe(1);
  const states = await sql`
    SELECT payment_order_status AS status, quarantined_at IS NULL AS is_free, id = ${bad?.id ?? ""} AS is_bad
    FROM payment_orders ORDER BY is_bad`;
  const paid = { status: "SUCCESS", is_free: true, is_bad: false };
  expect(states).toEqual([paid, paid, paid, { status: "EXECUTING", is_free: false, is_bad: true }]);
  expect(await readEffects(simulator.url)).toHaveLength(bad?.snapshot.includes("never-left") ? 3 : 4);
  expect(await recover("--release", "no-such-order")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("0 orders that had been set aside given back"),
  });
});

test("what can't be read is refused with what to write", async () => {
  expect(await recover("--wait", "soon")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^--wait takes seconds/),
  });
  const nowhere = await runScript("recover", [], { DATA_DIR: `${folder.path}/typo` });
  expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining("There is no Florin database in") });
});
