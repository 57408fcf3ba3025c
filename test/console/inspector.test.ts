/** XState's own tools attach to a running Florin, and see its orders as actors. */
import { createWebSocketReceiver, type StatelyInspectionEvent } from "@statelyai/inspect";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import type { InspectionTicket } from "../../src/console/contract.ts";
import { aPayment, anOrder, type HttpUnderTest, type Merchant, startHttpUnderTest } from "../http/http-under-test.ts";

let http: HttpUnderTest;
let url: URL;
beforeAll(async () => {
  http = await startHttpUnderTest();
  url = new URL(await http.listen());
});
afterAll(() => http.close());

async function signIn(key: string): Promise<string> {
  const signedIn = await http.app.request("/console/api/session", {
    method: "POST",
    headers: { "content-type": "application/json", "x-florin-console": "1" },
    body: JSON.stringify({ api_key: key, read_only: true }),
  });
  return (signedIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

/** The address that the console gives, on the port of this test. */
async function askForTicket(merchant: Merchant, paymentOrderId?: string, session?: string): Promise<string> {
  const cookie = session ?? (await signIn(merchant.key));
  const answer = await http.app.request("/console/api/inspect", {
    method: "POST",
    headers: { cookie, "x-florin-console": "1", "content-type": "application/json" },
    body: JSON.stringify(paymentOrderId === undefined ? {} : { payment_order_id: paymentOrderId }),
  });
  expect(answer.status).toBe(200);
  const given = new URL(((await answer.json()) as InspectionTicket).url);
  expect(given.protocol).toMatch(/^wss?:$/);
  return `ws://${url.host}${given.pathname}${given.search}`;
}

function attach(url: string): readonly StatelyInspectionEvent[] {
  const events: StatelyInspectionEvent[] = [];
  createWebSocketReceiver({ server: url }).subscribe((event) => events.push(event));
  return events;
}

async function pay(merchant: Merchant, id: string): Promise<void> {
  const body = aPayment({
    payment_method: { token: "pm_card_visa" },
    payment_orders: [anOrder({ payment_order_id: id })],
  });
  const answer = await http.ask("/v1/payments", { key: merchant.key, headers: { prefer: "wait=10" }, body });
  expect(answer.status).toBe(201);
}

/** The status of the answer to an upgrade; 101 when it was taken. */
function openStatus(url: string): Promise<number> {
  const socket = new WebSocket(url);
  return new Promise((resolve) => {
    socket.once("open", () => resolve(101));
    socket.once("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.once("error", () => resolve(0));
  }).finally(() => socket.terminate()) as Promise<number>;
}

test("a tool sees an order introduce itself with its chart, take its events and stand where it stands", async () => {
  const events = attach(await askForTicket(http.merchant));
  // Its receiver begins to listen when its socket is open, and does not say when that is.
  for (let number = 1; events.length === 0; number += 1) await pay(http.merchant, `seen-${number}`);
  await expect
    .poll(() => events.at(-1)?.type === "@xstate.snapshot" && JSON.stringify(events.at(-1)))
    .toContain('"SUCCESS"');
  const [actor] = events;
  expect(actor).toMatchObject({ type: "@xstate.actor", snapshot: { value: expect.anything() } });
  const definition = actor?.type === "@xstate.actor" ? (JSON.parse(actor.definition ?? "{}") as { id?: string }) : {};
  expect(definition.id).toBe("paymentOrder");
  const own = events.filter(({ sessionId }) => sessionId === actor?.sessionId);
  expect(own.filter(({ type }) => type === "@xstate.actor")).toHaveLength(1);
  expect(own.map(({ type }) => type).slice(-2)).toEqual(["@xstate.event", "@xstate.snapshot"]);
  expect(own.at(-1)).toMatchObject({ event: { type: "psp.succeeded" }, snapshot: { value: "SUCCESS" } });
});

test("a tool that asks for one order sees it at once as it is, and nothing of others and of other merchants", async () => {
  await pay(http.merchant, "only-this");
  const events = attach(await askForTicket(http.merchant, "only-this"));
  await expect.poll(() => events.length).toBe(1);
  expect(events[0]).toMatchObject({ type: "@xstate.actor", name: "only-this", snapshot: { value: "SUCCESS" } });
  const others = attach(await askForTicket(await http.addMerchant()));
  await pay(http.merchant, "not-that");
  // What comes after it has passed by them too.
  const all = attach(await askForTicket(http.merchant));
  for (let number = 1; all.length === 0; number += 1) await pay(http.merchant, `after-${number}`);
  expect(events).toHaveLength(1);
  expect(others).toHaveLength(0);
});

test("nobody attaches without a ticket, with another merchant's, or with one that was changed", async () => {
  const good = new URL(await askForTicket(http.merchant));
  expect(await openStatus(good.href)).toBe(101);
  const stranger = await http.addMerchant();
  for (const [name, value] of [
    ["ticket", ""],
    ["ticket", `${good.searchParams.get("ticket")}x`],
    ["merchant", String(stranger.merchantId)],
    ["merchant", "x"],
  ] as const) {
    const changed = new URL(good);
    changed.searchParams.set(name, value);
    expect(await openStatus(changed.href)).toBe(401);
  }
  const plain = await http.app.request("/console/api/inspect");
  expect(plain.status).toBe(422);
  expect(await openStatus(`ws://${url.host}/v1/payments`)).toBe(404);
});

/** As a tool learns it: a code, and words for the person at it. */
async function endOf(socket: WebSocket): Promise<readonly [number, string]> {
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return [code, reason.toString()];
}

const ENDED = [1_008, "the session has ended: sign in and ask for a new ticket"];

test.each([
  [
    "signs out",
    (_: string, cookie: string) =>
      http.app.request("/console/api/session", { method: "DELETE", headers: { cookie, "x-florin-console": "1" } }),
  ],
  [
    "loses the key",
    (key: string) => http.sql`UPDATE api_keys SET revoked_at = now() WHERE last_four = ${key.slice(-4)}`,
  ],
])("what is attached ends soon after somebody %s, and the ticket opens nothing any more", async (_, leave) => {
  const key = await http.merchant.addKey(["payments:read"]);
  const cookie = await signIn(key);
  const ticket = await askForTicket(http.merchant, undefined, cookie);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const socket = new WebSocket(ticket);
    const end = endOf(socket);
    await once(socket, "open");
    // By then it has been asked for the first time: what follows is found by asking again.
    await pay(http.merchant, `kept-${key.slice(-4)}`);
    await leave(key, cookie);
    vi.advanceTimersByTime(15_000);
    expect(await end).toEqual(ENDED);
  } finally {
    vi.useRealTimers();
  }
  expect(await endOf(new WebSocket(ticket))).toEqual(ENDED);
});
