/** PostgreSQL's failover to a synchronous standby: what was answered or acted on before it is there after it. */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { expect, test } from "vitest";
import { type PostgresPair, startPostgresPair } from "../../scripts/chaos/postgres-pair.ts";
import { openScratchFolder } from "../../scripts/chaos/scratch-folder.ts";
import { aCheckout, anOrder, pay, startTestProcessor } from "../support/processor.ts";
import { createPspDouble } from "./psp-double.ts";

const CUSTOMERS = 8;
const EVERY_MS = 50;

/** The servers are found through /proc. */
test.runIf(process.platform === "linux")(
  "a commit that only a primary back from its crash shows is neither answered nor acted on: its standby may lack it",
  async () => {
    const scratch = await openScratchFolder();
    try {
      const pair = await startPostgresPair({ folders: [scratch.subfolder("one"), scratch.subfolder("other")] });
      const { answered, charged } = await payDuring(pair, () => pair.failOverLate());
      const sql = postgres(pair.ownerUrl, { max: 1, onnotice: () => {} });
      const rows = await sql<
        { id: string; payment_order_id: string }[]
      >`SELECT id, payment_order_id FROM payment_orders`;
      await sql.end({ timeout: 1 });
      expect(answered.length).toBeGreaterThan(0);
      expect(charged.length).toBeGreaterThan(0);
      const stored = new Set(rows.map(({ payment_order_id: id }) => id));
      expect(answered.filter((id) => !stored.has(id))).toEqual([]);
      const known = new Set(rows.map(({ id }) => id));
      expect(charged.filter((id) => !known.has(id))).toEqual([]);
    } finally {
      await scratch.clear();
    }
  },
  120_000,
);

/** Customers who repeat each payment under its key until it is answered, on two nodes in turn. */
async function payDuring(pair: PostgresPair, fault: () => Promise<void>) {
  const psp = createPspDouble();
  await using one = await startTestProcessor({ databaseUrl: pair.appUrl, connectors: [psp] });
  await using other = await startTestProcessor({ databaseUrl: pair.appUrl, connectors: [psp] });
  const answered: string[] = [];
  let isOver = false;
  const customers = Array.from({ length: CUSTOMERS }, async (_, customer) => {
    for (let number = 1; !isOver; number += 1) {
      const id = `order-${customer}-${number}`;
      const checkout = aCheckout("pm_card_visa", { checkoutId: `c-${id}`, orders: [anOrder({ paymentOrderId: id })] });
      for (let attempt = customer; ; attempt += 1) {
        const node = attempt % 2 === 0 ? one : other;
        // Whoever waits longer than this asks the other node.
        const answer = await Promise.race([pay(node, checkout, { key: id, waitMs: 0 }).catch(() => null), sleep(400)]);
        if (answer?.status === 201) break;
        await sleep(EVERY_MS);
      }
      answered.push(id);
      await sleep(EVERY_MS);
    }
  });
  await fault();
  isOver = true;
  await Promise.all(customers);
  return { answered, charged: psp.effects.map(({ order_id: id }) => id ?? "") };
}
