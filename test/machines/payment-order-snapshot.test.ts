/** What can't be trusted is never guessed at: a damaged snapshot comes back with a reason, and not as some other state. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAYMENT_ORDER_MACHINE } from "../../machines/payment-order.ts";
import { restoreSnapshot, toStoredSnapshot } from "../../src/payments/payment-order-snapshot.ts";
import { type GivenName, GIVENS } from "./payment-order-table/givens.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`payment order snapshots: SEED=${SEED}`);

type Json = Record<string, unknown>;

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A parked order: most of its memory is in use. */
function stored(given: GivenName = "parked: amount differs, with ch_2 in suspense"): {
  readonly whole: Json;
  readonly context: Json;
} {
  const whole: unknown = JSON.parse(JSON.stringify(toStoredSnapshot(GIVENS[given]().snapshot)));
  if (!isRecord(whole) || !isRecord(whole.context)) throw new Error("a stored snapshot is an object with a context");
  return { whole, context: whole.context };
}
const withContext = (over: Json): Json => {
  const { whole, context } = stored();
  return { ...whole, context: { ...context, ...over } };
};
const without = (record: Json, key: string): Json =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));

const givenNames = Object.keys(GIVENS).filter((name): name is GivenName => name in GIVENS);

describe("a stored snapshot", () => {
  test.each(givenNames)("comes back as it was: %s", (given) => {
    const { snapshot } = GIVENS[given]();
    const restored = restoreSnapshot(JSON.parse(JSON.stringify(toStoredSnapshot(snapshot))));
    if (restored.kind !== "restored") throw new Error(restored.reason);
    expect(toStoredSnapshot(restored.snapshot)).toEqual(toStoredSnapshot(snapshot));
    expect(restored.snapshot.status).toBe("active");
    expect([...restored.snapshot.tags]).toEqual([...snapshot.tags]);
  });

  test("names its machine and version", () => {
    expect(stored().whole).toMatchObject({ machine: PAYMENT_ORDER_MACHINE.id, version: PAYMENT_ORDER_MACHINE.version });
  });

  test("holds money above 2^53 exactly", () => {
    const restored = restoreSnapshot(withContext({ amount: "100000000000000001" }));
    if (restored.kind !== "restored") throw new Error(restored.reason);
    expect(restored.snapshot.context.amount).toBe("100000000000000001");
  });
});

const { whole, context } = stored();
const damaged: readonly { readonly what: string; readonly is: unknown; readonly because: RegExp }[] = [
  { what: "nothing (null)", is: null, because: /^snapshot: / },
  { what: "nothing (undefined)", is: undefined, because: /^snapshot: / },
  { what: "a text", is: JSON.stringify(whole), because: /^snapshot: / },
  { what: "a number", is: 7, because: /^snapshot: / },
  { what: "a list", is: [whole], because: /^snapshot: / },
  { what: "an empty object", is: {}, because: /^machine: / },
  { what: "of another machine", is: { ...whole, machine: "refund" }, because: /^machine: / },
  { what: "without a machine", is: without(whole, "machine"), because: /^machine: / },
  { what: "of a later version", is: { ...whole, version: 2 }, because: /machine version 2 is unknown/ },
  { what: "of no version", is: { ...whole, version: 0 }, because: /machine version 0 is unknown/ },
  { what: "without a version", is: without(whole, "version"), because: /^version: / },
  { what: "with a version that is a text", is: { ...whole, version: "1" }, because: /^version: / },
  { what: "in an unknown state", is: { ...whole, value: "PAID" }, because: /^value: / },
  { what: "in an unknown phase", is: { ...whole, value: { EXECUTING: "dreaming" } }, because: /^value: / },
  { what: "in EXECUTING without a phase", is: { ...whole, value: "EXECUTING" }, because: /^value: / },
  { what: "in a phase without EXECUTING", is: { ...whole, value: "parked" }, because: /^value: / },
  { what: "without a state", is: without(whole, "value"), because: /^value: / },
  { what: "in the state null", is: { ...whole, value: null }, because: /^value: / },
  { what: "without a context", is: without(whole, "context"), because: /^context: / },
  { what: "with the context null", is: { ...whole, context: null }, because: /^context: / },
  { what: "with a context that is a list", is: { ...whole, context: [] }, because: /^context: / },
];

/** For each field of the context: values that it can't have. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  amount: [100, "1.00", "-1", "", "1e3", null, "9".repeat(31)],
  platformFee: [0, "0.3", null],
  captured: [0, "-1", null],
  currency: [null, 840],
  psp: [null, {}],
  policy: ["hasty", null, "toString"],
  settleTimeMs: [-1, 0.5, "3000", null],
  keyLifetimeMs: [-1, null],
  operation: [-1, 1.5, "1", null],
  attempt: [-1, "1", null],
  sends: ["0", null],
  operationSends: [-1, null],
  budgetUsed: [-1, null],
  asks: [-1, null],
  call: [{ attempt: 1, kind: "refund", at: 0 }, { attempt: 1, kind: "charge" }, "charge", 1],
  keySince: ["now", false],
  unknownSince: ["now", {}],
  timer: [{ name: "nap", dueAt: 0 }, { name: "retry", dueAt: "soon" }, { name: "retry" }, []],
  cancelRequested: ["false", null, 0],
  reference: [7, {}],
  nextActionUrl: [7, {}],
  failure: [{ code: "x" }, "declined", { code: "x", message: "x", declineCode: null, retryable: "no" }],
  held: [{ reference: "ch_1", amount: 90, currency: "USD" }, { reference: "ch_1" }, "ch_1"],
  late: [null, {}, [null], [{ reference: "ch_1", amount: 90, currency: "USD" }]],
  parked: [{ reason: "tired", since: 0 }, { reason: "retries_spent" }, "retries_spent"],
};
const wrongFields = Object.entries(WRONG).flatMap(([field, values]) =>
  values.map((value) => ({
    what: `with ${field} ${JSON.stringify(value)}`,
    is: withContext({ [field]: value }),
    field,
  })),
);

describe("a damaged snapshot is unreadable, and says why:", () => {
  test.each(damaged)("$what", ({ is, because }) => {
    const result = restoreSnapshot(is);
    expect(result.kind).toBe("unreadable");
    if (result.kind === "unreadable") expect(result.reason).toMatch(because);
  });

  test.each(Object.keys(context))("without %s in the context", (field) => {
    const result = restoreSnapshot({ ...whole, context: without(context, field) });
    expect(result.kind).toBe("unreadable");
    if (result.kind === "unreadable") expect(result.reason).toContain(`context.${field}`);
  });

  test("every field of the context has wrong values below", () => {
    expect(Object.keys(WRONG).sort()).toEqual(Object.keys(context).sort());
  });

  test.each(wrongFields)("$what", ({ is, field }) => {
    const result = restoreSnapshot(is);
    expect(result.kind).toBe("unreadable");
    if (result.kind === "unreadable") expect(result.reason).toContain(`context.${field}`);
  });

  test("whatever JSON lies in the column: no exception, and never a state that was not stored", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(restoreSnapshot(json).kind).toBe("unreadable");
      }),
      { seed: SEED },
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(whole)), fc.jsonValue(), (key, json) => {
        const result = restoreSnapshot({ ...whole, [key]: json });
        if (result.kind === "restored") expect(toStoredSnapshot(result.snapshot)).toEqual({ ...whole, [key]: json });
      }),
      { seed: SEED },
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(context)), fc.jsonValue(), (key, json) => {
        const result = restoreSnapshot(withContext({ [key]: json }));
        if (result.kind === "restored") expect(toStoredSnapshot(result.snapshot)).toEqual(withContext({ [key]: json }));
      }),
      { seed: SEED },
    );
  });
});
