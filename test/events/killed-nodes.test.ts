/** Thousands of events of real payments, while the processes that relay and deliver them are killed again and again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";
import { aCheckout, anOrder, pay, startTestProcessor } from "../support/processor.ts";
import { SIGNING_KEY, startEventsUnderTest } from "./events-under-test.ts";
import { startReceiver } from "./receiver.ts";
import { isThorough } from "../support/thorough.ts";

const NODE = fileURLToPath(new URL("./events-node.ts", import.meta.url));
/** In CI more than 10,000 events. */
const CHECKOUTS = isThorough ? 1_450 : 600;
const ORDERS_PER_CHECKOUT = 3;
/** Each order is created and succeeds, and then the payment event is done. */
const EVENTS = CHECKOUTS * (2 * ORDERS_PER_CHECKOUT + 1);
const BUYERS = 100;
const CLAIM_MS = 1_500;
const KILLS = 8;
const NODES = 2;

interface WebhookEvent {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly object: Readonly<Record<string, unknown>> };
  readonly order_version: number | null;
}

test("thousands of events are all delivered though their nodes are killed again and again, and a consumer that goes by order_version ends with the orders of the database", async () => {
  await using under = await startEventsUnderTest();
  // The consumer: what it has had it knows by id, and of an order it keeps the newest version.
  const seen = new Set<string>();
  const orders = new Map<unknown, { readonly version: number; readonly status: unknown }>();
  const done = new Map<unknown, unknown>();
  let repeats = 0;
  let webhook = new Webhook(`whsec_${"a".repeat(32)}`);
  await using receiver = await startReceiver(({ body, headers }, response) => {
    // The package takes half a millisecond for each; every twentieth is enough here.
    if (seen.size % 20 === 0) webhook.verify(body, headers as Record<string, string>);
    const event = JSON.parse(body) as WebhookEvent;
    if (seen.has(event.id)) repeats += 1;
    seen.add(event.id);
    const { object } = event.data;
    if (event.type === "payment_event.done") done.set(object.checkout_id, object.status);
    else if ((event.order_version ?? 0) > (orders.get(object.payment_order_id)?.version ?? 0)) {
      orders.set(object.payment_order_id, { version: event.order_version ?? 0, status: object.status });
    }
    response.end();
  });
  webhook = new Webhook((await under.addEndpoint(receiver.url)).secret);

  const nodes = new Set<ChildProcess>();
  const startNode = (): void => {
    const node = spawn(
      process.execPath,
      [
        NODE,
        JSON.stringify({
          databaseUrl: under.database.appUrl,
          signingKey: SIGNING_KEY.toString("base64"),
          claimMs: CLAIM_MS,
        }),
      ],
      { stdio: ["pipe", "ignore", "inherit"] },
    );
    nodes.add(node);
  };
  const kill = async (node: ChildProcess): Promise<void> => {
    nodes.delete(node);
    const exited = once(node, "exit");
    node.kill("SIGKILL");
    await exited;
  };
  for (let n = 0; n < NODES; n += 1) startNode();

  try {
    await using processor = await startTestProcessor({
      databaseUrl: under.database.appUrl,
      connectors: [createInstantConnector({ account: "instant" })],
    });
    let begun = 0;
    const payAll = async (): Promise<void> => {
      while (begun < CHECKOUTS) {
        const n = begun++;
        const orders = Array.from({ length: ORDERS_PER_CHECKOUT }, (_, order) =>
          anOrder({ paymentOrderId: `po_${n}_${order}`, amountMinor: 1_000n, platformFeeMinor: 0n }),
        );
        await pay(processor, aCheckout("pm_card_visa", { checkoutId: `chk_${n}`, orders }));
      }
    };
    const paying = Promise.all(Array.from({ length: BUYERS }, payAll));
    paying.catch(() => {});
    // Killed whenever another share of the events has come, wherever that finds them.
    for (let killed = 1; killed <= KILLS; killed += 1) {
      const share = Math.floor((EVENTS * killed) / (KILLS + 2));
      await expect.poll(() => seen.size, { timeout: 60_000, interval: 10 }).toBeGreaterThan(share);
      const [victim] = nodes;
      if (victim !== undefined) await kill(victim);
      startNode();
    }
    await paying;
    await expect.poll(() => seen.size, { timeout: 60_000, interval: 50 }).toBe(EVENTS);
    await expect.poll(() => under.count("due"), { timeout: 60_000, interval: 50 }).toBe(0);
  } finally {
    await Promise.all([...nodes].map(kill));
  }

  expect(await under.count("delivered")).toBe(EVENTS);
  // Some were sent twice: that is what at least once means, and that the kills hit something.
  expect(repeats).toBeGreaterThan(0);
  const truth = await under.sql<{ id: string; status: string; version: number }[]>`
    SELECT payment_order_id AS id, payment_order_status AS status, revision AS version FROM payment_orders`;
  expect(truth).toHaveLength(CHECKOUTS * ORDERS_PER_CHECKOUT);
  expect(
    truth.filter(({ id, status, version }) => {
      const known = orders.get(id);
      return known?.status !== status || known.version !== version;
    }),
  ).toEqual([]);
  expect(done.size).toBe(CHECKOUTS);
  expect([...done.values()].every((status) => status === "SUCCESS")).toBe(true);
}, 180_000);
