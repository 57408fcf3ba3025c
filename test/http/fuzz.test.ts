/** Ten thousand spoilt requests: each is answered as the document says, none with a fault of ours. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PaymentsService, StoredAnswer } from "../../src/payments/service.ts";
import type { HttpApp } from "../../src/http/app.ts";
import { aPayment, type HttpUnderTest, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
let app: HttpApp;
beforeAll(async () => {
  http = await startHttpUnderTest();
  // The door is under test: behind it stands an answer that was once real.
  const real = await (await http.ask("/v1/payments", { body: aPayment() })).text();
  const order = JSON.stringify(JSON.parse(real).payment_orders[0]);
  const answer = (status: number, body: string): StoredAnswer => ({ status, body, isReplay: false });
  const payments: PaymentsService = {
    create: async () => answer(201, real),
    command: async () => answer(200, order),
    startHosted: async () => {},
    askOnRead: () => {},
  };
  app = http.openFront({ payments });
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

test("mutated payments get an answer of the document, never a fault of ours", async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 0, max: 12 }),
      async (changes, at, how) => {
        const text = damage(JSON.stringify(changes.reduce<unknown>(mutate, FULL)) ?? "", at, how);
        const answer = await http.ask("/v1/payments", { app, body: text });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) expect(await answer.text()).not.toContain("4242424242424242");
      },
    ),
    { numRuns: 10_000 },
  );
  // The mutations reach both sides of the door.
  expect([...statuses.keys()].toSorted()).toEqual(expect.arrayContaining([201, 400, 422]));
  expect(http.logged()).not.toContain("4242424242424242");
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
          app,
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
