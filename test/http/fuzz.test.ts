/**
 * Ten thousand spoilt requests to the real processor: each is answered as the document says, none with a fault of ours,
 * and whatever they made is in the books and at the PSP, once.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectIntegrity } from "../support/integrity.ts";
import type { JsonObject } from "../support/json-schema.ts";
import { type AskInit, bodyOf, type HttpUnderTest, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
beforeAll(async () => {
  http = await startHttpUnderTest();
  const first = await http.ask("/v1/payments", { body: FULL, headers: { "idempotency-key": TAKEN_KEY } });
  expect(first.status).toBe(201);
});
afterAll(() => http.close());

const FULL = {
  checkout_id: "chk_1",
  buyer_info: { id: "b1", email: "b@example.com", name: "B", country: "DE" },
  payment_method: { token: "pm_card_visa" },
  capture_method: "automatic",
  payment_orders: [
    {
      payment_order_id: "po_1",
      seller_account: "s1",
      amount: "100.00",
      currency: "USD",
      platform_fee: "3.00",
      description: "…",
      metadata: { a: "b" },
    },
    { payment_order_id: "po_2", seller_account: "s2", amount: "500", currency: "JPY" },
  ],
  return_url: "https://shop.example/done",
  metadata: { cart: "17" },
};

const TAKEN_KEY = "taken";

const nasty = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1e308,
  "",
  " ",
  "\u0000",
  "\ud800",
  "\u202e",
  "25",
  "1e3",
  "NaN",
  "99999999999999999999999999999999999999999.99",
  "4242424242424242",
  "x".repeat(3_000),
  [],
  [[]],
  {},
  { toString: "x" },
  { constructor: 1 },
  "__proto__",
  "javascript:alert(1)",
  "http://",
  "https://[::1",
  "usd",
  "XXX",
  "manual",
);

type Path = readonly (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]))];
}

const PATHS = pathsOf(FULL);

type Mutation =
  | { readonly kind: "set"; readonly path: Path; readonly value: unknown }
  | { readonly kind: "remove"; readonly path: Path }
  | { readonly kind: "add"; readonly path: Path; readonly key: string; readonly value: unknown };

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    kind: fc.constant("set" as const),
    path: fc.constantFrom(...PATHS),
    value: fc.oneof(nasty, fc.jsonValue()),
  }),
  fc.record({ kind: fc.constant("remove" as const), path: fc.constantFrom(...PATHS) }),
  fc.record({
    kind: fc.constant("add" as const),
    path: fc.constantFrom(...PATHS),
    key: fc.oneof(
      fc.constantFrom("__proto__", "constructor", "amount", "type", "a/b", "~", "4242424242424242"),
      fc.string({ maxLength: 60 }),
    ),
    value: nasty,
  }),
);

function mutate(body: unknown, change: Mutation): unknown {
  if (change.path.length === 0) return change.kind === "set" ? change.value : body;
  const [first = "", ...rest] = change.path;
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, first)) return body;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(body) ? [...body] : { ...body };
  const inside = Reflect.get(copy, first);
  if (rest.length > 0) Reflect.set(copy, first, mutate(inside, { ...change, path: rest }));
  else if (change.kind === "remove") Reflect.deleteProperty(copy, first);
  else if (change.kind === "set") Reflect.set(copy, first, change.value);
  else if (typeof inside === "object" && inside !== null) {
    Reflect.set(
      copy,
      first,
      Object.defineProperty({ ...inside }, change.key, { value: change.value, enumerable: true }),
    );
  }
  return copy;
}

/** Spoils the text itself: cuts, doubles, swaps bytes. */
function damage(text: string, at: number, how: number): string {
  const place = Math.floor(at * text.length);
  switch (how) {
    case 0:
      return text.slice(0, place);
    case 1:
      return text.slice(0, place) + text[place] + text.slice(place);
    case 2:
      return `${text.slice(0, place)}\u0000${text.slice(place + 1)}`;
    default:
      return text;
  }
}

/** Most requests are checkouts of their own; some claim the ids or the idempotency key of the first. */
type Ids = "own" | "taken checkout" | "taken orders" | "taken key";

interface Spoilt {
  readonly changes: readonly Mutation[];
  readonly at: number;
  readonly how: number;
  readonly ids: Ids;
  readonly waits: boolean;
}

const spoilt: fc.Arbitrary<Spoilt> = fc.record({
  changes: fc.array(mutation, { minLength: 1, maxLength: 3 }),
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  how: fc.integer({ min: 0, max: 12 }),
  ids: fc.oneof(
    { weight: 9, arbitrary: fc.constant("own" as const) },
    { weight: 1, arbitrary: fc.constantFrom("taken checkout" as const, "taken orders" as const, "taken key" as const) },
  ),
  waits: fc.boolean(),
});

let requestsMade = 0;

function toRequest({ changes, at, how, ids, waits }: Spoilt): AskInit {
  requestsMade += 1;
  const whole = {
    ...FULL,
    ...(ids === "taken checkout" ? {} : { checkout_id: `own_${requestsMade}` }),
    payment_orders: FULL.payment_orders.map((order, index) => ({
      ...order,
      ...(ids === "own" || ids === "taken key" ? { payment_order_id: `own_${requestsMade}_${index}` } : {}),
    })),
  };
  return {
    body: damage(JSON.stringify(changes.reduce<unknown>(mutate, whole)) ?? "", at, how),
    headers: {
      ...(waits ? { prefer: "wait=5" } : {}),
      ...(ids === "taken key" ? { "idempotency-key": TAKEN_KEY } : {}),
    },
  };
}

const BATCHES = 500;
/** So many at once: they share commits, and are quicker. */
const IN_FLIGHT = 20;

test("mutated payments get an answer of the document, never a fault of ours", { timeout: 120_000 }, async () => {
  const statuses = new Map<number, number>();
  const codes = new Set<unknown>();

  async function send(request: AskInit): Promise<void> {
    const answer = await http.ask("/v1/payments", request);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    expect(answer.status).toBeLessThan(500);
    if (answer.status < 400) return;
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    const text = await answer.text();
    expect(text).not.toContain("4242424242424242");
    const { code } = JSON.parse(text) as JsonObject;
    expect(code).toEqual(expect.stringMatching(/^[a-z-]+$/));
    codes.add(code);
  }

  await fc.assert(
    fc.asyncProperty(fc.array(spoilt, { minLength: IN_FLIGHT, maxLength: IN_FLIGHT }), async (batch) => {
      await Promise.all(batch.map(toRequest).map(send));
    }),
    { numRuns: BATCHES },
  );
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(10_000);
  // The mutations reach both sides of the door, and what stands behind it.
  expect([...statuses.keys()]).toEqual(expect.arrayContaining([201, 400, 409, 422]));
  expect([...codes]).toEqual(
    expect.arrayContaining(["checkout-conflict", "payment-order-conflict", "idempotency-key-reused"]),
  );
  expect(http.logged()).not.toContain("4242424242424242");

  const counts = await expectIntegrity({ sql: http.sql, psp: { url: http.simulator.url } });
  expect(counts["effects booked"]).toBeGreaterThan(1_000);
  for (const path of ["/v1/ledger/trial-balance", "/v1/ledger/trial-balance?at=2099-01-01T00:00:00Z"]) {
    const { currencies } = await bodyOf(await http.ask(path));
    const differences = (currencies as readonly JsonObject[]).map(({ difference }) => Number(difference));
    expect(new Set(differences)).toEqual(new Set([0]));
  }
});

test("strange addresses and headers get an answer of the document, never a fault of ours", async () => {
  const segment = fc.oneof(
    fc.constantFrom(
      "po_1",
      "..",
      "%2e%2e",
      "%00",
      "%ff",
      "4242424242424242",
      "'; DROP TABLE payments",
      "a".repeat(300),
      "{}",
      "é",
    ),
    fc.webSegment(),
  );
  const path = fc
    .tuple(
      fc.constantFrom(
        "/v1/payments",
        "/v1/checkouts",
        "/v1/queues",
        "/v1/sellers",
        "/v1/ledger/accounts",
        "/v1/api_keys",
        "/pay",
        "/problems",
        "/psp",
      ),
      segment,
      fc.constantFrom(
        "",
        "/timeline",
        "/explain",
        "/cancel",
        "/retry",
        "/resolve",
        "/lines",
        "/balances",
        "/statement",
        "/webhooks",
        "/return",
      ),
      fc.constantFrom(
        "",
        "?limit=5",
        "?limit=-1",
        "?cursor=x.y",
        "?cursor=e30.AAAA",
        "?currency=USD",
        "?currency=%00",
        "?m=1&s=2",
        "?limit=1&limit=2",
        "?=&&=",
      ),
    )
    .map((parts) => parts.join(""));
  const headerText = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 300,
  });
  await fc.assert(
    fc.asyncProperty(
      path,
      fc.constantFrom("GET", "POST", "DELETE", "PUT"),
      headerText,
      fc.constantFrom("idempotency-key", "prefer", "x-request-id", "content-type"),
      async (address, method, text, header) => {
        const url = new URL(address, "http://x");
        const answer = await http.ask(url.pathname + url.search, {
          method,
          headers: { [header]: text },
          ...(method === "POST" ? { body: "{}" } : {}),
        });
        expect(answer.status === 503 || answer.status < 500).toBe(true);
      },
    ),
    { numRuns: 3_000 },
  );
});
