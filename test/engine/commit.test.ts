/** The group commit on a real PostgreSQL: what a lost connection, a lock, a deadlock and a bad item do to it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { StoredAnswer } from "../../src/payments/service.ts";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import {
  errorsOf,
  expectOnce,
  type FlorinUnderTest,
  holdLock,
  rerunCodes,
  startFlorinUnderTest,
  type TestNode,
  until,
  untilBlocked,
} from "./florin-under-test.ts";
import { PENDING } from "./psp-double.ts";

let florin: FlorinUnderTest;
let made = 0;

beforeAll(async () => {
  florin = await startFlorinUnderTest();
});
afterEach(async () => {
  florin.psp.reset();
  await florin.closeNodes();
  await florin.expectIntegrity();
});
afterAll(() => florin.close());

/** An id that no other test has. */
const newId = (name = "order"): string => `${name}-${++made}`;

/** A checkout with one order for each id, to one seller of this checkout's own. */
function checkoutOf(ids: readonly string[], changes: Parameters<typeof aCheckout>[1] = {}) {
  return aCheckout("pm_card_visa", {
    orders: ids.map((paymentOrderId) => anOrder({ paymentOrderId, sellerAccount: `seller-of-${ids[0]}` })),
    ...changes,
  });
}

const statusOf = ({ body }: StoredAnswer): string =>
  JSON.parse(body).status ?? JSON.parse(body).payment_orders[0].status;
const isCommit = (sql: string | null): boolean => sql?.includes("commit_steps") ?? false;

type Place = "before the statement" | "before its commit" | "after its commit";

/** Loses the journal's connection once, at that place of its n-th batch. */
function cutBatch({ proxy }: TestNode, n: number, place: Place): { readonly cuts: () => number } {
  let batches = 0;
  let cuts = 0;
  let isArmed = false;
  const cut = (): "cut" => {
    isArmed = false;
    cuts += 1;
    return "cut";
  };
  proxy.onClientMessage = ({ type, sql }) => {
    if (type === "B" && isCommit(sql)) batches += 1;
    if (batches !== n || cuts > 0) return "pass";
    if (place === "before the statement" && type === "B") return cut();
    if (place === "before its commit" && isArmed && type === "S") return cut();
    if (type === "E" && isCommit(sql)) isArmed = true;
    return "pass";
  };
  // With nobody sweeping, no other statement of this node answers without rows.
  proxy.onServerMessage = ({ commandTag }) =>
    place === "after its commit" && isArmed && commandTag === "SELECT 0" ? cut() : "pass";
  return { cuts: () => cuts };
}

describe.each([
  { step: "the checkout is created", batch: 1 },
  { step: "the order succeeds", batch: 2 },
])("when the connection is lost while $step", ({ batch }) => {
  test.each<Place>(["before the statement", "before its commit", "after its commit"])(
    "%s, it is paid and booked once",
    async (place) => {
      const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
      const lost = cutBatch(node, batch, place);
      const id = newId();
      const answer = await pay(node, checkoutOf([id]));
      expect([answer.status, statusOf(answer), answer.isReplay]).toEqual([201, "SUCCESS", false]);
      expect(lost.cuts()).toBe(1);
      const order = await florin.order(id);
      expectOnce(order);
      expect(order.steps).toEqual(["EXECUTING.sending", "SUCCESS"]);
      expect(florin.psp.callsOf(order.id)).toHaveLength(1);
    },
  );
});

test("a statement whose connection is lost while it waits for a lock commits late, and is found by its rerun", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
  const id = newId();
  const asked = Promise.withResolvers<void>();
  const answerNow = Promise.withResolvers<void>();
  florin.psp.onCharge = async (_, make) => {
    asked.resolve();
    await answerNow.promise;
    return make();
  };
  let isAnswered = false;
  const answer = pay(node, checkoutOf([id])).finally(() => {
    isAnswered = true;
  });
  await asked.promise;
  const lock = await holdLock(
    florin.database,
    `SELECT 1 FROM payment_orders WHERE payment_order_id = '${id}' FOR UPDATE`,
  );
  answerNow.resolve();
  await untilBlocked(florin, 1);
  node.proxy.cut();
  await untilBlocked(florin, 2);
  expect(isAnswered).toBe(false);
  expect((await florin.order(id)).steps).toEqual(["EXECUTING.sending"]);
  await lock.release();
  expect(statusOf(await answer)).toBe("SUCCESS");
  const order = await florin.order(id);
  expectOnce(order);
  expect(order.steps).toEqual(["EXECUTING.sending", "SUCCESS"]);
});

test("a step whose answer is lost after its commit is found by its rerun, and the call that it wanted is made once", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
  const id = newId();
  florin.psp.onCharge = () => ({ kind: "unsent", reason: "refused", retryAfterMs: 0 });
  await pay(node, checkoutOf([id]), { waitMs: 200 });
  florin.psp.onCharge = (_, make) => make();
  const lost = cutBatch(node, 1, "after its commit");
  await until(async () => {
    await node.sweeper.sweep();
    return (await florin.order(id)).state === "SUCCESS";
  }, "the retry succeeds");
  expect(lost.cuts()).toBe(1);
  const order = await florin.order(id);
  expectOnce(order);
  expect(order.steps).toEqual(["EXECUTING.sending", "EXECUTING.retrying", "EXECUTING.sending", "SUCCESS"]);
  expect(florin.psp.callsOf(order.id).map(({ kind }) => kind)).toEqual(["charge", "charge"]);
});

test("a creation whose connection is lost while it waits for a lock creates one checkout and calls the PSP once", async () => {
  const node = await florin.openNode({ isProxied: true, isSweeping: false, lanes: 1 });
  const [id, key] = [newId(), newId("key")];
  const lock = await holdLock(
    florin.database,
    `INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject) VALUES (1, '${key}', '', '')`,
  );
  const answer = pay(node, checkoutOf([id]), { key });
  await untilBlocked(florin, 1);
  node.proxy.cut();
  await untilBlocked(florin, 2);
  expect(florin.psp.calls).toEqual([]);
  await lock.sql.unsafe("ROLLBACK; BEGIN");
  await lock.release();
  expect((await answer).status).toBe(201);
  const order = await florin.order(id);
  expectOnce(order);
  expect(florin.psp.callsOf(order.id)).toHaveLength(1);
});

test("of 200 checkouts in one batch the two with bad data are refused and the others are paid", async () => {
  const node = await florin.openNode({ isSweeping: false, lanes: 1 });
  const ids = Array.from({ length: 200 }, () => newId());
  const settled = await Promise.allSettled(
    ids.map((paymentOrderId, index) => {
      const bad = index === 66 ? { description: "a NUL: \u0000" } : index === 133 ? { amountMinor: 10n ** 20n } : {};
      return pay(node, checkoutOf([paymentOrderId], { orders: [anOrder({ paymentOrderId, ...bad })] }));
    }),
  );
  expect(Math.max(...node.logged.map(({ items }) => items ?? 0))).toBe(200);
  const refused = settled.flatMap(({ status }, index) => (status === "rejected" ? [index] : []));
  expect(refused).toEqual([66, 133]);
  const rows = await florin.owner`SELECT payment_order_id FROM payment_orders
    WHERE payment_order_id = ANY (${ids}) AND payment_order_status = 'SUCCESS'`;
  expect(rows).toHaveLength(198);
});

test("of 100 answers in one batch the one that PostgreSQL can't store sets its own order aside, with its reason", async () => {
  const node = await florin.openNode({ isSweeping: false, lanes: 1 });
  const ids = Array.from({ length: 100 }, () => newId());
  const answerNow = Promise.withResolvers<void>();
  const bad = { orderId: "" };
  florin.psp.onCharge = async (call, make) => {
    await answerNow.promise;
    const outcome = make();
    return call.orderId === bad.orderId && outcome.kind === "succeeded"
      ? { ...outcome, reference: "ch_\u0000" }
      : outcome;
  };
  const answers = ids.map((id) => pay(node, checkoutOf([id]), { waitMs: 3_000 }));
  await until(() => florin.psp.calls.length === 100, "all charges are out");
  bad.orderId = (await florin.order(ids[50] ?? "")).id;
  answerNow.resolve();
  const statuses = (await Promise.all(answers)).map(statusOf);
  expect(statuses.filter((status) => status === "SUCCESS")).toHaveLength(99);
  const order = await florin.order(ids[50] ?? "");
  expect(order).toMatchObject({ state: "sending", isQuarantined: true, entries: 0, observations: 1 });
  expect(order.quarantineReason).toContain("22P05");
});

describe("two orders of one checkout", () => {
  const doneOf = async (firstId: string) =>
    florin.owner`
      SELECT e.open_order_count, e.is_payment_done,
        (SELECT count(*)::int FROM events d WHERE d.subject_id = e.id AND d.type = 'payment_event.done') AS done_events
      FROM payment_events e JOIN payment_orders o ON o.payment_event_id = e.id WHERE o.payment_order_id = ${firstId}`;

  test("that succeed in one batch make the checkout done, once", async () => {
    const node = await florin.openNode({ isSweeping: false, lanes: 1 });
    const ids = [newId(), newId()];
    const both = Promise.withResolvers<void>();
    florin.psp.onCharge = async (_, make) => {
      if (florin.psp.calls.length === 2) both.resolve();
      await both.promise;
      return make();
    };
    await pay(node, checkoutOf(ids));
    expect(node.statistics.store.getSnapshot().context.batches).toBe(2);
    expect(await doneOf(ids[0] ?? "")).toEqual([{ open_order_count: 0, is_payment_done: true, done_events: 1 }]);
  });

  test("that succeed in two lanes at once make the checkout done, once", async () => {
    const node = await florin.openNode({ isSweeping: false, lanes: 2 });
    const ids = [newId(), newId()];
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    florin.psp.onCharge = async (_, make) => {
      await gates[florin.psp.calls.length - 1]?.promise;
      return make();
    };
    const answer = pay(node, checkoutOf(ids));
    await until(() => florin.psp.calls.length === 2, "both charges are out");
    const lock = await holdLock(florin.database, lockOfEvent(ids[0] ?? ""));
    gates[0]?.resolve();
    await untilBlocked(florin, 1);
    gates[1]?.resolve();
    await untilBlocked(florin, 2);
    await lock.release();
    await answer;
    expect(await doneOf(ids[0] ?? "")).toEqual([{ open_order_count: 0, is_payment_done: true, done_events: 1 }]);
  });

  test("that succeed on two nodes at once make the checkout done, once", async () => {
    const [a, b] = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
    const ids = [newId(), newId()];
    florin.psp.onCharge = (_, make) => {
      make();
      return PENDING;
    };
    await pay(a, checkoutOf(ids), { waitMs: 300 });
    const lock = await holdLock(florin.database, lockOfEvent(ids[0] ?? ""));
    const asked = [a, b].map(async (node, index) => {
      node.payments.askOnRead(1, ids[index] ?? "");
    });
    await Promise.all(asked);
    await untilBlocked(florin, 2);
    await lock.release();
    await until(async () => (await florin.order(ids[1] ?? "")).state === "SUCCESS", "the second order succeeds");
    await until(async () => (await florin.order(ids[0] ?? "")).state === "SUCCESS", "the first order succeeds");
    expect(await doneOf(ids[0] ?? "")).toEqual([{ open_order_count: 0, is_payment_done: true, done_events: 1 }]);
  });
});

const lockOfEvent = (paymentOrderId: string): string =>
  `SELECT 1 FROM payment_events e JOIN payment_orders o ON o.payment_event_id = e.id
   WHERE o.payment_order_id = '${paymentOrderId}' FOR UPDATE OF e`;

test("1,000 payments to one new seller from two nodes at once add up exactly, and no deadlock comes up", async () => {
  const nodes = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) => {
      const node = nodes[index % 2];
      if (node === undefined) throw new Error("there are two nodes");
      return pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ sellerAccount: "crowded" })] }));
    }),
  );
  expect(answers.every((answer) => answer.status === 201 && statusOf(answer) === "SUCCESS")).toBe(true);
  const [wallet] =
    await florin.owner`SELECT debits::text, credits::text FROM accounts WHERE account = 'seller:crowded:payable'`;
  expect(wallet).toEqual({ debits: "0", credits: String(1_000 * 9_700) });
  expect(nodes.flatMap(rerunCodes)).toEqual([]);
});

describe("a batch runs again, and its payment is made once, after", () => {
  /** Holds the seller's account, so that the order's success waits there; `then` happens while it waits. */
  async function payAgainst(
    then: (wait: {
      readonly id: string;
      readonly pid: number;
      readonly lock: Awaited<ReturnType<typeof holdLock>>;
    }) => Promise<void>,
  ) {
    const node = await florin.openNode({ isSweeping: false, lanes: 1 });
    const [first, id] = [newId(), newId()];
    const sellerAccount = `seller-of-${first}`;
    await pay(node, checkoutOf([first]));
    const lock = await holdLock(
      florin.database,
      `SELECT 1 FROM accounts WHERE account = 'seller:${sellerAccount}:payable' FOR UPDATE`,
    );
    const answer = pay(node, checkoutOf([id], { orders: [anOrder({ paymentOrderId: id, sellerAccount })] }));
    await untilBlocked(florin, 1);
    const [blocked] = await florin.owner<{ pid: number }[]>`SELECT pid FROM pg_stat_activity
      WHERE datname = ${florin.database.name} AND wait_event_type = 'Lock'`;
    await then({ id, pid: blocked?.pid ?? 0, lock });
    await lock.release();
    expect(statusOf(await answer)).toBe("SUCCESS");
    const order = await florin.order(id);
    expectOnce(order);
    expect(florin.psp.callsOf(order.id)).toHaveLength(1);
    return node;
  }

  test("a deadlock with somebody else", async () => {
    const node = await payAgainst(async ({ id, lock }) => {
      // So that it is Florin's statement that finds the deadlock and is given up.
      await lock.sql.unsafe("SET LOCAL deadlock_timeout = '20s'");
      await lock.sql.unsafe(`SELECT 1 FROM payment_orders WHERE payment_order_id = '${id}' FOR UPDATE`);
    });
    // The rerun may come upon the same lock once more.
    expect(new Set(rerunCodes(node))).toEqual(new Set(["40P01"]));
  });

  test("a statement that took too long and was canceled", async () => {
    const node = await payAgainst(async ({ pid }) => {
      await florin.owner`SELECT pg_cancel_backend(${pid})`;
      await until(() => florin.psp.calls.length > 1, "the statement runs again");
    });
    expect(rerunCodes(node)[0]).toBe("57014");
  });

  test("a server that ended the connection", async () => {
    const node = await payAgainst(async ({ pid }) => {
      await florin.owner`SELECT pg_terminate_backend(${pid})`;
    });
    expect(["57P01", "CONNECTION_CLOSED"]).toContain(rerunCodes(node)[0]);
  });
});

test("serialization failures between two nodes run again and surface nowhere", async () => {
  await florin.owner.unsafe(
    `ALTER DATABASE ${florin.database.name} SET default_transaction_isolation = 'repeatable read'`,
  );
  try {
    const nodes = [await florin.openNode({ isSweeping: false }), await florin.openNode({ isSweeping: false })];
    const answers = await Promise.all(
      nodes.flatMap((node) =>
        Array.from({ length: 100 }, () =>
          pay(node, checkoutOf([newId()], { orders: [anOrder({ sellerAccount: "contended" })] })),
        ),
      ),
    );
    expect(answers.every((answer) => statusOf(answer) === "SUCCESS")).toBe(true);
    expect(nodes.flatMap(rerunCodes)).toContain("40001");
    expect(nodes.flatMap(errorsOf)).toEqual([]);
  } finally {
    await florin.owner.unsafe(`ALTER DATABASE ${florin.database.name} RESET default_transaction_isolation`);
  }
});

describe("a database that can't be used for a while rejects no payment", () => {
  const name = (): string => florin.database.name;

  test.each([
    {
      trouble: "it is read-only, as after a failover",
      begin: () => `ALTER DATABASE ${name()} SET default_transaction_read_only = on`,
      end: () => `ALTER DATABASE ${name()} RESET default_transaction_read_only`,
      code: "25006",
    },
    {
      trouble: "it lets nobody in",
      begin: () => `REVOKE CONNECT ON DATABASE ${name()} FROM PUBLIC`,
      end: () => `GRANT CONNECT ON DATABASE ${name()} TO PUBLIC`,
      code: "42501",
    },
  ])("while $trouble", async ({ begin, end, code }) => {
    const node = await florin.openNode({ isSweeping: false, lanes: 1 });
    const id = newId();
    const answerNow = Promise.withResolvers<void>();
    florin.psp.onCharge = async (_, make) => {
      await answerNow.promise;
      return make();
    };
    const ask = () => pay(node, checkoutOf([id]), { key: id });
    const answer = ask();
    answer.catch(() => {});
    await until(() => florin.psp.calls.length === 1, "the charge is out");
    await florin.owner.unsafe(begin());
    try {
      await florin.owner`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = ${name()} AND application_name LIKE 'florin journal%'`;
      answerNow.resolve();
      // Should the charge have been given up before, on a slow machine, there is still this one to write.
      pay(node, checkoutOf([newId()])).catch(() => {});
      await until(() => rerunCodes(node).includes(code), `a batch fails with ${code}`);
    } finally {
      await florin.owner.begin(async (sql) => {
        await sql.unsafe("SET LOCAL default_transaction_read_only = off; SET TRANSACTION READ WRITE");
        await sql.unsafe(end());
      });
    }
    // Sessions that began while it was read-only stay so until they end, as after a real failover.
    await florin.owner`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
      WHERE datname = ${name()} AND application_name LIKE 'florin%'`;
    // The answer may have been on its way into one of those sessions: then it is asked for again.
    expect(statusOf(await answer.catch(ask))).toBe("SUCCESS");
    expectOnce(await florin.order(id));
    expect(errorsOf(node)).toEqual([]);
  });
});
