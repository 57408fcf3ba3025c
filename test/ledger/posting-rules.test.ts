import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/core/assert.ts";
import { MAX_AMOUNT_MINOR } from "../../src/core/money.ts";
import {
  PLATFORM_FEES,
  type PayIn,
  type Posting,
  postLateSuccess,
  postPayIn,
  pspClearing,
  SUSPENSE,
  sellerPayable,
  sellerReserved,
} from "../../src/ledger/posting-rules.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`posting rules: SEED=${SEED}`);

const aPayIn = (over: Partial<PayIn> = {}): PayIn => ({
  psp: "simulator",
  seller: "s1",
  currency: "USD",
  amountMinor: 10_000n,
  platformFeeMinor: 300n,
  ...over,
});

/** `clearing → payable 9700`, as the design writes it. */
const show = ({ debit, credit, amountMinor, currency }: Posting): string =>
  `${debit.name} → ${credit.name} ${amountMinor} ${currency}`;

const payIn = fc.record({
  amountMinor: fc.bigInt({ min: 1n, max: MAX_AMOUNT_MINOR }),
  platformFeeMinor: fc.bigInt({ min: 0n, max: MAX_AMOUNT_MINOR }),
});

describe("the accounts", () => {
  test("have the names and kinds of the chart of accounts", () => {
    expect(pspClearing("stripe_eu")).toEqual({ name: "psp:stripe_eu:clearing", kind: "asset" });
    expect(sellerPayable("s1")).toEqual({ name: "seller:s1:payable", kind: "liability" });
    expect(sellerReserved("s1")).toEqual({ name: "seller:s1:reserved", kind: "liability" });
    expect(PLATFORM_FEES).toEqual({ name: "platform:fees", kind: "revenue" });
    expect(SUSPENSE).toEqual({ name: "suspense", kind: "clearing" });
  });
});

describe("a pay-in", () => {
  test("of 100 with a fee of 3 gives 97 to the seller and 3 to us", () => {
    expect(postPayIn(aPayIn()).map(show)).toEqual([
      "psp:simulator:clearing → seller:s1:payable 9700 USD",
      "psp:simulator:clearing → platform:fees 300 USD",
    ]);
  });

  test("without a fee has no leg of zero", () => {
    expect(postPayIn(aPayIn({ platformFeeMinor: 0n })).map(show)).toEqual([
      "psp:simulator:clearing → seller:s1:payable 10000 USD",
    ]);
  });

  test("that is all fee has no leg of zero", () => {
    expect(postPayIn(aPayIn({ platformFeeMinor: 10_000n })).map(show)).toEqual([
      "psp:simulator:clearing → platform:fees 10000 USD",
    ]);
  });

  test("of less than the fee gives us what came in, and the seller no debt", () => {
    expect(postPayIn(aPayIn({ amountMinor: 200n })).map(show)).toEqual([
      "psp:simulator:clearing → platform:fees 200 USD",
    ]);
  });

  test("posts what came in, to the unit, in amounts above zero and in one currency", () => {
    fc.assert(
      fc.property(payIn, ({ amountMinor, platformFeeMinor }) => {
        const postings = postPayIn(aPayIn({ amountMinor, platformFeeMinor, currency: "KWD" }));
        expect(postings.reduce((sum, posting) => sum + posting.amountMinor, 0n)).toBe(amountMinor);
        for (const posting of postings) {
          expect(posting.amountMinor > 0n).toBe(true);
          expect(posting.currency).toBe("KWD");
          expect(posting.debit).toEqual(pspClearing("simulator"));
        }
        const fee = postings.find(({ credit }) => credit === PLATFORM_FEES)?.amountMinor ?? 0n;
        expect(fee).toBe(platformFeeMinor < amountMinor ? platformFeeMinor : amountMinor);
      }),
      { seed: SEED },
    );
  });

  test("of nothing posts nothing", () => {
    expect(postPayIn(aPayIn({ amountMinor: 0n, platformFeeMinor: 0n }))).toEqual([]);
  });

  test("of a negative amount or with a negative fee is a mistake of ours", () => {
    expect(() => postPayIn(aPayIn({ amountMinor: -1n, platformFeeMinor: 0n }))).toThrow(InvariantError);
    expect(() => postPayIn(aPayIn({ platformFeeMinor: -1n }))).toThrow(InvariantError);
  });
});

describe("a late success", () => {
  test("goes to suspense in the currency that was taken, and to nobody's wallet", () => {
    expect(postLateSuccess({ psp: "simulator", currency: "EUR", amountMinor: 9_000n }).map(show)).toEqual([
      "psp:simulator:clearing → suspense 9000 EUR",
    ]);
  });

  test("of nothing posts nothing, and of less is a mistake of ours", () => {
    expect(postLateSuccess({ psp: "simulator", currency: "EUR", amountMinor: 0n })).toEqual([]);
    expect(() => postLateSuccess({ psp: "simulator", currency: "EUR", amountMinor: -1n })).toThrow(InvariantError);
  });
});
