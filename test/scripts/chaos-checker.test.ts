/** A checker that never finds anything proves nothing: each property has a world in which it is violated. */
import { describe, expect, test } from "vitest";
import { judgeRun } from "../../scripts/chaos/checker/check.ts";
import type { Delivery, EventRow, Facts, OrderRow, PostingRow, StepRow } from "../../scripts/chaos/checker/facts.ts";

const ASKED = {
  payment_order_id: "po_1",
  seller_account: "s1",
  amount: "10.00",
  currency: "USD",
  platform_fee: "0.30",
};

const ORDER: OrderRow = {
  id: "order",
  merchantId: 1,
  paymentOrderId: "po_1",
  checkoutId: "chk_1",
  seller: "s1",
  amount: "1000",
  currency: "USD",
  fee: "30",
  psp: "simulator",
  status: "SUCCESS",
  phase: null,
  version: 2,
  owner: null,
  lateOpen: 0,
  isQuarantined: false,
  hasTimer: false,
};

const STEPS: readonly StepRow[] = [
  { orderId: "order", seq: 1, from: "NOT_STARTED", to: "EXECUTING.sending" },
  { orderId: "order", seq: 2, from: "EXECUTING.sending", to: "SUCCESS" },
];

const CREATED: EventRow = { subjectId: "order", type: "payment_order.created", orderVersion: 1, position: 1 };
const SUCCEEDED: EventRow = { subjectId: "order", type: "payment_order.succeeded", orderVersion: 2, position: 2 };
const DONE: EventRow = { subjectId: "event", type: "payment_event.done", orderVersion: null, position: 3 };
const CHARGE = { id: "ch_1", orderId: "order", amount: "1000", currency: "USD", status: "succeeded" };
const ENTRY = { orderId: "order", seq: 2, rule: "pay_in", reference: "ch_1" };

const toBody = (type: string, version: number | null, object: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    type,
    order_version: version,
    data: { object: { checkout_id: "chk_1", status: "SUCCESS", ...object } },
  });
const tell = (changes: Readonly<Record<string, string>>, type = "payment_order.succeeded", version = 2): string =>
  toBody(type, version, { ...ASKED, ...changes });
const HEARD: readonly Delivery[] = [
  { id: "evt_1", body: tell({}), isRefused: false, isSigned: true },
  { id: "evt_2", body: toBody("payment_event.done", null, {}), isRefused: false, isSigned: true },
  { id: "evt_0", body: tell({ status: "EXECUTING" }, "payment_order.created", 1), isRefused: false, isSigned: true },
];
const heardAs = (changes: Partial<Delivery>): Partial<Facts> => ({
  deliveries: HEARD.map((one, index) => (index === 0 ? { ...one, ...changes } : one)),
});

const CLEARING = "psp:simulator:clearing";
const PAID = { merchantId: 1, orderId: "order", seq: 2, currency: "USD", debit: CLEARING };
const TO_SELLER: PostingRow = { ...PAID, credit: "seller:s1:payable", amount: "970" };
const TO_PLATFORM: PostingRow = { ...PAID, credit: "platform:fees", amount: "30" };
/** The books of what was posted. */
const post = (...postings: readonly PostingRow[]): Partial<Facts> => ({ postings });

/** One order that was asked for, acknowledged, charged, booked and told. */
const GOOD: Facts = {
  acknowledged: [
    {
      key: "key",
      status: 201,
      request: JSON.stringify({ checkout_id: "chk_1", payment_orders: [ASKED] }),
      answer: JSON.stringify({ checkout_id: "chk_1", payment_orders: [{ ...ASKED, status: "SUCCESS" }] }),
    },
  ],
  orders: [ORDER],
  checkouts: [{ id: "event", checkoutId: "chk_1", isDone: true }],
  steps: STEPS,
  events: [CREATED, SUCCEEDED, DONE],
  entries: [ENTRY],
  postings: [TO_SELLER, TO_PLATFORM],
  accounts: [
    { merchantId: 1, currency: "USD", account: CLEARING, debits: "1000", credits: "0" },
    { merchantId: 1, currency: "USD", account: "seller:s1:payable", debits: "0", credits: "970" },
    { merchantId: 1, currency: "USD", account: "platform:fees", debits: "0", credits: "30" },
  ],
  unhandledMail: [],
  effects: [CHARGE],
  deliveries: HEARD,
};

const violated = (facts: Partial<Facts>): readonly string[] =>
  judgeRun({ ...GOOD, ...facts })
    .filter(({ violations }) => violations.length > 0)
    .map(({ property }) => property);

const withOrder = (changes: Partial<OrderRow>): Partial<Facts> => ({ orders: [{ ...ORDER, ...changes }] });

const ACCOUNTS = "a booking goes to the accounts that its rule names";
const POSITIONS = "positions of events are gapless, and rise with an order's version";
const TOLD = "a webhook tells its order as it is";

test("a payment that went well violates nothing, and every property was tried", () => {
  expect(violated({})).toEqual([]);
  const untried = judgeRun(GOOD).filter(({ tried }) => tried === 0);
  expect(untried.map(({ property }) => property)).toEqual(["an unknown outcome becomes known"]);
});

test.each<readonly [what: string, facts: Partial<Facts>, property: string]>([
  ["a lost order", { orders: [] }, "an acknowledged order is there"],
  ["a changed amount", withOrder({ amount: "1001" }), "its terms are those that were asked for and answered"],
  ["an order of nobody", { acknowledged: [] }, "an order that is there was asked for"],
  [
    "a charge in no book",
    { entries: [], postings: [] },
    "a charge at the PSP is booked once, in suspense, or in a queue",
  ],
  [
    "a charge that is booked twice",
    { entries: [ENTRY, { ...ENTRY, seq: 3 }] },
    "a charge at the PSP is booked once, in suspense, or in a queue",
  ],
  [
    "a charge that is booked with another amount",
    { effects: [{ ...CHARGE, amount: "999" }] },
    "a charge at the PSP is booked once, in suspense, or in a queue",
  ],
  [
    "a charge that is booked to another order",
    { entries: [{ ...ENTRY, orderId: "other" }] },
    "a charge at the PSP is booked once, in suspense, or in a queue",
  ],
  ["a second charge", { effects: [CHARGE, { ...CHARGE, id: "ch_2" }] }, "an order is charged once at most"],
  ["a booking without a charge", { effects: [] }, "a booking has its charge at the PSP"],
  [
    "a charge that the PSP declined in the end",
    { effects: [{ ...CHARGE, status: "declined" }] },
    "a booking has its charge at the PSP",
  ],
  ["a booked order that failed", withOrder({ status: "FAILED" }), "an order says what is booked to it"],
  ["late money that is not shown", withOrder({ lateOpen: 1 }), "an order says what is booked to it"],
  [
    "an account that drifted",
    { accounts: GOOD.accounts.map((account) => ({ ...account, debits: `${account.debits}0` })) },
    "an account is the sum of its postings",
  ],
  ["an account without its row", { accounts: GOOD.accounts.slice(1) }, "the books of a currency balance"],
  ["a missing step", { steps: STEPS.slice(1) }, "an order's steps are whole and lead to its state"],
  ["a state that no step led to", withOrder({ status: "FAILED" }), "an order's steps are whole and lead to its state"],
  ["an event that nobody wrote", { events: [CREATED, DONE] }, "a merchant's events of an order are complete"],
  [
    "an event that is there twice",
    { events: [CREATED, SUCCEEDED, SUCCEEDED, DONE] },
    "a merchant's events of an order are complete",
  ],
  [
    "a done that is told twice",
    { events: [CREATED, SUCCEEDED, DONE, DONE] },
    "a checkout is done when all its orders are, once",
  ],
  [
    "an order that nobody moves",
    withOrder({ status: "EXECUTING", phase: "pending" }),
    "an order has ended or stands in a queue",
  ],
  ["an order that a dead node keeps", withOrder({ owner: "node" }), "an order has ended or stands in a queue"],
  [
    "an outcome that stays unknown",
    withOrder({ status: "EXECUTING", phase: "resolving", hasTimer: true }),
    "an unknown outcome becomes known",
  ],
  ["an event that nobody was told of", { deliveries: HEARD.slice(1) }, "a merchant hears of every event by webhook"],
  [
    "an event that was refused and never came again",
    heardAs({ isRefused: true }),
    "a merchant hears of every event by webhook",
  ],
  [
    "a webhook of an event that is in no table",
    heardAs({ body: tell({}, "payment_order.failed", 3) }),
    "a webhook tells of an event that is there",
  ],
  [
    "a webhook without a signature",
    heardAs({ isSigned: false }),
    "a webhook is signed, and comes again with the same bytes",
  ],
  [
    "a webhook that comes again with other bytes",
    { deliveries: [...HEARD, { ...HEARD[0], id: "evt_2" } as Delivery] },
    "a webhook is signed, and comes again with the same bytes",
  ],
  [
    "a merchant who believes what is no longer true",
    heardAs({ body: tell({ status: "EXECUTING" }) }),
    "the newest webhook of an order that has ended says how",
  ],
  [
    "a webhook that nobody took in",
    { unhandledMail: ["webhook evt_1"] },
    "what the PSP said and what was commanded was taken in",
  ],
  ["a run in which nothing was ordered", { orders: [] }, "there is something to judge"],
  ["a run in which nothing was charged", { effects: [] }, "there is something to judge"],
  ["a run in which nothing was booked", { entries: [] }, "there is something to judge"],
  ["a run in which no merchant heard anything", { deliveries: [] }, "there is something to judge"],
  [
    "a client who was told of another end",
    withOrder({ status: "FAILED" }),
    "an end that was answered is the order's end",
  ],
  ["a fee that the seller got", post({ ...TO_SELLER, amount: "1000" }), ACCOUNTS],
  ["another seller's money", post({ ...TO_SELLER, credit: "seller:s2:payable" }, TO_PLATFORM), ACCOUNTS],
  ["a payment in suspense", post({ ...PAID, credit: "suspense", amount: "1000" }), ACCOUNTS],
  ["money of another PSP", post({ ...TO_SELLER, debit: "psp:other:clearing" }, TO_PLATFORM), ACCOUNTS],
  ["late money in a wallet", { entries: [{ ...ENTRY, rule: "late_success" }] }, ACCOUNTS],
  [
    "an order whose creation is not told",
    { events: [SUCCEEDED, DONE] },
    "a merchant's events of an order are complete",
  ],
  ["an event without a position", { events: [{ ...CREATED, position: null }, SUCCEEDED, DONE] }, POSITIONS],
  ["two events of one position", { events: [CREATED, { ...SUCCEEDED, position: 1 }, DONE] }, POSITIONS],
  ["a gap between two events", { events: [CREATED, SUCCEEDED, { ...DONE, position: 4 }] }, POSITIONS],
  [
    "an older event after a newer",
    { events: [{ ...CREATED, position: 2 }, { ...SUCCEEDED, position: 1 }, DONE] },
    POSITIONS,
  ],
  ["a webhook with another amount", heardAs({ body: tell({ amount: "10.01" }) }), TOLD],
  ["a webhook with another currency", heardAs({ body: tell({ currency: "EUR" }) }), TOLD],
  ["a webhook with another seller", heardAs({ body: tell({ seller_account: "s2" }) }), TOLD],
  ["a success that is told as under way", heardAs({ body: tell({ status: "EXECUTING" }) }), TOLD],
  ["an end that is none", heardAs({ body: tell({ status: "FAILED" }, "payment_order.created", 1) }), TOLD],
])("%s is found", (_, facts, property) => {
  expect(violated(facts)).toContain(property);
});

test("a second charge of an order is no double payment when it stands in suspense", () => {
  const facts: Partial<Facts> = {
    ...withOrder({ lateOpen: 1 }),
    effects: [CHARGE, { ...CHARGE, id: "ch_2" }],
    entries: [ENTRY, { ...ENTRY, seq: 3, rule: "late_success", reference: "ch_2" }],
    postings: [...GOOD.postings, { ...PAID, seq: 3, credit: "suspense", amount: "1000" }],
    accounts: [
      { merchantId: 1, currency: "USD", account: CLEARING, debits: "2000", credits: "0" },
      ...GOOD.accounts.slice(1),
      { merchantId: 1, currency: "USD", account: "suspense", debits: "0", credits: "1000" },
    ],
  };
  expect(violated(facts)).toEqual([]);
});

describe("what a charge took beyond what was booked", () => {
  const excess: Partial<Facts> = {
    ...withOrder({ lateOpen: 1 }),
    effects: [{ ...CHARGE, amount: "1200" }],
    entries: [ENTRY, { ...ENTRY, seq: 3, rule: "late_success", reference: "ch_1#excess" }],
    postings: [...GOOD.postings, { ...PAID, seq: 3, credit: "suspense", amount: "200" }],
    accounts: [
      { merchantId: 1, currency: "USD", account: CLEARING, debits: "1200", credits: "0" },
      ...GOOD.accounts.slice(1),
      { merchantId: 1, currency: "USD", account: "suspense", debits: "0", credits: "200" },
    ],
  };

  test("makes the charge with what was booked before", () => {
    expect(violated(excess)).toEqual([]);
  });

  test("is not taken for the whole", () => {
    expect(violated({ ...excess, effects: [{ ...CHARGE, amount: "200" }] })).toContain(
      "a charge at the PSP is booked once, in suspense, or in a queue",
    );
  });

  test("does not hide a second charge", () => {
    const twice = {
      ...excess,
      effects: [
        { ...CHARGE, amount: "1200" },
        { ...CHARGE, id: "ch_2" },
      ],
    };
    expect(violated(twice)).toContain("an order is charged once at most");
  });

  test("is not booked twice", () => {
    const twice = { ...excess, entries: [...(excess.entries ?? []), ...(excess.entries ?? []).slice(1)] };
    expect(violated(twice)).toContain("a charge at the PSP is booked once, in suspense, or in a queue");
  });
});
