/**
 * A node that is to be killed: it puts orders in flight at a PSP that never answers, says how much memory they
 * take, and waits. `node --expose-gc hanging-node.ts '{"databaseUrl":…,"orders":…}'`
 */
import pino from "pino";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";
import { runClosedLoop } from "./measure.ts";
import { payInProcess, startProcessor } from "./florin.ts";

const settings: unknown = JSON.parse(process.argv[2] ?? "null");
if (typeof settings !== "object" || settings === null || !("databaseUrl" in settings) || !("orders" in settings))
  process.exit(2);
const databaseUrl = String(settings.databaseUrl);
const orders = Number(settings.orders);

const instant = createInstantConnector({ account: "instant" });
const processor = await startProcessor({
  databaseUrl,
  redisUrl: null,
  log: pino({ level: "silent" }),
  connector: { ...instant, charge: () => new Promise(() => {}) },
});

const heapBytes = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};
// Warmed up first, so that what the code itself takes is not counted.
await runClosedLoop({ payments: 500, inFlight: 100 }, (index) =>
  payInProcess(processor, `warm-${index}`, `s${index % 100}`, 0),
);
const before = heapBytes();
await runClosedLoop({ payments: orders, inFlight: 512 }, (index) =>
  payInProcess(processor, `hang-${index}`, `s${index % 1_000}`, 0),
);
const heapPerOrder = Math.round((heapBytes() - before) / orders);
process.stdout.write(`${JSON.stringify({ live: processor.engine.size().live, heapPerOrder })}\n`);
setInterval(() => {}, 60_000);
