/**
 * The simulator as a process of its own: `node src/psp/simulator/main.ts --port 3001 --data-dir DIR`.
 * Prints one JSON line when it listens. SIGTERM and SIGINT end it; so does the death of `--parent-pid`, so that
 * a killed Florin leaves no orphan that holds the port.
 */
import { parseArgs } from "node:util";
import { startSimulator } from "./server.ts";

const PARENT_CHECK_MS = 500;

const { values } = parseArgs({
  options: {
    port: { type: "string", default: process.env.PSP_SIMULATOR_PORT ?? "3001" },
    host: { type: "string", default: process.env.HOST ?? "127.0.0.1" },
    "data-dir": { type: "string", default: `${process.env.DATA_DIR ?? "./.data"}/simulator` },
    "public-url": { type: "string" },
    "parent-pid": { type: "string" },
  },
});

const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error("--port must be a number from 0 to 65535 (0 takes a free one)");
  process.exit(2);
}

const publicUrl = values["public-url"];
const simulator = await startSimulator({
  port,
  host: values.host,
  dataDir: values["data-dir"],
  ...(publicUrl === undefined ? {} : { publicUrl }),
});
console.log(JSON.stringify({ ready: true, url: simulator.url }));

const stop = async (): Promise<void> => {
  await simulator.close();
  process.exit(0);
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

const parentPid = values["parent-pid"] === undefined ? null : Number(values["parent-pid"]);
if (parentPid !== null) {
  const timer = setInterval(() => {
    if (!isAlive(parentPid)) void stop();
  }, PARENT_CHECK_MS);
  timer.unref();
}

/** A direct parent that dies hands us to another at once, even while its own pid lingers unreaped. */
const startedByParent = parentPid === process.ppid;
function isAlive(pid: number): boolean {
  if (startedByParent) return process.ppid === pid;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
