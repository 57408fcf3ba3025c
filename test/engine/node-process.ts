/** A node in a process of its own, for tests that stop or kill it. Arguments: one JSON object. Pays when told, line by line. */
import { createInterface } from "node:readline";
import { pino } from "pino";
import { systemPorts } from "../../src/core/ports.ts";
import { connectAccess } from "../../src/db/access.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createProcessor } from "../../src/processor.ts";
import { createSimulatorConnector } from "../../src/psp/simulator/connector.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";

interface Arguments {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly keyPrefix: string;
  readonly simulatorUrl: string;
}

const { databaseUrl, redisUrl, keyPrefix, simulatorUrl }: Arguments = JSON.parse(process.argv[2] ?? "{}");
const processor = await createProcessor({
  database: connectAccess(databaseUrl),
  openLeases: chooseLeases({ redisUrl, keyPrefix }),
  connectors: [
    // Longer than a test holds an answer back.
    createSimulatorConnector({ account: "simulator", baseUrl: simulatorUrl, timeoutMs: 20_000, ports: systemPorts }),
  ],
  policy: "swift",
  ports: systemPorts,
  log: pino({ level: "silent" }),
  leaseTtlMs: 10_000,
  maxLiveActors: 10_000,
  hostedExpiryMs: 3_600_000,
  toPayUrl: () => "http://127.0.0.1/",
});
processor.start();
process.stdout.write(`node ${processor.node}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { id, token }: { id: string; token: string } = JSON.parse(line);
  void pay(processor, aCheckout(token, { orders: [anOrder({ paymentOrderId: id })] }), { waitMs: 0 }).then(
    () => process.stdout.write(`created ${id}\n`),
    (error: unknown) => process.stdout.write(`failed ${id} ${String(error)}\n`),
  );
}
