/** The model of the database under the real processor: what it is for. That it answers as PostgreSQL is another test's. */
import pino from "pino";
import { expect, test } from "vitest";
import { createModelDatabase } from "../../scripts/simulate/model/model-database.ts";
import type { Synchronous } from "../../scripts/simulate/model-contract.ts";
import { systemPorts } from "../../src/core/ports.ts";
import type { DatabaseAccess, Statements } from "../../src/db/access.ts";
import { chooseLeases } from "../../src/engine/leases/open-leases.ts";
import { createProcessor } from "../../src/processor.ts";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";

/** The model as the processor wants it, without a network in between. */
function toAccess(model: ReturnType<typeof createModelDatabase>): DatabaseAccess {
  const statements = Object.entries(model.statements satisfies Synchronous<Statements>).map(([name, answer]) => [
    name,
    async (...rest: readonly unknown[]) => (answer as (...rest: readonly unknown[]) => unknown)(...rest),
  ]);
  return {
    statements: Object.fromEntries(statements),
    openLane: () => ({
      commitSteps: async (parameters) => model.commitSteps(parameters),
      discardPlans: async () => {},
      end: async () => {},
    }),
    openHeart: () => ({
      beat: async (node, name) => model.beatNode(node, name),
      stopNode: async (node) => model.stopNode(node),
      end: async () => {},
    }),
    end: async () => {},
  };
}

test("the processor pays on it, and its books agree", async () => {
  const model = createModelDatabase({ nowMs: systemPorts.clock.nowMs });
  const commits: (readonly string[])[] = [];
  model.onCommit = (orders) => commits.push([...orders]);
  const processor = await createProcessor({
    database: toAccess(model),
    openLeases: chooseLeases({ redisUrl: null }),
    connectors: [createInstantConnector({ account: "instant" })],
    policy: "swift",
    ports: systemPorts,
    log: pino({ level: "silent" }),
    leaseTtlMs: 10_000,
    maxLiveActors: 1_000,
    hostedExpiryMs: 3_600_000,
    toPayUrl: (_, checkoutId) => `http://127.0.0.1/pay/${checkoutId}`,
  });
  processor.start();
  const orders = ["a", "b"].map((paymentOrderId) => anOrder({ paymentOrderId }));
  const answer = await pay(processor, aCheckout("pm_card_visa", { orders }), { key: "once" });
  const replay = await pay(processor, aCheckout("pm_card_visa", { orders }), { key: "once" });
  await processor.stop(500);

  expect(answer.status).toBe(201);
  expect(replay).toMatchObject({ body: answer.body, isReplay: true });
  expect([...model.tables.orders.values()].map(({ status, version }) => [status, version])).toEqual([
    ["SUCCESS", 2],
    ["SUCCESS", 2],
  ]);
  expect([...model.tables.paymentEvents.values()]).toMatchObject([{ openOrderCount: 0, isPaymentDone: true }]);
  const accounts = [...model.tables.accounts.values()];
  expect(accounts.map(({ account, debits, credits }) => [account, debits, credits])).toEqual([
    ["psp:instant:clearing", 20_000n, 0n],
    ["seller:seller-1:payable", 0n, 19_400n],
    ["platform:fees", 0n, 600n],
  ]);
  expect(commits.at(0)).toHaveLength(2);
});
