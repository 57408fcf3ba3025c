/** A Florin of which only the embedded database is there; the tests of that start it as a process and kill it. */
import { systemPorts } from "../../src/core/ports.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded/embedded-postgres.ts";

const [dataDir = "", mode = "obey"] = process.argv.slice(2);
const log = { info: () => {}, warn: () => {}, error: () => {} };

try {
  const server = await startEmbeddedPostgres({ dataDir, ports: systemPorts, log });
  const { port, wasAdopted } = server;
  process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
  if (mode === "ignore-interrupt") process.on("SIGINT", () => {});
  process.stdout.write(`${JSON.stringify({ port, wasAdopted, pid: server.pid(), url: server.url() })}\n`);
  if (mode === "exit") process.exit(0);
  // A test run that is killed takes its owners along.
  process.stdin.resume().once("close", () => process.exit(0));
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
  process.exit(1);
}
