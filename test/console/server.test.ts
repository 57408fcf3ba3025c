/** The console's server: who gets in, what they may do, and that it shows what is in the database. */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transition } from "xstate";
import { paymentOrderMachine } from "../../machines/payment-order.ts";
import { newPaymentOrderContext } from "../../machines/payment-order-context.ts";
import type { PaymentOrderEvent, PaymentOrderInput } from "../../machines/payment-order-types.ts";
import type {
  AuditPage,
  EndpointsHealth,
  OrderCalls,
  OrderHistory,
  Overview,
  SearchResult,
  Session,
} from "../../src/console/contract.ts";
import { addUp, type NodeFigures, toSample } from "../../src/console/server/figures.ts";
import { createSessions } from "../../src/console/server/sessions.ts";
import { systemPorts } from "../../src/core/ports.ts";
import type { Scope } from "../../src/core/scopes.ts";
import { connectConsoleAccess } from "../../src/db/console-access.ts";
import { redactText, showBody } from "../../src/console/server/redact.ts";
import { startReceiver } from "../events/receiver.ts";
import { aPayment, anOrder, type HttpUnderTest, type Merchant, startHttpUnderTest } from "../http/http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
});
afterAll(() => http.close());

let sent = 0;
const OURS = { "x-florin-console": "1" };

interface Visitor {
  readonly cookie: string;
  get(path: string): Promise<Response>;
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  read<T>(path: string): Promise<T>;
}

function signIn(key: string, isReadOnly = false, headers: Readonly<Record<string, string>> = OURS): Promise<Response> {
  return Promise.resolve(
    http.app.request("/console/api/session", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ api_key: key, read_only: isReadOnly }),
    }),
  );
}

async function visit(key: string, isReadOnly = false): Promise<Visitor> {
  const answer = await signIn(key, isReadOnly);
  expect(answer.status).toBe(200);
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const send: Visitor["send"] = async (method, path, body, headers = OURS) =>
    http.app.request(path, {
      method,
      headers: {
        cookie,
        ...headers,
        ...(body === undefined ? {} : { "content-type": "application/json", "idempotency-key": `k-${++sent}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    cookie,
    send,
    get: (path) => send("GET", path),
    async read<T>(path: string) {
      const response = await send("GET", path);
      expect(response.status).toBe(200);
      return (await response.json()) as T;
    },
  };
}

async function pay(merchant: Merchant, token: string, id: string): Promise<void> {
  const body = aPayment({ payment_method: { token }, payment_orders: [anOrder({ payment_order_id: id })] });
  const answer = await http.ask("/v1/payments", { key: merchant.key, headers: { prefer: "wait=10" }, body });
  expect(answer.status).toBe(201);
}

const codeOf = async (answer: Response): Promise<unknown> => ((await answer.json()) as { code?: unknown }).code;

describe("signing in", () => {
  test("gives a cookie that no script reads and no other site sends, and stores only its hash", async () => {
    const answer = await signIn(http.merchant.key);
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(
      /^florin_console=[A-Za-z0-9_-]{43}; Max-Age=\d+; Path=\/console; HttpOnly; SameSite=Strict$/i,
    );
    expect((await answer.json()) as Session).toMatchObject({
      role: "operator",
      merchant: { id: http.merchant.merchantId },
    });
    const token = cookie.slice(cookie.indexOf("=") + 1, cookie.indexOf(";"));
    const stored = await http.sql`SELECT * FROM console_sessions`;
    expect(JSON.stringify(stored)).not.toContain(token);
    expect(http.logged()).not.toContain(token);
    expect(http.logged()).not.toContain(http.merchant.key);
  });

  test("behind TLS gives a cookie that browsers take from this host alone", async () => {
    const { queries, end } = connectConsoleAccess(http.databaseUrl);
    const sessions = createSessions({ queries, ports: systemPorts, publicUrl: "https://florin.example" });
    const [row] = await http.sql<{ api_key_id: string }[]>`
      SELECT api_key_id FROM api_keys WHERE merchant_id = ${http.merchant.merchantId} LIMIT 1`;
    const caller = {
      via: "api",
      apiKeyId: row?.api_key_id ?? "",
      merchantId: http.merchant.merchantId,
      mode: "test",
      scopes: new Set<Scope>(),
    } as const;
    const { cookie } = await sessions.open(caller, true);
    await end();
    expect(cookie).toMatch(
      /^__Host-florin_console=[A-Za-z0-9_-]{43}; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Strict$/i,
    );
  });

  test("with a key that is none is refused, and the key is not told", async () => {
    const answer = await signIn(`sk_test_${"x".repeat(30)}`);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain("xxxx");
  });

  test("asks whether it is needed without an error, and ends when it is ended", async () => {
    expect((await http.app.request("/console/api/session")).status).toBe(204);
    const visitor = await visit(http.merchant.key);
    expect((await visitor.get("/console/api/session")).status).toBe(200);
    const ended = await visitor.send("DELETE", "/console/api/session");
    expect(ended.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await visitor.get("/console/api/session")).status).toBe(204);
    expect((await visitor.get("/console/api/overview")).status).toBe(401);
  });

  test("ends with its key", async () => {
    const key = await http.merchant.addKey(["payments:read"]);
    const visitor = await visit(key);
    expect((await visitor.get("/console/api/overview")).status).toBe(200);
    await http.sql`UPDATE api_keys SET revoked_at = now() WHERE last_four = ${key.slice(-4)}`;
    expect((await visitor.get("/console/api/overview")).status).toBe(401);
  });
});

describe("a request of another site", () => {
  test.each([
    ["without the console's header", {}],
    ["that the browser says is of another site", { ...OURS, "sec-fetch-site": "cross-site" }],
    ["that names another origin", { ...OURS, origin: "https://evil.example" }],
  ])("%s changes nothing", async (_, headers) => {
    const visitor = await visit(http.merchant.key);
    const answer = await visitor.send("POST", "/console/api/v1/payments", aPayment(), headers);
    expect(answer.status).toBe(403);
    expect(await codeOf(answer)).toBe("cross-site-refused");
    expect((await signIn(http.merchant.key, false, headers)).status).toBe(403);
  });
});

describe("the public API with a session", () => {
  test("answers as the API does, for the session's merchant alone", async () => {
    await pay(http.merchant, "pm_card_visa", "own-1");
    const visitor = await visit(http.merchant.key);
    const asKey = await (await http.ask("/v1/payments/own-1")).json();
    expect(await visitor.read("/console/api/v1/payments/own-1")).toEqual(asKey);
    const stranger = await visit((await http.addMerchant()).key);
    for (const path of ["v1/payments/own-1", "payments/own-1/history", "payments/own-1/calls"]) {
      expect((await stranger.get(`/console/api/${path}`)).status).toBe(404);
    }
    expect(await stranger.read<SearchResult>("/console/api/search?q=own-1")).toEqual({ data: [] });
  });

  test("lets nobody bring an identity along", async () => {
    const visitor = await visit((await http.addMerchant()).key);
    const answer = await visitor.send("GET", "/console/api/v1/payments/own-1", undefined, {
      authorization: `Bearer ${http.merchant.key}`,
    });
    expect(answer.status).toBe(404);
    expect((await http.app.request("/v1/payments/own-1", { headers: { cookie: visitor.cookie } })).status).toBe(401);
  });

  test("only reads for a reader, whatever the key may do", async () => {
    const reader = await visit(http.merchant.key, true);
    expect((await reader.get("/console/api/v1/payments")).status).toBe(200);
    for (const [method, path] of [
      ["POST", "payments"],
      ["POST", "payments/own-1/retry"],
      ["DELETE", "webhook_endpoints/whe_1"],
    ] as const) {
      const answer = await reader.send(method, `/console/api/v1/${path}`, {});
      expect(answer.status).toBe(403);
      expect(await codeOf(answer)).toBe("insufficient-scope");
    }
  });

  test("asks for the scopes of the key", async () => {
    const visitor = await visit(await http.merchant.addKey(["ledger:read"]));
    expect((await visitor.get("/console/api/v1/payments")).status).toBe(403);
    expect((await visitor.get("/console/api/payments/own-1/calls")).status).toBe(403);
    expect((await visitor.get("/console/api/v1/ledger/trial-balance")).status).toBe(200);
  });
});

describe("an order's story", () => {
  test("replayed through the pure machine ends in the stored snapshot", async () => {
    await pay(http.merchant, "sim_500_charged", "story-1");
    const visitor = await visit(http.merchant.key);
    const history = await visitor.read<OrderHistory>("/console/api/payments/story-1/history");
    let snapshot = paymentOrderMachine.resolveState({
      value: "NOT_STARTED",
      context: newPaymentOrderContext(history.input as unknown as PaymentOrderInput),
    });
    for (const { event } of history.transitions) {
      [snapshot] = transition(paymentOrderMachine, snapshot, event as unknown as PaymentOrderEvent);
    }
    const [row] = await http.sql<{ snapshot: { value: unknown; context: unknown } }[]>`
      SELECT snapshot FROM payment_orders WHERE payment_order_id = 'story-1'`;
    expect(snapshot.value).toEqual(row?.snapshot.value);
    expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(row?.snapshot.context);
  });

  test("shows each call with what was sent, what came back and how long it took", async () => {
    const visitor = await visit(http.merchant.key);
    const { calls } = await visitor.read<OrderCalls>("/console/api/payments/story-1/calls");
    expect(calls.length).toBeGreaterThan(1);
    expect(calls[0]).toMatchObject({ attempt: 1, operation: "charge", psp: "simulator" });
    expect(calls[0]?.request).toContain("sim_500_charged");
    expect(calls[0]?.answers[0]).toMatchObject({ source: "answer", outcome: "unknown", http_status: 500 });
    expect(calls.at(-1)?.answers[0]).toMatchObject({ source: "inquiry", outcome: "succeeded", http_status: 200 });
  });

  test("is found by every id that somebody may have", async () => {
    const visitor = await visit(http.merchant.key);
    const order = await visitor.read<{ checkout_id: string; psp_reference: string; seller_account: string }>(
      "/console/api/v1/payments/story-1",
    );
    for (const [text, matched] of [
      ["story-1", "payment_order_id"],
      [order.checkout_id, "checkout_id"],
      [order.psp_reference, "psp_reference"],
      [order.seller_account, "seller_account"],
    ] as const) {
      const { data } = await visitor.read<SearchResult>(`/console/api/search?q=${encodeURIComponent(` ${text} `)}`);
      expect(data.find((one) => one.payment_order_id === "story-1")).toMatchObject({ matched });
    }
  });
});

describe("what is shown of bodies", () => {
  test.each([
    ['{"card_number":"4242 4242 4242 4242"}', "4242 4242"],
    ['{"note":"pay 4242-4242-4242-4242 now"}', "4242-4242-4242"],
    ['{"client_secret":"abc\\"def"}', "abc"],
    ["Authorization: Bearer sk_live_abcdefghijkl", "sk_live_abc"],
    ["whsec_abcdefghijklmnop", "whsec_abc"],
  ])("%s hides what nobody may see", (text, hidden) => {
    expect(redactText(text)).not.toContain(hidden);
    expect(redactText(text)).toContain("••••");
  });

  test("references and amounts stay, no text is shown as bytes, and long ones say how long they are", () => {
    expect(redactText('{"id":"ch_1","amount":10000}')).toBe('{"id":"ch_1","amount":10000}');
    expect(showBody({ bytes: Buffer.from([0xff, 0xfe]), length: 2 })).toBe("(2 bytes that are no text) fffe");
    expect(showBody({ bytes: Buffer.from("é").subarray(0, 1), length: 2 })).toBe("\n… (2 bytes in all)");
  });
});

describe("the overview", () => {
  test("counts what is in the database, and is balanced", async () => {
    await pay(http.merchant, "sim_wrong_amount", "parked-1");
    const visitor = await visit(http.merchant.key);
    const countBoth = async () => {
      const { states } = await visitor.read<Overview>("/console/api/overview");
      const rows = await http.sql<{ state: string; orders: number }[]>`
        SELECT payment_order_status || coalesce('.' || phase, '') AS state, count(*)::int AS orders FROM payment_orders
        WHERE merchant_id = ${http.merchant.merchantId} GROUP BY 1`;
      return [
        Object.fromEntries(states.filter(({ count }) => count > 0).map(({ state, count }) => [state, count])),
        Object.fromEntries(rows.map(({ state, orders }) => [state, orders])),
      ] as const;
    };
    await expect
      .poll(countBoth, { timeout: 15_000 })
      .toSatisfy(([shown, stored]: Awaited<ReturnType<typeof countBoth>>) => isDeepStrictEqual(shown, stored));
    const overview = await visitor.read<Overview>("/console/api/overview");
    expect(overview.trial_balance.is_balanced).toBe(true);
    expect(overview.queues.find(({ queue }) => queue === "parked")).toMatchObject({ count: 1 });
  });

  test("shows the process and all that it does to an operator of the first merchant", async () => {
    const overview = await (await visit(http.merchant.key)).read<Overview>("/console/api/overview");
    expect(overview.nodes).toHaveLength(1);
    expect(overview.batches?.per_second).toBeTypeOf("number");
    expect(overview.steps_per_second).toBeTypeOf("number");
    expect(overview.samples_node).toBe(overview.nodes?.[0]?.name);
  });

  test("draws as lines what its figures are", () => {
    const psp = { calls: 4, latency_ms: 100 };
    const node: NodeFigures = {
      recent: { ms: 10_000, steps: 90, payments: 40, batches: 20, items: 80, batch_ms: 60, psp: { one: psp } },
      minute: { ms: 60_000, edges: {} },
      minutes: { succeeded: 3, failed: 1 },
      psps: [{ psp: "one", in_flight: 0, is_open: false }],
    };
    const { payments_per_second, success_rate, batches, psps } = addUp([node]);
    expect(toSample("2026-01-01T00:00:00.000Z", node)).toEqual({
      at: "2026-01-01T00:00:00.000Z",
      payments_per_second,
      success_rate,
      psp_latency_ms: psps[0]?.latency_ms,
      batches_per_second: batches.per_second,
    });
  });

  test("counts states and queues as of one moment, however orders move meanwhile", async () => {
    const merchant = await http.addMerchant();
    await Promise.all([1, 2, 3].map((number) => pay(merchant, "sim_wrong_amount", `moving-${number}`)));
    const { queries, end } = connectConsoleAccess(http.databaseUrl);
    let isOver = false;
    const moves = (async () => {
      for (let number = 0; !isOver; number += 1) {
        await http.sql`
          UPDATE payment_orders SET phase = ${number % 2 === 0 ? "pending" : "parked"}
          WHERE merchant_id = ${merchant.merchantId}`;
      }
    })();
    const differing: unknown[] = [];
    for (let reading = 0; reading < 200; reading += 1) {
      const { open, queues } = await queries.readStanding(merchant.merchantId);
      const states = open.map(({ state, orders }) => [state.replace("EXECUTING.", ""), orders]);
      const waiting = queues.map(({ queue, orders }) => [queue, orders]);
      if (!isDeepStrictEqual(states, waiting)) differing.push({ states, waiting });
    }
    isOver = true;
    await moves;
    await end();
    expect(differing).toEqual([]);
  });

  test.each([
    ["an operator of another merchant", (_: Merchant, other: Merchant) => visit(other.key)],
    ["a reader of another merchant", (_: Merchant, other: Merchant) => visit(other.key, true)],
    ["a reader of the first merchant", (first: Merchant) => visit(first.key, true)],
  ])("shows %s nothing of the process, and says that it is not known, not that it is none", async (_, visitAs) => {
    const visitor = await visitAs(http.merchant, await http.addMerchant());
    const overview = await visitor.read<Overview>("/console/api/overview");
    const hidden = { nodes: null, psps: null, samples: null, batches: null, steps_per_second: null };
    expect(overview).toMatchObject(hidden);
  });

  test("counts what another merchant's own orders do, and nobody else's", async () => {
    const merchant = await http.addMerchant();
    await pay(http.merchant, "pm_card_visa", "not-theirs");
    const before = await (await visit((await http.addMerchant()).key)).read<Overview>("/console/api/overview");
    expect(before).toMatchObject({ edges: [], payments_per_second: 0, success_rate: null });
    expect(before.states.every(({ count }) => count === 0)).toBe(true);
    await pay(merchant, "pm_card_visa", "theirs-1");
    await pay(merchant, "pm_card_chargeDeclinedInsufficientFunds", "theirs-2");
    const after = await (await visit(merchant.key)).read<Overview>("/console/api/overview");
    expect(after.success_rate).toBe(0.5);
    expect(after.payments_per_second).toBe(0.03);
    expect(after.edges).toEqual([
      { from: "EXECUTING.sending", to: "FAILED", per_minute: 1 },
      { from: "EXECUTING.sending", to: "SUCCESS", per_minute: 1 },
      { from: "new", to: "EXECUTING.sending", per_minute: 2 },
    ]);
  });

  test("comes live, and again when a payment was made", async () => {
    const merchant = await http.addMerchant();
    const visitor = await visit(merchant.key);
    const stream = await visitor.get("/console/api/live");
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    const succeeded = async (): Promise<number> => {
      for (let text = ""; ; ) {
        const { value = "", done } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error("the stream ended");
        text += value;
        const data = /event: overview\ndata: (.*)\n\n/.exec(text)?.[1];
        if (data === undefined) continue;
        return (JSON.parse(data) as Overview).states.find(({ state }) => state === "SUCCESS")?.count ?? 0;
      }
    };
    expect(await succeeded()).toBe(0);
    await pay(merchant, "pm_card_visa", "live-1");
    for (let count = 0; count === 0; ) count = await succeeded();
    await reader?.cancel();
  });
});

describe("the live stream", () => {
  const watch = async (visitor: Visitor): Promise<Response> => visitor.get("/console/api/live");
  const leave = (answers: readonly Response[]) => Promise.all(answers.map(({ body }) => body?.cancel()));

  test("is not opened for whoever asks for the headers alone", async () => {
    const visitor = await visit(http.merchant.key);
    for (let asked = 0; asked < 500; asked += 1) {
      const answer = await visitor.send("HEAD", "/console/api/live");
      expect([answer.status, answer.body]).toEqual([200, null]);
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
    }
    const answer = await watch(visitor);
    expect(answer.status).toBe(200);
    await leave([answer]);
  });

  test("is open twenty times for a session, and refusing more takes nothing from another one", async () => {
    const visitor = await visit(http.merchant.key);
    const other = await visit(http.merchant.key);
    const streams: Response[] = [];
    for (let opened = 0; opened < 20; opened += 1) streams.push(await watch(visitor));
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
    const refused = await watch(visitor);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(await codeOf(refused)).toBe("rate-limited");
    const others = await watch(other);
    expect(others.status).toBe(200);
    await leave(streams.splice(0, 1));
    const next = await watch(visitor);
    expect(next.status).toBe(200);
    await leave([...streams, others, next]);
  });
});

describe("how webhooks arrive", () => {
  test("is told of an endpoint that fails every time, since when, and until it takes one", async () => {
    const merchant = await http.addMerchant();
    const visitor = await visit(merchant.key);
    await using receiver = await startReceiver((_, response) => void response.writeHead(500).end());
    const added = await visitor.send("POST", "/console/api/v1/webhook_endpoints", {
      url: receiver.url,
      events: ["payment_order.created"],
    });
    const { endpoint_id: id } = (await added.json()) as { endpoint_id: string };
    const read = async () => (await visitor.read<EndpointsHealth>(`/console/api/endpoints?endpoint_id=${id}`)).data;
    expect(await read()).toEqual([{ endpoint_id: id, failing_since: null }]);
    expect((await visitor.read<Overview>("/console/api/overview")).webhooks).toEqual({
      failing: 0,
      parked: 0,
      late: 0,
    });
    const before = new Date().toISOString();
    await pay(merchant, "pm_card_visa", "refused-1");
    await expect.poll(read, { timeout: 10_000 }).toEqual([{ endpoint_id: id, failing_since: expect.any(String) }]);
    expect((await read())[0]?.failing_since?.localeCompare(before)).toBe(1);
    expect((await visitor.read<EndpointsHealth>("/console/api/endpoints")).data).toEqual(await read());
    const stranger = await visit(http.merchant.key);
    expect((await stranger.read<EndpointsHealth>(`/console/api/endpoints?endpoint_id=${id}`)).data).toEqual([]);
    receiver.answer = (_, response) => void response.end();
    await pay(merchant, "pm_card_visa", "taken-1");
    await expect.poll(read, { timeout: 10_000 }).toEqual([{ endpoint_id: id, failing_since: null }]);
  });

  test("counts what was given up and what comes late", async () => {
    const merchant = await http.addMerchant();
    const visitor = await visit(merchant.key);
    await using receiver = await startReceiver((_, response) => void response.writeHead(500).end());
    await visitor.send("POST", "/console/api/v1/webhook_endpoints", {
      url: receiver.url,
      events: ["payment_order.created", "payment_order.succeeded"],
    });
    await pay(merchant, "pm_card_visa", "waited-for");
    const tried = () => http.sql`
      SELECT FROM deliveries WHERE merchant_id = ${merchant.merchantId} AND last_attempt_at IS NOT NULL`;
    await expect.poll(async () => (await tried()).length, { timeout: 10_000 }).toBe(2);
    await http.sql`
      UPDATE deliveries SET status = CASE event_type WHEN 'payment_order.created' THEN 'parked' ELSE 'due' END,
        next_attempt_at = now() + interval '1 hour', created_at = now() - interval '10 minutes'
      WHERE merchant_id = ${merchant.merchantId}`;
    const overview = await visitor.read<Overview>("/console/api/overview");
    expect(overview.webhooks).toEqual({ failing: 1, parked: 1, late: 1 });
  });
});

describe("the audit log", () => {
  test("has every decision with who, through which door, why, and what came of it", async () => {
    await pay(http.merchant, "sim_wrong_amount", "decided-1");
    const visitor = await visit(http.merchant.key);
    await http.ask("/v1/payments/decided-1/resolve", { body: { outcome: "failed", reason: "I thought so" } });
    const resolved = await visitor.send("POST", "/console/api/v1/payments/decided-1/retry", {});
    expect(resolved.status).toBe(200);
    const { data } = await visitor.read<AuditPage>("/console/api/audit");
    const own = data.filter(({ subject }) => subject === "decided-1");
    expect(own).toMatchObject([
      { action: "retry", via: "console", status: 200, reason: null },
      { action: "resolve", via: "api", status: 409, reason: "I thought so" },
    ]);
    expect(own[0]?.who).toContain(http.merchant.key.slice(-4));
  });

  test("has a redelivery with its endpoint and its range", async () => {
    const visitor = await visit(http.merchant.key);
    const added = await visitor.send("POST", "/console/api/v1/webhook_endpoints", {
      url: "http://127.0.0.1:1/hooks",
      events: ["payment_event.done"],
    });
    const { endpoint_id: id } = (await added.json()) as { endpoint_id: string };
    const range = { from: "2026-01-01T00:00:00.000Z", to: "2026-01-02T00:00:00.000Z", status: "parked" };
    await visitor.send("POST", `/console/api/v1/webhook_endpoints/${id}/redeliver`, range);
    await visitor.send("DELETE", `/console/api/v1/webhook_endpoints/${id}`);
    const { data } = await visitor.read<AuditPage>("/console/api/audit");
    expect(data.find(({ subject, action }) => subject === id && action === "redeliver")).toMatchObject({
      via: "console",
      status: 200,
      reason: "status parked, from 2026-01-01T00:00:00.000Z, to 2026-01-02T00:00:00.000Z",
    });
  });

  test("has what was done to a webhook endpoint", async () => {
    const merchant = await http.addMerchant();
    const visitor = await visit(merchant.key);
    const endpoint = { url: "http://127.0.0.1:1/hooks?token=hidden", events: ["payment_event.done"] };
    const added = await visitor.send("POST", "/console/api/v1/webhook_endpoints", endpoint);
    const { endpoint_id: id } = (await added.json()) as { endpoint_id: string };
    const path = `/console/api/v1/webhook_endpoints/${id}`;
    await visitor.send("PATCH", path, { enabled: false });
    await visitor.send("PATCH", path, { enabled: true, url: endpoint.url });
    await visitor.send("PATCH", path, { description: "ours" });
    await visitor.send("POST", `${path}/rotate`, {});
    await visitor.send("DELETE", path);
    await visitor.send("DELETE", path);
    const { data } = await visitor.read<AuditPage>("/console/api/audit");
    expect(data.map(({ subject, action, reason, status }) => [subject, action, reason, status])).toEqual([
      [id, "delete", null, 404],
      [id, "delete", null, 200],
      [id, "rotate", null, 200],
      [id, "change", "description", 200],
      [id, "enable", "url", 200],
      [id, "disable", null, 200],
    ]);
  });

  test("keeps a decision whose node died before its outcome, and shows that it is not known", async () => {
    const { merchantId } = http.merchant;
    await http.sql`
      INSERT INTO audit_log (merchant_id, id, api_key_id, via, action, subject, request_id, node)
      SELECT ${merchantId}, 'ffffffff-0000-7000-8000-000000000000', api_key_id, 'api', 'cancel', 'died-1', 'r', gen_random_uuid()
      FROM api_keys WHERE merchant_id = ${merchantId} LIMIT 1`;
    const visitor = await visit(http.merchant.key);
    const { data } = await visitor.read<AuditPage>("/console/api/audit");
    expect(data[0]).toMatchObject({ subject: "died-1", status: null });
  });

  test.each(["audit_log", "audit_outcomes"])("%s is never changed, not even by the tables' owner", async (table) => {
    await expect(http.sql`DELETE FROM ${http.sql(table)}`).rejects.toThrow("append-only");
  });
});

describe("pages", () => {
  test("come with a policy that runs no inline script, at every address below the console", async () => {
    for (const path of ["/console", "/console/payments/po_1", "/console/queues"]) {
      const answer = await http.app.request(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'; style-src 'self'");
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(await answer.text()).not.toMatch(/<script(?![^>]* src=)|style=|onload=/);
    }
    expect((await http.app.request("/console/api/nothing")).status).toBe(404);
  });

  test.each([
    ["svg", "image/svg+xml"],
    ["json", "application/json"],
    ["layout.json", "application/json"],
    ["mmd", "text/plain; charset=utf-8"],
  ])("a chart comes as .%s", async (extension, type) => {
    const answer = await http.app.request(`/console/machines/paymentOrder.${extension}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(type);
    expect((await http.app.request(`/console/machines/..%2f..%2fcontract.ts`)).status).toBe(404);
  });
});
