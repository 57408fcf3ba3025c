import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { systemPorts } from "../../src/core/ports.ts";
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "../../src/db/embedded/embedded-postgres.ts";
import { externalHomeOf } from "../../src/db/embedded/home-folder.ts";
import { readPostmasterFile } from "../../src/db/embedded/postmaster.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const log = { info: () => {}, warn: () => {}, error: () => {} };
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === "linux";

let folder: TempFolder;
let dataDir: string;
let running: EmbeddedPostgres[] = [];
let owners: ChildProcess[] = [];

beforeEach(() => {
  folder = createTempFolder("embedded");
  dataDir = join(folder.path, "data-dir");
});

afterEach(async () => {
  for (const server of running) await server.stop();
  for (const owner of owners) owner.kill("SIGKILL");
  running = [];
  owners = [];
  const left = readPostmasterFile(join(dataDir, "postgres", "data"));
  if (left) killQuietly(left.pid);
  folder.remove();
});

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, ports: systemPorts, log, ...options });
  running.push(server);
  return server;
}

async function stop(server: EmbeddedPostgres): Promise<void> {
  running = running.filter((other) => other !== server);
  await server.stop();
}

async function query(url: string, statement: string): Promise<readonly postgres.Row[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const report = z.object({
  port: z.number().default(0),
  pid: z.number().default(0),
  wasAdopted: z.boolean().default(false),
  url: z.string().default(""),
  error: z.string().optional(),
});

async function startOwner(mode = "obey") {
  const script = fileURLToPath(new URL("embedded-owner.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dataDir, mode], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  owners.push(child);
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, ...report.parse(JSON.parse(String(line))) };
}

async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

const isServing = (url: string): Promise<boolean> =>
  query(url, "SELECT 1").then(
    () => true,
    () => false,
  );

describe("a folder", () => {
  test("keeps what was written, and its port, over a restart", async () => {
    const first = await start();
    await query(first.url(), "CREATE TABLE kept AS SELECT 42 AS value");
    await stop(first);
    expect(await isServing(first.url())).toBe(false);
    const second = await start();
    expect(await query(second.url(), "SELECT value FROM kept")).toEqual([{ value: 42 }]);
    expect(second.port).toBe(first.port);
  });

  test("gets another port when its own is taken", async () => {
    const first = await start();
    await stop(first);
    const stranger = createServer().listen(first.port, "127.0.0.1");
    await once(stranger, "listening");
    const second = await start();
    stranger.close();
    expect(second.port).not.toBe(first.port);
    expect(await isServing(second.url())).toBe(true);
  });

  test("belongs to one Florin: the second is told what to do", async () => {
    const server = await start();
    const second = await startOwner();
    expect(second.error).toContain(`process ${process.pid}`);
    expect(second.error).toContain("DATA_DIR");
    expect(await isServing(server.url())).toBe(true);
  });

  test("goes to exactly one of two Florins that start at once", async () => {
    const both = await Promise.all([startOwner(), startOwner()]);
    expect(both.map(({ error }) => error === undefined).sort()).toEqual([false, true]);
  });

  test("whose passwords are lost is not overwritten", async () => {
    await stop(await start());
    rmSync(join(dataDir, "cluster.json"));
    await expect(start()).rejects.toThrow(/cluster\.json is missing/);
    expect(existsSync(join(dataDir, "postgres", "data", "PG_VERSION"))).toBe(true);
  });

  test("with a half made database starts anew", async () => {
    mkdirSync(join(dataDir, "postgres", "data.new", "base"), { recursive: true });
    writeFileSync(join(dataDir, "postgres", "initdb-password"), "left over");
    const server = await start();
    expect(await isServing(server.url())).toBe(true);
    expect(existsSync(join(dataDir, "postgres", "initdb-password"))).toBe(false);
  });
});

describe("the server", () => {
  let itsFolder: TempFolder;
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    itsFolder = createTempFolder("embedded");
    server = await startEmbeddedPostgres({ dataDir: join(itsFolder.path, "data-dir"), ports: systemPorts, log });
  });

  afterAll(async () => {
    await server.stop();
    itsFolder.remove();
  });

  test("is set up so that committed means written", async () => {
    const names = ["fsync", "full_page_writes", "synchronous_commit", "data_checksums", "server_encoding", "TimeZone"];
    const rows = await query(server.url(), `SELECT ${names.map((name) => `current_setting('${name}') AS "${name}"`)}`);
    expect(rows).toEqual([
      {
        fsync: "on",
        full_page_writes: "on",
        synchronous_commit: "on",
        data_checksums: "on",
        server_encoding: "UTF8",
        TimeZone: "UTC",
      },
    ]);
  });

  test("listens on this machine alone and lets nobody in without a password", async () => {
    const wrong = new URL(server.url());
    wrong.password = "wrong";
    expect(await isServing(wrong.href)).toBe(false);
    const [row] = await query(
      server.url(),
      "SELECT current_setting('listen_addresses') AS addresses, (SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules) AS methods",
    );
    expect(row).toEqual({ addresses: "127.0.0.1", methods: ["scram-sha-256"] });
  });

  test("lets the app role in with the password that is set after the migrations", async () => {
    await query(server.url(), "CREATE ROLE florin_app NOLOGIN");
    expect(await isServing(server.url("florin", "app"))).toBe(false);
    await server.setAppRolePassword();
    expect(await query(server.url("florin", "app"), "SELECT current_user::text AS name")).toEqual([
      { name: "florin_app" },
    ]);
  });

  test.runIf(isLinux)("shows no password on its command line or in its environment", async () => {
    const shown = ["cmdline", "environ"].map((name) => readFileSync(`/proc/${server.pid()}/${name}`, "latin1")).join();
    expect(shown).not.toContain(new URL(server.url()).password);
  });

  // The last one: it stops the server, so that all that it writes is in its files.
  test("leaves its passwords in one file that only its owner reads", async () => {
    await query(server.url(), "CREATE ROLE florin_app NOLOGIN").catch(() => {});
    await server.setAppRolePassword();
    await query(server.url(), "SELECT no_such_column").catch(() => {});
    const itsData = join(itsFolder.path, "data-dir");
    const cluster = z
      .object({ ownerPassword: z.string(), appPassword: z.string() })
      .parse(JSON.parse(readFileSync(join(itsData, "cluster.json"), "utf8")));
    await server.stop();
    const holders = readdirSync(itsData, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => {
        const content = readFileSync(file, "latin1");
        return content.includes(cluster.ownerPassword) || content.includes(cluster.appPassword);
      });
    expect(holders).toEqual([join(itsData, "cluster.json")]);
    expect(statSync(join(itsData, "cluster.json")).mode & 0o777).toBe(0o600);
  });
});

describe("when Florin ends", () => {
  test("without a word, the server ends with it", async () => {
    const owner = await startOwner("exit");
    await expect.poll(() => isServing(owner.url), { timeout: 10_000 }).toBe(false);
    expect((await start()).wasAdopted).toBe(false);
  });

  test("by kill -9, the next one adopts the server that was left", async () => {
    const owner = await startOwner();
    await query(owner.url, "CREATE TABLE kept AS SELECT 42 AS value");
    await killHard(owner.child);
    const next = await start();
    expect([next.wasAdopted, next.pid(), next.port]).toEqual([true, owner.pid, owner.port]);
    expect(await query(next.url(), "SELECT value FROM kept")).toEqual([{ value: 42 }]);
    await stop(next);
    expect(await isServing(next.url())).toBe(false);
  });

  test("by kill -9, the next one replaces a server that runs with other settings", async () => {
    const owner = await startOwner();
    await killHard(owner.child);
    const next = await start({ settings: { work_mem: "8MB" } });
    expect(next.wasAdopted).toBe(false);
    expect(await query(next.url(), "SELECT current_setting('work_mem') AS value")).toEqual([{ value: "8MB" }]);
  });

  test("by kill -9 together with the server, the next one recovers what was committed", async () => {
    const owner = await startOwner();
    await query(owner.url, "CREATE TABLE kept AS SELECT 42 AS value");
    await killHard(owner.child);
    process.kill(owner.pid, "SIGKILL");
    const next = await start();
    expect(next.wasAdopted).toBe(false);
    expect(await query(next.url(), "SELECT value FROM kept")).toEqual([{ value: 42 }]);
  });

  test("an adopted server that dies comes back too", async () => {
    const owner = await startOwner();
    await killHard(owner.child);
    const next = await start();
    process.kill(next.pid(), "SIGKILL");
    await expect.poll(() => next.pid(), { timeout: 20_000 }).not.toBe(owner.pid);
    expect(await isServing(next.url())).toBe(true);
  });

  test("a process id that now belongs to another process stops nobody", async () => {
    const first = await start();
    const file = join(dataDir, "postgres", "data", "postmaster.pid");
    const lines = readFileSync(file, "utf8").split("\n");
    await stop(first);
    writeFileSync(file, [String(process.pid), ...lines.slice(1)].join("\n"));
    const second = await start();
    expect(await isServing(second.url())).toBe(true);
  });

  test("by Ctrl-C, the server keeps working until Florin stops it", async () => {
    const owner = await startOwner("ignore-interrupt");
    process.kill(-(owner.child.pid ?? 0), "SIGINT");
    expect(await isServing(owner.url)).toBe(true);
    const exited = once(owner.child, "exit");
    owner.child.kill("SIGTERM");
    await exited;
    expect(await isServing(owner.url)).toBe(false);
  });
});

describe("when the server dies under a living Florin", () => {
  test("it comes back on the same port with everything that was committed", async () => {
    const exits: string[] = [];
    const server = await start({ onExit: (reason) => exits.push(reason) });
    await query(server.url(), "CREATE TABLE kept AS SELECT 42 AS value");
    const killed = server.pid();
    process.kill(killed, "SIGKILL");
    await expect.poll(() => server.pid(), { timeout: 20_000 }).not.toBe(killed);
    expect(await query(server.url(), "SELECT value FROM kept")).toEqual([{ value: 42 }]);
    expect(exits).toEqual(["killed by SIGKILL"]);
  });

  test("a backend in the middle of a long query does not keep it from coming back", async () => {
    const server = await start();
    const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
    const busy = sql`SELECT count(*) FROM generate_series(1, 1000000000)`.catch(() => "lost");
    await expect
      .poll(() =>
        query(server.url(), "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT count%' AND state = 'active'"),
      )
      .toHaveLength(1);
    const killed = server.pid();
    process.kill(killed, "SIGKILL");
    await expect.poll(() => server.pid(), { timeout: 20_000 }).not.toBe(killed);
    expect(await isServing(server.url())).toBe(true);
    expect(await busy).toBe("lost");
    await sql.end({ timeout: 1 });
  });

  test("it is given up when it keeps dying", async () => {
    const givenUp = Promise.withResolvers<Error>();
    const killed = new Set<number>();
    const server = await start({ onGaveUp: givenUp.resolve });
    const killing = (async () => {
      for (let kills = 0; kills < 6; kills += 1) {
        await expect.poll(() => killed.has(server.pid()), { timeout: 20_000 }).toBe(false);
        killed.add(server.pid());
        process.kill(server.pid(), "SIGKILL");
      }
    })();
    expect((await givenUp.promise).message).toContain("died 6 times");
    await killing;
  });
});

describe.runIf(isRoot && isLinux)("root", () => {
  beforeEach(() => chmodSync(folder.path, 0o700));

  test("runs it below a folder that only root may enter", async () => {
    const server = await start();
    expect(await isServing(server.url())).toBe(true);
    expect(statSync(join(dataDir, "postgres", "data")).uid).toBe(0);
  });

  test("runs it as another account where user namespaces are closed", async () => {
    chmodSync(folder.path, 0o755);
    const server = await start({ allowUserNamespaces: false });
    expect(await isServing(server.url())).toBe(true);
    expect(statSync(`/proc/${server.pid()}`).uid).not.toBe(0);
    expect(statSync(join(dataDir, "postgres", "data")).uid).not.toBe(0);
  });

  // Of the two places, the second is another file system than the one the data moves to.
  test.each(["/tmp", "/dev/shm"])(
    "keeps the data of a folder in %s elsewhere when that account can't enter, and stays there",
    async (place) => {
      const closed = mkdtempSync(join(place, "florin-embedded-"));
      dataDir = join(closed, "data-dir");
      const home = externalHomeOf(dataDir);
      try {
        const first = await start();
        await query(first.url(), "CREATE TABLE kept AS SELECT 42 AS value");
        await stop(first);
        for (const allowUserNamespaces of [false, true]) {
          const server = await start({ allowUserNamespaces });
          expect(await query(server.url(), "SELECT value FROM kept")).toEqual([{ value: 42 }]);
          expect(existsSync(join(home, "data", "PG_VERSION"))).toBe(true);
          await stop(server);
        }
      } finally {
        rmSync(home, { recursive: true, force: true });
        rmSync(closed, { recursive: true, force: true });
      }
    },
  );
});
