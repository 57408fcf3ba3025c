/** Merchant events of one node in a process of its own, to be killed. Arguments: one JSON object. */
import { pino } from "pino";
import { newUuid } from "../../src/core/ids.ts";
import { systemPorts } from "../../src/core/ports.ts";
import { connectDatabase } from "../../src/db/client.ts";
import { connectEventAccess } from "../../src/db/event-access.ts";
import { openDatabase } from "../../src/db/queries/database.ts";
import { bindReads } from "../../src/db/reads.ts";
import { createMerchantEvents } from "../../src/events/merchant-events.ts";
import { showCheckout } from "../../src/http/views/order-view.ts";

interface Arguments {
  readonly databaseUrl: string;
  readonly signingKey: string;
  readonly claimMs: number;
}

const { databaseUrl, signingKey, claimMs }: Arguments = JSON.parse(process.argv[2] ?? "{}");
const reads = bindReads(
  openDatabase(connectDatabase(databaseUrl, { name: "events node", max: 2, statementTimeoutMs: 10_000 })),
);
const events = createMerchantEvents({
  access: connectEventAccess(databaseUrl),
  node: newUuid(systemPorts),
  signingKey: Buffer.from(signingKey, "base64"),
  readPaymentEvent: async (merchantId, checkoutId) => {
    const row = await reads.findCheckout(merchantId, checkoutId);
    return row === null ? null : showCheckout(row);
  },
  allowPrivate: true,
  redis: null,
  claimMs,
  ports: systemPorts,
  log: pino({ level: "silent" }),
});
events.start();
process.stdout.write("ready\n");
// Ends with its parent.
process.stdin.resume();
process.stdin.once("close", () => process.exit(0));
