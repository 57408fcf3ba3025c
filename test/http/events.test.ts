/** Events, webhook endpoints and deliveries over HTTP; every answer is held against the document. */
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFrames } from "../events/read-frames.ts";
import { answering, startReceiver } from "../events/receiver.ts";
import type { JsonObject } from "../support/json-schema.ts";
import { anOrder, aPayment, bodyOf, type HttpUnderTest, type Merchant, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
});
afterAll(() => http.close());

const PATIENCE = { timeout: 10_000, interval: 20 };

interface EventBody {
  readonly id: string;
  readonly type: string;
  readonly created_at: string;
  readonly data: { readonly object: JsonObject };
  readonly order_version: number | null;
}

async function listAs(merchant: Merchant, query = ""): Promise<{ events: EventBody[]; next: string | null }> {
  const body = await bodyOf(await http.ask(`/v1/events${query}`, { key: merchant.key }));
  return { events: body.data as EventBody[], next: body.next_cursor as string | null };
}

async function payAs(merchant: Merchant, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const order = anOrder();
  const answer = await http.ask("/v1/payments", {
    key: merchant.key,
    body: aPayment({ payment_orders: [order], ...changes }),
    headers: { prefer: "wait=10" },
  });
  expect(answer.status).toBe(201);
  return order.payment_order_id;
}

const untilRelayed = (merchant: Merchant, count: number) =>
  expect.poll(async () => (await listAs(merchant, "?limit=100")).events.length, PATIENCE).toBe(count);

const addEndpoint = async (merchant: Merchant, body: JsonObject): Promise<JsonObject> => {
  const answer = await http.ask("/v1/webhook_endpoints", { key: merchant.key, body });
  expect(answer.status).toBe(201);
  const endpoint = await bodyOf(answer);
  expect(answer.headers.get("location")).toBe(`/v1/webhook_endpoints/${String(endpoint.endpoint_id)}`);
  return endpoint;
};

describe("events", () => {
  test("are listed newest first, page by page, with filters, and read one by one with the same bytes", async () => {
    const merchant = await http.addMerchant();
    const orders = [];
    for (let n = 0; n < 3; n += 1) orders.push(await payAs(merchant));
    await untilRelayed(merchant, 9);
    const all = (await listAs(merchant)).events;
    expect(all[0]?.type).toBe("payment_event.done");
    expect(all.at(-1)?.type).toBe("payment_order.created");

    const paged: EventBody[] = [];
    let cursor: string | null = null;
    do {
      const page: { events: EventBody[]; next: string | null } = await listAs(
        merchant,
        `?limit=4${cursor === null ? "" : `&cursor=${cursor}`}`,
      );
      paged.push(...page.events);
      cursor = page.next;
    } while (cursor !== null);
    expect(paged).toEqual(all);

    const succeeded = (await listAs(merchant, "?type=payment_order.succeeded")).events;
    expect(succeeded.map(({ data }) => data.object.payment_order_id)).toEqual(orders.toReversed());
    const ofOrder = (await listAs(merchant, `?payment_order_id=${orders[1]}`)).events;
    expect(ofOrder.map(({ type }) => type)).toEqual([
      "payment_event.done",
      "payment_order.succeeded",
      "payment_order.created",
    ]);
    expect((await listAs(merchant, "?payment_order_id=po_nobody")).events).toEqual([]);

    const text = await (await http.ask("/v1/events?limit=100", { key: merchant.key })).text();
    for (const { id } of all) {
      const one = await (await http.ask(`/v1/events/${id}`, { key: merchant.key })).text();
      expect(text).toContain(one);
    }
  });

  test("the end of a payment event has the buyer's data as long as they are kept, and only there", async () => {
    const merchant = await http.addMerchant();
    const buyer_info = { id: "b1", email: "b@example.com", name: "B", country: "DE" };
    await payAs(merchant, { buyer_info });
    await untilRelayed(merchant, 3);
    const [done] = (await listAs(merchant, "?type=payment_event.done")).events;
    expect(done?.data.object).toMatchObject({ object: "payment_event", status: "SUCCESS", buyer_info });
    expect(done?.order_version).toBeNull();
    const [stored] = await http.sql`
      SELECT count(*)::int AS count FROM events WHERE merchant_id = ${merchant.merchantId} AND data::text LIKE '%b@example.com%'`;
    expect(stored?.count).toBe(0);
    await http.sql`UPDATE payment_events SET buyer_info = NULL WHERE merchant_id = ${merchant.merchantId}`;
    const [erased] = (await listAs(merchant, "?type=payment_event.done")).events;
    expect(erased).toEqual({ ...done, data: { object: { ...done?.data.object, buyer_info: null } } });
  });

  test("of another merchant are not found, and a key needs payments:read", async () => {
    const [one, other] = [await http.addMerchant(), await http.addMerchant()];
    await payAs(one);
    await untilRelayed(one, 3);
    const [event] = (await listAs(one)).events;
    expect((await listAs(other)).events).toEqual([]);
    expect((await http.ask(`/v1/events/${event?.id}`, { key: other.key })).status).toBe(404);
    expect((await http.ask("/v1/events/evt_nothing", { key: one.key })).status).toBe(404);
    const key = await one.addKey(["payments:write"]);
    expect((await http.ask("/v1/events", { key })).status).toBe(403);
    expect((await http.ask("/v1/events/stream", { key })).status).toBe(403);
    expect((await http.ask("/v1/events?type=payment_order.exploded", { key: one.key })).status).toBe(422);
    expect((await http.ask("/v1/events?cursor=bogus", { key: one.key })).status).toBe(400);
  });
});

describe("the stream", () => {
  test("brings over a real connection what happens, goes on behind Last-Event-ID, and ends when its key is revoked", async () => {
    const merchant = await http.addMerchant();
    const url = `${await http.listen()}/v1/events/stream`;
    const listen = async (key: string, lastEventId?: string) => {
      const headers = {
        authorization: `Bearer ${key}`,
        ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
      };
      const answer = await fetch(url, { headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      if (answer.body === null) throw new Error("no body");
      return readFrames(answer.body);
    };
    const first = await listen(merchant.key);
    const order = await payAs(merchant);
    const events = await first.events(3);
    expect(events.map(({ data }) => (data as EventBody).type)).toEqual([
      "payment_order.created",
      "payment_order.succeeded",
      "payment_event.done",
    ]);
    expect(events[0]).toMatchObject({ data: { data: { object: { payment_order_id: order } } } });
    expect(events.map(({ id }) => id)).toEqual(events.map(({ data }) => (data as EventBody).id));
    await first.cancel();

    const key = await merchant.addKey(["payments:read"]);
    const second = await listen(key, events[0]?.id);
    expect(await second.ids(2)).toEqual(events.slice(1).map(({ id }) => id));
    const keys = await bodyOf(await http.ask("/v1/api_keys", { key: merchant.key }));
    const own = (keys.data as JsonObject[]).find(({ last_four }) => last_four === key.slice(-4));
    await http.ask(`/v1/api_keys/${String(own?.api_key_id)}`, { method: "DELETE", key: merchant.key });
    await second.end();
    expect((await http.ask("/v1/events/stream", { key })).status).toBe(401);
  });

  test("refuses an id that it does not know, and answers HEAD without opening anything", async () => {
    const merchant = await http.addMerchant();
    const unknown = await http.ask("/v1/events/stream", { key: merchant.key, headers: { "last-event-id": "evt_x" } });
    expect(unknown.status).toBe(400);
    expect((await bodyOf(unknown)).code).toBe("invalid-cursor");
    const head = await http.ask("/v1/events/stream", { method: "HEAD", key: merchant.key });
    expect(head.status).toBe(200);
    expect(http.events.status().openStreams).toBe(0);
  });
});

describe("webhook endpoints", () => {
  test("are made, listed, changed and deleted; the secret is shown once", async () => {
    const merchant = await http.addMerchant();
    const made = await addEndpoint(merchant, {
      url: "https://hooks.shop.com/florin",
      events: ["payment_order.*", "payment_event.done"],
      description: "the shop",
    });
    expect(made).toMatchObject({ enabled: true, events: ["payment_order.*", "payment_event.done"], due: 0, parked: 0 });
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const path = `/v1/webhook_endpoints/${String(made.endpoint_id)}`;
    const { secret: _, ...shown } = made;
    expect(await bodyOf(await http.ask(path, { key: merchant.key }))).toEqual(shown);

    await addEndpoint(merchant, { url: "https://hooks.shop.com/second", events: ["*"] });
    const list = await bodyOf(await http.ask("/v1/webhook_endpoints?limit=1", { key: merchant.key }));
    expect(list).toMatchObject({ data: [{ url: "https://hooks.shop.com/second" }], has_more: true });
    const next = await bodyOf(
      await http.ask(`/v1/webhook_endpoints?limit=1&cursor=${String(list.next_cursor)}`, { key: merchant.key }),
    );
    expect(next).toMatchObject({ data: [shown], has_more: false });

    const patch = (body: JsonObject) => http.ask(path, { method: "PATCH", key: merchant.key, body });
    expect(await bodyOf(await patch({ enabled: false, description: null }))).toMatchObject({
      enabled: false,
      disabled_reason: "merchant",
      description: null,
      url: "https://hooks.shop.com/florin",
    });
    expect(
      await bodyOf(await patch({ enabled: true, events: ["*"], url: "https://hooks.shop.com/new" })),
    ).toMatchObject({
      enabled: true,
      disabled_reason: null,
      events: ["*"],
      url: "https://hooks.shop.com/new",
    });
    expect((await patch({ colour: "red" })).status).toBe(422);

    expect((await http.ask(path, { method: "DELETE", key: merchant.key })).status).toBe(200);
    expect((await http.ask(path, { key: merchant.key })).status).toBe(404);
    expect((await http.ask(path, { method: "DELETE", key: merchant.key })).status).toBe(404);
    expect((await patch({ enabled: true })).status).toBe(404);
    expect((await http.ask(`${path}/rotate`, { method: "POST", key: merchant.key })).status).toBe(404);
    expect((await http.ask(`${path}/deliveries`, { key: merchant.key })).status).toBe(404);
    expect((await http.ask(`${path}/redeliver`, { method: "POST", key: merchant.key })).status).toBe(404);
  });

  test("with a forbidden URL, an unknown type or without the scope are refused, saying what to do", async () => {
    const merchant = await http.addMerchant();
    // The front of these tests lets private addresses through; what it refuses besides is refused everywhere.
    for (const url of [
      "ftp://hooks.shop.com/",
      "https://user:pw@hooks.shop.com/",
      "https://hooks.shop.com/#a",
      "no url",
    ]) {
      const answer = await http.ask("/v1/webhook_endpoints", { key: merchant.key, body: { url, events: ["*"] } });
      expect(answer.status).toBe(422);
      const body = await bodyOf(answer);
      expect(body).toMatchObject({ code: "webhook-url-forbidden", errors: [{ pointer: "/url" }] });
    }
    const typo = await http.ask("/v1/webhook_endpoints", {
      key: merchant.key,
      body: { url: "https://hooks.shop.com/", events: ["payment_orders.*"] },
    });
    expect(typo.status).toBe(422);
    expect((await bodyOf(typo)).detail).toContain("payment_order.*");
    const reader = await merchant.addKey(["payments:read"]);
    const body = { url: "https://hooks.shop.com/", events: ["*"] };
    expect((await http.ask("/v1/webhook_endpoints", { key: reader, body })).status).toBe(403);
    expect((await http.ask("/v1/webhook_endpoints", { key: reader })).status).toBe(200);
  });

  test("of another merchant are not found", async () => {
    const [one, other] = [await http.addMerchant(), await http.addMerchant()];
    const { endpoint_id } = await addEndpoint(one, { url: "https://hooks.shop.com/", events: ["*"] });
    const path = `/v1/webhook_endpoints/${String(endpoint_id)}`;
    expect((await http.ask(path, { key: other.key })).status).toBe(404);
    expect((await http.ask(path, { method: "DELETE", key: other.key })).status).toBe(404);
    expect((await http.ask(`${path}/rotate`, { method: "POST", key: other.key })).status).toBe(404);
    expect((await http.ask(path, { key: one.key })).status).toBe(200);
  });
});

describe("deliveries", () => {
  test("tell how each attempt went, are found by order, event and status, and go out again on request", async () => {
    const merchant = await http.addMerchant();
    await using receiver = await startReceiver(answering(500, "out of order"));
    const endpoint = await addEndpoint(merchant, { url: `${receiver.url}/hook`, events: ["payment_order.succeeded"] });
    const order = await payAs(merchant);
    await payAs(merchant);
    const deliveriesOf = async (query: string): Promise<JsonObject[]> =>
      (await bodyOf(await http.ask(`/v1/deliveries${query}`, { key: merchant.key }))).data as JsonObject[];
    await expect
      .poll(async () => (await deliveriesOf("")).filter(({ last_status }) => last_status === 500).length, PATIENCE)
      .toBe(2);

    const [delivery] = await deliveriesOf(`?payment_order_id=${order}`);
    expect(await deliveriesOf(`?payment_order_id=${order}`)).toHaveLength(1);
    expect(delivery).toMatchObject({ status: "due", attempts: 1, last_error: "http_500", is_sending: false });
    expect(await deliveriesOf(`?event_id=${String(delivery?.event_id)}`)).toEqual([delivery]);
    expect(await deliveriesOf("?event_id=evt_none")).toEqual([]);
    expect(await deliveriesOf("?payment_order_id=po_none")).toEqual([]);
    expect(await deliveriesOf("?status=due")).toHaveLength(2);
    expect(await deliveriesOf("?status=delivered")).toEqual([]);

    const path = `/v1/deliveries/${String(delivery?.delivery_id)}`;
    expect(await bodyOf(await http.ask(path, { key: merchant.key }))).toMatchObject({
      history: [{ attempt: 1, status: 500, error: "http_500", response_excerpt: "out of order" }],
    });
    const endpointPath = `/v1/webhook_endpoints/${String(endpoint.endpoint_id)}`;
    const waitsSince = "2026-11-01T02:03:04.000Z";
    await http.sql`UPDATE deliveries SET scheduled_at = ${waitsSince} WHERE id = (
      SELECT max(id::text)::uuid FROM deliveries WHERE merchant_id = ${merchant.merchantId})`;
    await addEndpoint(merchant, { url: `${receiver.url}/quiet`, events: ["*"] });
    const listed = await bodyOf(await http.ask("/v1/webhook_endpoints", { key: merchant.key }));
    expect(listed.data).toMatchObject([
      { url: `${receiver.url}/quiet`, due: 0, oldest_due_at: null },
      { endpoint_id: endpoint.endpoint_id, due: 2, parked: 0, oldest_due_at: waitsSince },
    ]);

    receiver.answer = answering(200, "fine");
    expect((await http.ask(`${path}/redeliver`, { method: "POST", key: merchant.key })).status).toBe(200);
    await expect
      .poll(async () => (await bodyOf(await http.ask(path, { key: merchant.key }))).status, PATIENCE)
      .toBe("delivered");
    expect((await bodyOf(await http.ask(path, { key: merchant.key }))).history).toHaveLength(2);
    const ofEndpoint = await bodyOf(
      await http.ask(`${endpointPath}/deliveries?status=delivered`, { key: merchant.key }),
    );
    expect(ofEndpoint.data).toMatchObject([{ delivery_id: delivery?.delivery_id }]);

    const range = await http.ask(`${endpointPath}/redeliver`, {
      key: merchant.key,
      body: { status: "delivered", from: "2020-01-01T00:00:00Z" },
    });
    expect(await bodyOf(range)).toEqual({ redelivered: 1, has_more: false, next_cursor: null });
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(2);

    const rotated = await bodyOf(await http.ask(`${endpointPath}/rotate`, { method: "POST", key: merchant.key }));
    expect(rotated.previous_secret_until).toEqual(expect.any(String));
    await http.ask(`${path}/redeliver`, { method: "POST", key: merchant.key });
    await expect.poll(() => receiver.accepted.length, PATIENCE).toBe(3);
    const last = receiver.accepted[2];
    for (const secret of [endpoint.secret, rotated.secret]) {
      expect(
        new Webhook(String(secret)).verify(last?.body ?? "", last?.headers as Record<string, string>),
      ).toMatchObject({
        id: delivery?.event_id,
      });
    }

    const other = await http.addMerchant();
    expect((await http.ask(path, { key: other.key })).status).toBe(404);
    expect((await http.ask(`${path}/redeliver`, { method: "POST", key: other.key })).status).toBe(404);
    const reader = await merchant.addKey(["payments:read"]);
    expect((await http.ask(`${path}/redeliver`, { method: "POST", key: reader })).status).toBe(403);
    await http.ask(endpointPath, { method: "PATCH", key: merchant.key, body: { enabled: false } });
    const closed = await http.ask(`${path}/redeliver`, { method: "POST", key: merchant.key });
    expect(closed.status).toBe(409);
    expect((await bodyOf(closed)).detail).toContain("Enable it first");
  });
});

test("where no events service is, its routes are absent", async () => {
  const app = http.openFront({ events: null });
  for (const path of ["/v1/events", "/v1/webhook_endpoints", "/v1/deliveries"]) {
    const answer = await app.request(path, { headers: { authorization: `Bearer ${http.merchant.key}` } });
    expect(answer.status).toBe(404);
  }
});
