/** `npm start`: read the configuration, start, say where everything is, stop when told. */
import pino from "pino";
import { type App, startApp } from "./app.ts";
import { ConfigError, readConfig } from "./config.ts";
import { systemPorts } from "./core/ports.ts";

const STDERR = 2;
/** A stop that hangs is ended by force just inside the promised 10 s. */
const STOP_LIMIT_MS = 9_500;

function printWelcome(app: App, startedMs: number): void {
  const key = app.bootstrapKey;
  const lines = [
    "",
    `Florin is ready after ${((systemPorts.clock.monotonicMs() - startedMs) / 1_000).toFixed(1)} s.`,
    "",
    `  API            ${app.url}`,
    `  Console        ${app.url}/console`,
    `  Documentation  ${app.url}/docs`,
    `  PSP simulator  ${app.simulatorUrl}`,
    `  Metrics        ${app.url}/metrics`,
  ];
  if (key === null) {
    lines.push("", "  API keys: npm run merchant -- create NAME");
  } else {
    lines.push(
      `  API key        ${key}`,
      "",
      "Pay something:",
      "",
      `curl -s ${app.url}/v1/payments -H 'Authorization: Bearer ${key}' \\`,
      `  -H "Idempotency-Key: $(date +%s%N)" -H 'Content-Type: application/json' -H 'Prefer: wait=10' \\`,
      `  -d '{"buyer_info": {"id": "b1"}, "payment_method": {"token": "pm_card_visa"},`,
      `       "payment_orders": [{"seller_account": "s1", "amount": "100.00", "currency": "USD", "platform_fee": "3.00"}]}'`,
      "",
      "Watch what happens (in another terminal):",
      "",
      `curl -N ${app.url}/v1/events/stream -H 'Authorization: Bearer ${key}'`,
    );
  }
  process.stdout.write(`${lines.join("\n")}\n\n`);
}

async function main(): Promise<void> {
  const startedMs = systemPorts.clock.monotonicMs();
  const config = readConfig();
  const log = pino({ level: config.logLevel }, pino.destination(STDERR));
  const app = await startApp(config, { log, ports: systemPorts });

  let isStopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, "stopping: finishing or handing over what is under way");
    setTimeout(() => {
      log.error("the stop took too long; what is open is adopted at the next start");
      process.exit(1);
    }, STOP_LIMIT_MS).unref();
    await app.stop();
    log.info("stopped");
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "an unexpected error; Florin ends and recovers at the next start");
    process.exit(1);
  });
  printWelcome(app, startedMs);
}

try {
  await main();
} catch (error) {
  const detail = error instanceof Error ? error.message : String(error);
  const prefix = error instanceof ConfigError ? "The configuration can't be used:\n" : "Florin did not start: ";
  process.stderr.write(`${prefix}${detail}\n`);
  process.exit(1);
}
