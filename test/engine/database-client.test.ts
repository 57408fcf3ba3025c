/** A connection to PostgreSQL that breaks: what is lost with it is an error, never an answer. */
import { connect, createServer, type Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTcpProxy, type ProxiedConnection } from "../../scripts/support/tcp-proxy.ts";
import { connectDatabase, type Sql } from "../../src/db/client.ts";
import { commitSteps, SECTIONS } from "../../src/db/statements/commit-steps.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "./florin-under-test.ts";

let database: TestDatabase;
let direct: postgres.Sql;

beforeAll(async () => {
  database = await createTestDatabase();
  direct = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
  await direct`CREATE TABLE marks (name text PRIMARY KEY)`;
  await direct`GRANT ALL ON marks TO florin_app`;
});
afterAll(async () => {
  await direct.end();
  await database.drop();
});

/** Passes bytes on without looking at them, as a load balancer does, and resets its clients when told. */
async function openForwarder(): Promise<
  { readonly port: number; readonly url: string; reset(): void } & AsyncDisposable
> {
  const url = new URL(database.appUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
    clients.add(client);
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  const port = await listen(server);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    port,
    url: url.href,
    reset() {
      for (const client of clients) client.resetAndDestroy();
      clients.clear();
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** This process's own end of the connection to that port. */
function findSocket(port: number): Socket {
  const handles: unknown[] = Reflect.get(process, "_getActiveHandles").call(process);
  const found = handles.find((handle): handle is Socket => handle instanceof Socket && handle.remotePort === port);
  if (found === undefined) throw new Error(`no connection to port ${port}`);
  return found;
}

test.each([
  { moment: "in the turn in which it breaks", when: (act: () => void) => queueMicrotask(act) },
  { moment: "in the phase after it broke", when: (act: () => void) => void setImmediate(act) },
])(
  "a statement given to a connection $moment is rejected or carried out, never taken for done",
  async ({ when, moment }) => {
    await using forwarder = await openForwarder();
    const sql = connectDatabase(forwarder.url, { name: "test", max: 1, statementTimeoutMs: 5_000 });
    await sql`SELECT 1`;
    const socket = findSocket(forwarder.port);
    const result = Promise.withResolvers<string>();
    const original = socket.destroy.bind(socket);
    socket.destroy = (error?: Error) => {
      when(() => {
        const insert = sql.unsafe(`INSERT INTO marks VALUES ('${moment}')`).then(
          ({ command }) => `done: ${command}`,
          () => "rejected",
        );
        void insert.then(result.resolve);
      });
      return original(error);
    };
    forwarder.reset();
    const outcome = await Promise.race([result.promise, sleep(8_000).then(() => "it hangs")]);
    // The connection is made anew, and its answers belong to their statements.
    await until(
      async () => (await sql`SELECT 'mine' AS name`.catch(() => []))[0]?.name === "mine",
      "the next statement gets its answer",
    );
    const rows = await direct`SELECT 1 FROM marks WHERE name = ${moment}`;
    expect(outcome).toBe(rows.length === 1 ? "done: INSERT" : "rejected");
    await sql.end({ timeout: 0 });
  },
);

test("under a steady load every statement of a pool settles when all its connections are reset again and again", async () => {
  await using forwarder = await openForwarder();
  const sql = connectDatabase(forwarder.url, { name: "test", max: 4, statementTimeoutMs: 5_000 });
  let asked = 0;
  let answered = 0;
  const wrong: string[] = [];
  const ask = async (): Promise<void> => {
    asked += 1;
    const mine = `mine-${asked}`;
    try {
      const rows = await sql`SELECT ${mine}::text AS name`;
      if (rows[0]?.name !== mine) wrong.push(`${mine} got ${JSON.stringify(rows)}`);
    } catch {
      // Lost with its connection; the caller knows.
    }
    answered += 1;
  };
  for (let round = 0; round < 60; round += 1) {
    for (let index = 0; index < 3; index += 1) setImmediate(() => void ask());
    if (round % 10 === 9) forwarder.reset();
    await sleep(5);
  }
  await until(() => answered === asked, "every statement settles", 10_000);
  expect(wrong).toEqual([]);
  await sql.end({ timeout: 0 });
});

test("of several hosts in the address one that is down is passed over", async () => {
  const closed = createServer();
  const port = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  const url = new URL(database.appUrl);
  const both = database.appUrl.replace(url.host, `127.0.0.1:${port},${url.host}`);
  const sql = connectDatabase(both, { name: "test", max: 1, statementTimeoutMs: 5_000 });
  await until(async () => (await sql`SELECT 1 AS one`.catch(() => [])).length === 1, "the host that is up answers");
  await sql.end({ timeout: 0 });
});

test("a new connection says nothing but what it was opened for: a loss of anything else would be nobody's to catch", async () => {
  await using proxy = await createTcpProxy(database.appUrl);
  const said: (string | null)[] = [];
  proxy.onClientMessage = ({ type, sql }) => {
    if (type === "P" || type === "Q") said.push(sql);
    return "pass";
  };
  const sql = connectDatabase(proxy.through(database.appUrl), { name: "test", max: 1, statementTimeoutMs: 5_000 });
  await sql`SELECT 1`;
  await sql.end({ timeout: 1 });
  expect(said).toEqual(["SELECT 1"]);
});

test("a commit that the client resolves without having run it is no commit", async () => {
  const answer = (command: string | undefined) => Object.assign([], { command });
  const laneOf = (command: string | undefined) => ({ unsafe: async () => answer(command) }) as unknown as Sql;
  const nothing = SECTIONS.map(() => null);
  await expect(commitSteps(laneOf(undefined), nothing)).rejects.toThrow("was not carried out");
  await expect(commitSteps(laneOf("INSERT"), nothing)).rejects.toThrow("was not carried out");
  expect(await commitSteps(laneOf("SELECT"), nothing)).toEqual(new Map());
});

test("connections on which nothing comes back any more are broken off, and the next statements get new ones", async () => {
  await using proxy = await createTcpProxy(database.appUrl);
  const sql = connectDatabase(proxy.through(database.appUrl), { name: "silent", max: 2, statementTimeoutMs: 1_000 });
  try {
    const swallowed = new Set<ProxiedConnection>();
    proxy.onClientMessage = (_message, connection) => {
      swallowed.add(connection);
      return "pass";
    };
    await Promise.all([sql`SELECT pg_sleep(0.1)`, sql`SELECT pg_sleep(0.1)`]);
    proxy.onClientMessage = (_message, connection) =>
      swallowed.has(connection) ? new Promise<never>(() => {}) : "pass";
    const settled = await Promise.allSettled(Array.from({ length: 6 }, (_, n) => sql`SELECT ${n}::int AS n`.execute()));
    const lost = settled.filter(({ status }) => status === "rejected");
    expect(lost.length).toBeGreaterThanOrEqual(2);
    for (const one of lost) expect(one).toMatchObject({ reason: { code: "ETIMEDOUT" } });
    expect([...(await sql`SELECT 1 AS one`)]).toEqual([{ one: 1 }]);
    expect(swallowed.size).toBe(2);
  } finally {
    await sql.end({ timeout: 0 });
  }
});

test("a connection that waits for nothing, or for a statement that takes its time, is left alone", async () => {
  const sql = connectDatabase(database.appUrl, { name: "quiet", max: 1, statementTimeoutMs: 2_000 });
  try {
    const findPid = async () => (await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]?.pid;
    const pid = await findPid();
    await sleep(9_000);
    await sql`SELECT pg_sleep(1.8)`;
    expect(await findPid()).toBe(pid);
  } finally {
    await sql.end({ timeout: 0 });
  }
});
