/** Pay-in over HTTP with the real processor: creating, repeating, reading, deciding. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { toFactLetter } from "../../src/engine/letters.ts";
import type { JsonObject } from "../support/json-schema.ts";
import { aPayment, anOrder, bodyOf, type HttpUnderTest, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
});
afterAll(() => http.close());

const WAIT = { prefer: "wait=10" };

async function pay(token: string, changes: Readonly<Record<string, unknown>> = {}): Promise<JsonObject> {
  const order = anOrder(changes);
  const body = aPayment({ payment_method: { token }, payment_orders: [order] });
  await http.ask("/v1/payments", { body, headers: WAIT });
  return read(order.payment_order_id);
}

const read = async (id: unknown): Promise<JsonObject> => bodyOf(await http.ask(`/v1/payments/${id}`));
const dataOf = async (path: string): Promise<readonly JsonObject[]> => {
  const { data } = await bodyOf(await http.ask(path));
  return data as readonly JsonObject[];
};

describe("creating", () => {
  test("a cart with three sellers makes three orders, and the answer after the wait is final", async () => {
    const orders = ["s1", "s2", "s3"].map((seller_account) => anOrder({ seller_account }));
    const answer = await http.ask("/v1/payments", {
      body: aPayment({
        checkout_id: "chk_cart",
        payment_orders: orders,
        buyer_info: { id: "b1", country: "DE" },
        metadata: { cart: "17" },
      }),
      headers: WAIT,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe("/v1/checkouts/chk_cart");
    expect(answer.headers.get("preference-applied")).toBe("wait=10");
    const event = await bodyOf(answer);
    expect(event).toMatchObject({
      status: "SUCCESS",
      is_payment_done: true,
      buyer_info: { id: "b1", country: "DE" },
      metadata: { cart: "17" },
    });
    expect(event.payment_orders).toMatchObject(
      orders.map((order) => ({ ...order, status: "SUCCESS", amount_captured: "100.00" })),
    );
    expect(await bodyOf(await http.ask("/v1/checkouts/chk_cart"))).toEqual(event);
  });

  test("ids are generated when they are missing, and lead to what was made", async () => {
    const answer = await http.ask("/v1/payments", {
      body: aPayment({ payment_orders: [anOrder({ payment_order_id: undefined })] }),
    });
    const location = answer.headers.get("location") ?? "";
    expect(location).toMatch(/^\/v1\/checkouts\/chk_[0-9A-HJKMNP-TV-Z]{26}$/);
    const { payment_orders: orders } = await bodyOf(await http.ask(location));
    expect(orders).toMatchObject([{ payment_order_id: expect.stringMatching(/^po_[0-9A-HJKMNP-TV-Z]{26}$/) }]);
  });

  test("the same key and body get the same bytes, marked as replayed", async () => {
    const init = { body: aPayment(), headers: { ...WAIT, "idempotency-key": "k-same" } };
    const first = await http.ask("/v1/payments", init);
    const second = await http.ask("/v1/payments", {
      ...init,
      headers: { ...init.headers, "idempotency-key": '"k-same"' },
    });
    expect(first.headers.has("idempotent-replayed")).toBe(false);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(second.status).toBe(first.status);
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
    expect(await second.text()).toBe(await first.text());
  });

  test("the buyer's data stand in the payment event alone; replays have them until they are erased there", async () => {
    const merchant = await http.addMerchant();
    const email = "only.once@example.com";
    const buyer_info = { id: "b1", email, name: 'A "quoted" $& name', country: "DE" };
    const body = aPayment({ checkout_id: "chk_buyer", buyer_info });
    const send = async (idempotencyKey: string, headers = {}) => {
      const init = { key: merchant.key, body, headers: { ...headers, "idempotency-key": idempotencyKey } };
      return (await http.ask("/v1/payments", init)).text();
    };
    const other = { ...body, checkout_id: "chk_buyer_2", payment_orders: [anOrder()] };
    const sendOther = async () =>
      (
        await http.ask("/v1/payments", { key: merchant.key, body: other, headers: { "idempotency-key": "at-once" } })
      ).text();
    const answers = async () => [await send("waits", WAIT), await send("second-click", WAIT), await sendOther()];
    const first = await answers();
    for (const text of first) expect(JSON.parse(text).buyer_info).toEqual(buyer_info);
    expect(await answers()).toEqual(first);

    const ends = () =>
      http.sql`SELECT 1 FROM events WHERE merchant_id = ${merchant.merchantId} AND type = 'payment_event.done'`;
    await expect.poll(async () => (await ends()).length).toBeGreaterThan(0);
    const tables = await http.sql<{ name: string }[]>`
      SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`;
    const holders: string[] = [];
    for (const { name } of tables) {
      const found = await http.sql`SELECT 1 FROM ${http.sql(name)} t WHERE t::text LIKE ${`%${email}%`} LIMIT 1`;
      if (found.length > 0) holders.push(name);
    }
    expect(holders).toEqual(["payment_events"]);
    expect(http.logged()).not.toContain(email);

    await http.sql`UPDATE payment_events SET buyer_info = NULL WHERE merchant_id = ${merchant.merchantId}`;
    const erased = await answers();
    expect(erased).toEqual(first.map((text) => JSON.stringify({ ...JSON.parse(text), buyer_info: null })));
  });

  test("the same key with another body is refused, and nothing is made", async () => {
    const headers = { "idempotency-key": "k-other" };
    await http.ask("/v1/payments", { body: aPayment(), headers });
    const order = anOrder();
    const answer = await http.ask("/v1/payments", { body: aPayment({ payment_orders: [order] }), headers });
    expect([answer.status, (await bodyOf(answer)).code]).toEqual([422, "idempotency-key-reused"]);
    expect((await http.ask(`/v1/payments/${order.payment_order_id}`)).status).toBe(404);
  });

  test("a refused request leaves its key free", async () => {
    const headers = { "idempotency-key": "k-free" };
    expect(
      (await http.ask("/v1/payments", { body: aPayment({ payment_orders: [anOrder({ amount: "1" })] }), headers }))
        .status,
    ).toBe(422);
    expect((await http.ask("/v1/payments", { body: aPayment(), headers })).status).toBe(201);
  });

  test("the same checkout under another key answers 200 with what there is; other content is a conflict", async () => {
    const order = anOrder();
    const body = aPayment({ checkout_id: "chk_twice", payment_orders: [order] });
    await http.ask("/v1/payments", { body, headers: WAIT });
    const second = await http.ask("/v1/payments", { body });
    expect([second.status, second.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
    const third = await http.ask("/v1/payments", {
      body: { ...body, payment_orders: [{ ...order, amount: "99.00" }] },
    });
    expect([third.status, (await bodyOf(third)).code]).toEqual([409, "checkout-conflict"]);
    const fourth = await http.ask("/v1/payments", { body: aPayment({ payment_orders: [order, anOrder()] }) });
    expect([fourth.status, (await bodyOf(fourth)).code]).toEqual([409, "payment-order-conflict"]);
  });

  test("amounts are exact: JPY, KWD, and above 2^53 minor units", async () => {
    for (const [amount, currency] of [
      ["500", "JPY"],
      ["1.234", "KWD"],
      ["90071992547409.93", "USD"],
      ["1000000000000000.00", "USD"],
    ]) {
      const order = await pay("pm_card_visa", { amount, currency, platform_fee: undefined, seller_account: "exact" });
      expect(order).toMatchObject({ status: "SUCCESS", amount, amount_captured: amount });
    }
  });

  test("Prefer with nonsense waits for nothing and is not confirmed", async () => {
    const answer = await http.ask("/v1/payments", {
      body: aPayment(),
      headers: { prefer: "wait=soon, respond-async" },
    });
    expect(answer.headers.has("preference-applied")).toBe(false);
    const long = await http.ask("/v1/payments", { body: aPayment(), headers: { prefer: "respond-async, wait=999" } });
    expect(long.headers.get("preference-applied")).toBe("wait=30");
  });

  test("a digit-only amount that would pass for a card number is an amount", async () => {
    expect(await pay("pm_card_visa", { amount: "4242424242424242", currency: "JPY", platform_fee: "0" })).toMatchObject(
      { status: "SUCCESS" },
    );
  });
});

describe("lists", () => {
  test("pages are newest first, complete and without repeats", async () => {
    const made: unknown[] = [];
    for (let n = 0; n < 7; n += 1) {
      const order = anOrder({ seller_account: "paged" });
      await http.ask("/v1/payments", { body: aPayment({ payment_orders: [order] }) });
      made.unshift(order.payment_order_id);
    }
    const seen: unknown[] = [];
    let path: string | null = "/v1/payments?seller_account=paged&limit=3";
    while (path !== null) {
      const page: JsonObject = await bodyOf(await http.ask(path));
      for (const order of page.data as readonly JsonObject[]) seen.push(order.payment_order_id);
      path = page.has_more === true ? `/v1/payments?seller_account=paged&limit=3&cursor=${page.next_cursor}` : null;
    }
    expect(seen).toEqual(made);
  });

  test("filters find what they name", async () => {
    const done = await pay("pm_card_visa", { seller_account: "filtered" });
    const failed = await pay("pm_card_chargeDeclined", { seller_account: "filtered" });
    const ids = async (query: string) => (await dataOf(`/v1/payments?${query}`)).map((order) => order.payment_order_id);
    expect(await ids("seller_account=filtered&status=SUCCESS")).toEqual([done.payment_order_id]);
    expect(await ids("seller_account=filtered&status=FAILED")).toEqual([failed.payment_order_id]);
    expect(await ids(`checkout_id=${done.checkout_id}`)).toEqual([done.payment_order_id]);
    expect(await ids(`psp_reference=${done.psp_reference}`)).toEqual([done.payment_order_id]);
    expect(await ids(`psp_reference=${failed.psp_reference}`)).toEqual([failed.payment_order_id]);
    expect(await ids("psp_reference=none")).toEqual([]);
    expect(await ids(`seller_account=filtered&created_gte=${failed.created_at}`)).toEqual([failed.payment_order_id]);
    expect(await ids(`seller_account=filtered&created_lt=${failed.created_at}`)).toEqual([done.payment_order_id]);
    expect(await ids("created_lt=2020-01-01T00:00:00Z")).toEqual([]);
  });

  test.each([
    { list: "/v1/payments?created_gte=2020-01-01T00:00:00Z&status=SUCCESS", other: "/v1/payments?status=SUCCESS" },
    { list: "/v1/events?type=payment_order.created", other: "/v1/events?" },
  ])(
    "the cursor of $list is refused for other filters, and taken for another size and order of parameters",
    async ({ list, other }) => {
      for (let n = 0; n < 2; n += 1) await http.ask("/v1/payments", { body: aPayment(), headers: WAIT });
      const first = async () => await bodyOf(await http.ask(`${list}&limit=1`));
      await expect.poll(async () => (await first()).has_more, { timeout: 5_000 }).toBe(true);
      const { next_cursor: cursor } = await first();
      expect((await bodyOf(await http.ask(`${other}&cursor=${cursor}`))).code).toBe("invalid-cursor");
      const [path = "", query = ""] = list.split("?");
      const turned = query.split("&").toReversed().join("&");
      expect((await http.ask(`${path}?cursor=${cursor}&limit=2&${turned}`)).status).toBe(200);
    },
  );

  test("a cursor that was changed, or belongs elsewhere, is refused", async () => {
    const { next_cursor: cursor } = await bodyOf(await http.ask("/v1/payments?limit=1"));
    const text = String(cursor);
    const other = await http.addMerchant();
    expect((await http.ask(`/v1/payments?cursor=${text}`)).status).toBe(200);
    for (let at = 0; at < text.length; at += 7) {
      const changed = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      expect((await bodyOf(await http.ask(`/v1/payments?cursor=${changed}`))).code).toBe("invalid-cursor");
    }
    expect((await http.ask(`/v1/queues/parked?cursor=${text}`)).status).toBe(400);
    expect((await http.ask(`/v1/payments?cursor=${text}`, { key: other.key })).status).toBe(400);
  });
});

describe("what an order tells of itself", () => {
  test("a declined order says why", async () => {
    const order = await pay("pm_card_chargeDeclinedInsufficientFunds");
    expect(order).toMatchObject({
      status: "FAILED",
      failure: { decline_code: "insufficient_funds", retryable: expect.any(Boolean) },
    });
    expect(await bodyOf(await http.ask(`/v1/payments/${order.payment_order_id}/explain`))).toMatchObject({
      state: "FAILED",
      summary: expect.stringContaining("failed"),
      waiting_for: null,
      allowed_events: [],
    });
  });

  test("the timeline has transition, attempt, webhook, posting and event, oldest first", async () => {
    const order = await pay("pm_card_visa");
    const entries = await dataOf(`/v1/payments/${order.payment_order_id}/timeline`);
    const kinds = entries.map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(["transition", "attempt", "posting", "event"]));
    expect(kinds[0]).toBe("transition");
    const times = entries.map(({ at }) => String(at));
    expect(times).toEqual(times.toSorted());
    expect(entries).toContainEqual(
      expect.objectContaining({ kind: "posting", debit_account: "psp:simulator:clearing", amount: "97.00" }),
    );
    expect(entries.filter(({ kind }) => kind === "event").map(({ type }) => type)).toEqual(
      expect.arrayContaining(["payment_order.created", "payment_order.succeeded", "payment_event.done"]),
    );
    expect(JSON.stringify(entries)).not.toContain("pm_card_visa");
  });

  test("the timeline has the events of a step that waited long for its turn", async () => {
    const order = await pay("pm_card_threeDSecure2Required");
    const [row] = await http.sql<{ id: string; merchant_id: number }[]>`
      SELECT id, merchant_id FROM payment_orders WHERE payment_order_id = ${String(order.payment_order_id)}`;
    const event = {
      type: "psp.succeeded",
      reference: `ch_${order.payment_order_id}`,
      amount: "10000",
      currency: "USD",
      captured: true,
      source: "webhook",
      operation: 1,
      attempt: null,
      at: Date.now() - 5_000,
      jitter: 0,
    } as const;
    const ref = { kind: "payment_order", merchantId: row?.merchant_id ?? 0, id: row?.id ?? "" };
    expect(await http.processor.engine.deliver(ref, toFactLetter(event))).toMatchObject({ kind: "taken" });
    const entries = await dataOf(`/v1/payments/${order.payment_order_id}/timeline`);
    expect(entries.filter(({ kind }) => kind === "event").map(({ type }) => type)).toEqual(
      expect.arrayContaining(["payment_order.succeeded", "payment_event.done"]),
    );
  });

  test("a pending order says what it waits for and when it is looked at again", async () => {
    const order = await pay("pm_card_threeDSecure2Required");
    expect(order).toMatchObject({
      phase: "pending",
      next_action: { type: "redirect", url: expect.stringContaining("/3ds/") },
    });
    const explanation = await bodyOf(await http.ask(`/v1/payments/${order.payment_order_id}/explain`));
    expect(explanation).toMatchObject({
      state: "EXECUTING.pending",
      waiting_for: expect.stringContaining("buyer"),
      next_at: expect.stringMatching(/Z$/),
    });
    // Reading it asks the PSP once more, so an inquiry may stand behind the charge already.
    const [charge] = explanation.attempts as JsonObject[];
    expect(charge).toMatchObject({ operation: "charge", outcome: "pending" });
    const [entry] = (await dataOf("/v1/queues/pending")).filter(
      ({ payment_order: queued }) => (queued as JsonObject).payment_order_id === order.payment_order_id,
    );
    expect(entry).toMatchObject({ reason: "pending" });
  });

  test("a forbidden command is 409 with the state and what is allowed", async () => {
    const order = await pay("pm_card_visa");
    const answer = await http.ask(`/v1/payments/${order.payment_order_id}/cancel`, { method: "POST" });
    expect(answer.status).toBe(409);
    expect(await bodyOf(answer)).toMatchObject({ code: "invalid-state", current_state: "SUCCESS", allowed: [] });
    expect(
      (await http.ask(`/v1/payments/${order.payment_order_id}/capture`, { body: { amount: "1.00" } })).status,
    ).toBe(422);
  });
});

describe("queues and operators", () => {
  test("an order whose amount differs is parked, with the money at risk; resolving it once books it", async () => {
    const order = await pay("sim_wrong_amount", { seller_account: "parked" });
    expect(order).toMatchObject({ status: "EXECUTING", phase: "parked" });
    const id = order.payment_order_id;
    const [queued] = await dataOf("/v1/queues/parked");
    expect(queued).toMatchObject({
      reason: "amount_mismatch",
      payment_order: { payment_order_id: id },
      next_action: expect.any(String),
    });
    const parked = (await dataOf("/v1/queues")).find(({ queue }) => queue === "parked");
    expect(parked).toMatchObject({
      count: 1,
      oldest_age_seconds: expect.any(Number),
      money_at_risk: [{ currency: "USD", amount: expect.any(String) }],
    });

    const refused = await http.ask(`/v1/payments/${id}/resolve`, { body: { outcome: "failed", reason: "no" } });
    expect(refused.status).toBe(409);
    const [{ amount } = { amount: "" }] = (parked?.money_at_risk ?? []) as readonly { amount: string }[];
    const decision = {
      body: { outcome: "succeeded", amount, reason: "The PSP's page shows it." },
      headers: { "idempotency-key": `resolve-${id}` },
    };
    const answer = await http.ask(`/v1/payments/${id}/resolve`, decision);
    expect(await bodyOf(answer)).toMatchObject({ status: "SUCCESS", amount_captured: amount });
    expect((await http.ask(`/v1/payments/${id}/resolve`, decision)).headers.get("idempotent-replayed")).toBe("true");
    const entries = await dataOf(`/v1/payments/${id}/timeline`);
    expect(entries).toContainEqual(
      expect.objectContaining({ kind: "operator", command: "resolve", reason: "The PSP's page shows it.", amount }),
    );
  });

  test("resolving with an amount of the wrong form is refused with the order's currency", async () => {
    const order = await pay("sim_wrong_amount", { amount: "500", currency: "JPY", platform_fee: "0" });
    const answer = await http.ask(`/v1/payments/${order.payment_order_id}/resolve`, {
      body: { outcome: "succeeded", amount: "5.00", reason: "x" },
    });
    expect(await bodyOf(answer)).toMatchObject({
      code: "invalid-amount",
      errors: [{ pointer: "/amount" }],
      detail: expect.stringContaining("JPY"),
    });
  });

  test("money that came too late stands in the queue late", async () => {
    const order = await pay("sim_late_success", { seller_account: "late" });
    expect(order).toMatchObject({ status: "FAILED" });
    // As the late webhook would leave it; the webhook itself is tested below.
    await http.sql`UPDATE payment_orders SET late_open = 1,
      snapshot = jsonb_set(snapshot::jsonb, '{context,late}', '[{"reference":"ch_late","amount":"10000","currency":"USD"}]')::json
      WHERE payment_order_id = ${String(order.payment_order_id)}`;
    const late = (await dataOf("/v1/queues")).find(({ queue }) => queue === "late");
    expect(late).toMatchObject({ count: 1, money_at_risk: [{ currency: "USD", amount: "100.00" }] });
    expect(await dataOf("/v1/queues/late")).toMatchObject([
      { reason: "late_success", payment_order: { payment_order_id: order.payment_order_id } },
    ]);
  });

  test("a quarantined order can still be read, and says that it is set aside", async () => {
    const order = await pay("pm_card_visa");
    const id = String(order.payment_order_id);
    await http.sql`UPDATE payment_orders SET snapshot = '{"broken":true}', quarantined_at = now(), quarantine_reason = 'unreadable' WHERE payment_order_id = ${id}`;
    expect(await read(id)).toMatchObject({
      status: "SUCCESS",
      amount_captured: "100.00",
      psp_reference: order.psp_reference,
    });
    expect(await bodyOf(await http.ask(`/v1/payments/${id}/explain`))).toMatchObject({
      summary: expect.stringContaining("set aside"),
      waiting_for: "an operator",
    });
  });
});

describe("books", () => {
  test("balances, statement, lines and trial balance tell the same story", async () => {
    await pay("pm_card_visa", { seller_account: "booked", amount: "10.00", platform_fee: "1.00" });
    await pay("pm_card_visa", { seller_account: "booked", amount: "20.00", platform_fee: "0.00" });
    await pay("pm_card_visa", { seller_account: "booked", amount: "500", currency: "JPY", platform_fee: "0" });
    expect(await bodyOf(await http.ask("/v1/sellers/booked/balances"))).toEqual({
      seller_account: "booked",
      balances: [
        { currency: "JPY", payable: "500", reserved: "0", debt: "0" },
        { currency: "USD", payable: "29.00", reserved: "0.00", debt: "0.00" },
      ],
    });
    const statement = await dataOf("/v1/sellers/booked/statement?currency=USD");
    expect(statement.map(({ amount, balance }) => [amount, balance])).toEqual([
      ["20.00", "29.00"],
      ["9.00", "9.00"],
    ]);
    const first = await bodyOf(await http.ask("/v1/ledger/accounts/seller:booked:payable/lines?limit=2"));
    const rest = await dataOf(`/v1/ledger/accounts/seller:booked:payable/lines?cursor=${first.next_cursor}`);
    expect([...(first.data as readonly JsonObject[]), ...rest]).toHaveLength(3);
    expect(rest).toMatchObject([{ amount: "9.00", balance: "9.00", side: "credit", rule: "pay_in" }]);
    // One line a page: every balance is counted back from the page before.
    const balances: unknown[] = [];
    let cursor = "";
    for (let page = 0; page < 3; page += 1) {
      const { data, next_cursor: next } = await bodyOf(await http.ask(`/v1/sellers/booked/statement?limit=1${cursor}`));
      balances.push(...(data as readonly JsonObject[]).map((line) => `${line.balance} ${line.currency}`));
      cursor = `&cursor=${next}`;
    }
    expect(balances).toEqual(["500 JPY", "29.00 USD", "9.00 USD"]);
  });

  test("the trial balance is zero for every currency, now and proven from the postings", async () => {
    for (const path of ["/v1/ledger/trial-balance", "/v1/ledger/trial-balance?at=2099-01-01T00:00:00Z"]) {
      const { currencies, accounts } = await bodyOf(await http.ask(path));
      expect((currencies as readonly JsonObject[]).map(({ difference }) => Number(difference))).toEqual([0, 0, 0]);
      expect((accounts as readonly JsonObject[]).length).toBeGreaterThan(5);
    }
    const before = await bodyOf(await http.ask("/v1/ledger/trial-balance?at=2020-01-01T00:00:00Z"));
    expect(before).toMatchObject({ currencies: [], accounts: [] });
  });

  test("accounts are paged by currency and name", async () => {
    const all = await dataOf("/v1/ledger/accounts?limit=100");
    const first = await bodyOf(await http.ask("/v1/ledger/accounts?limit=4"));
    const second = await dataOf(
      `/v1/ledger/accounts?limit=100&cursor=${encodeURIComponent(String(first.next_cursor))}`,
    );
    expect([...(first.data as readonly JsonObject[]), ...second]).toEqual(all);
  });

  test("a seller that nobody has heard of has no balances", async () => {
    expect(await bodyOf(await http.ask("/v1/sellers/nobody/balances"))).toEqual({
      seller_account: "nobody",
      balances: [],
    });
  });
});

describe("API keys", () => {
  test("a secret is shown once, works with its scopes, and no longer when it is revoked", async () => {
    const made = await bodyOf(await http.ask("/v1/api_keys", { body: { name: "reader", scopes: ["payments:read"] } }));
    const key = String(made.secret);
    expect(key).toMatch(/^sk_test_[A-Za-z0-9_-]{43}$/);
    expect((await http.ask("/v1/payments", { key })).status).toBe(200);
    expect((await http.ask("/v1/ledger/accounts", { key })).status).toBe(403);
    expect(JSON.stringify(await dataOf("/v1/api_keys"))).not.toContain(key);
    const stored = await http.sql`SELECT api_keys::text AS row FROM api_keys`;
    expect(JSON.stringify(stored)).not.toContain(key.slice(8));
    const revoked = await bodyOf(await http.ask(`/v1/api_keys/${made.api_key_id}`, { method: "DELETE" }));
    expect(revoked.revoked_at).not.toBeNull();
    expect((await http.ask("/v1/payments", { key })).status).toBe(401);
    expect(http.logged()).not.toContain(key);
  });

  test("another merchant's key can't be revoked", async () => {
    const other = await http.addMerchant("live");
    const made = await bodyOf(
      await http.ask("/v1/api_keys", { key: other.key, body: { name: "x", scopes: ["admin"] } }),
    );
    expect(String(made.secret)).toMatch(/^sk_live_/);
    expect((await http.ask(`/v1/api_keys/${made.api_key_id}`, { method: "DELETE" })).status).toBe(404);
    expect((await http.ask("/v1/payments", { key: String(made.secret) })).status).toBe(200);
  });
});

describe("PSP webhooks", () => {
  test("a notice settles its order, repeated notices change nothing, and a forged one is refused", async () => {
    await http.listen();
    const before = await http.sql`SELECT count(*)::integer AS notices FROM inbox`;
    const pending = await pay("sim_pending_success");
    const repeated = await pay("sim_webhook_dup");
    const forged = await pay("sim_webhook_forged");
    for (const order of [pending, repeated, forged]) {
      await vi.waitFor(async () => expect(await read(order.payment_order_id)).toMatchObject({ status: "SUCCESS" }), {
        timeout: 15_000,
      });
    }
    await vi.waitFor(async () => {
      const entries = await dataOf(`/v1/payments/${pending.payment_order_id}/timeline`);
      expect(entries).toContainEqual(
        expect.objectContaining({ kind: "webhook", outcome: "succeeded", disposition: expect.any(String) }),
      );
    });
    const entries = await dataOf(`/v1/payments/${repeated.payment_order_id}/timeline`);
    expect(entries.filter(({ kind }) => kind === "posting")).toHaveLength(2);
    const after = await http.sql`SELECT count(*)::integer AS notices FROM inbox`;
    expect(Number(after[0]?.notices)).toBeGreaterThan(Number(before[0]?.notices));
    await vi.waitFor(() => expect(http.logged()).toMatch(/"path":"\/psp\/simulator\/webhooks","status":401/), {
      timeout: 10_000,
    });
  });

  test("without a configured secret the answer is 503", async () => {
    await http.sql`UPDATE settings SET value = '' WHERE name LIKE 'webhook_secret%'`;
    await vi.waitFor(
      async () => {
        const answer = await http.ask("/psp/simulator/webhooks", { body: "{}", key: null });
        expect(answer.status).toBe(503);
        expect(answer.headers.get("retry-after")).toBe("30");
      },
      { timeout: 10_000, interval: 200 },
    );
  });
});
