import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/core/assert.ts";
import { CURRENCIES, exponentOf } from "../../src/core/currencies.ts";
import { exampleAmount, formatAmount, MAX_AMOUNT_MINOR, parseAmount } from "../../src/core/money.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`money: SEED=${SEED}`);

const currency = fc.constantFrom(...CURRENCIES);

describe("an amount in major units", () => {
  test.each([
    { text: "25", currency: "JPY", minor: 25n },
    { text: "500", currency: "JPY", minor: 500n },
    { text: "25.00", currency: "USD", minor: 2_500n },
    { text: "0.01", currency: "EUR", minor: 1n },
    { text: "1.234", currency: "KWD", minor: 1_234n },
    { text: "0.0001", currency: "CLF", minor: 1n },
    { text: "25.0000", currency: "UYW", minor: 250_000n },
  ])("$text $currency is $minor minor units", ({ text, currency, minor }) => {
    expect(parseAmount(text, currency)).toEqual({ kind: "amount", minor });
    expect(formatAmount(minor, currency)).toBe(text);
  });

  test("may be zero: the caller decides on the lower bound", () => {
    expect(parseAmount("0.00", "USD")).toEqual({ kind: "amount", minor: 0n });
    expect(parseAmount("0", "JPY")).toEqual({ kind: "amount", minor: 0n });
  });

  test("is exact above 2^53", () => {
    expect(parseAmount("90071992547409.93", "USD")).toEqual({ kind: "amount", minor: 9_007_199_254_740_993n });
    expect(formatAmount(9_007_199_254_740_993n, "USD")).toBe("90071992547409.93");
    expect(formatAmount(12_345_678_901_234_567_890_123_456_789n, "KWD")).toBe("12345678901234567890123456.789");
  });

  test.each([
    { currency: "JPY", most: "100000000000000000", above: "100000000000000001" },
    { currency: "USD", most: "1000000000000000.00", above: "1000000000000000.01" },
    { currency: "KWD", most: "100000000000000.000", above: "100000000000000.001" },
    { currency: "CLF", most: "10000000000000.0000", above: "10000000000000.0001" },
  ])("is at most $most $currency", ({ currency, most, above }) => {
    expect(parseAmount(most, currency)).toEqual({ kind: "amount", minor: MAX_AMOUNT_MINOR });
    expect(parseAmount(above, currency)).toEqual({ kind: "out-of-range" });
    expect(parseAmount("9".repeat(1_000_000), "JPY")).toMatchObject({ kind: "out-of-range" });
    expect(parseAmount(`${"9".repeat(60)}.00`, "USD")).toMatchObject({ kind: "out-of-range" });
  });

  const REFUSED = {
    USD: ["25", "25.", "25.0", "25.000", "2500", ".25", "0.5", "25,00", "1,000.00", "1_000.00"],
    JPY: ["25.", "25.0", "25.00", "5.5", "1,000"],
    KWD: ["1", "1.2", "1.23", "1.2345"],
    CLF: ["1", "1.00", "1.234", "1.23456"],
  } as const;
  /** Refused whatever the currency. */
  const NEVER = [
    "",
    " ",
    "-",
    "+",
    ".",
    "1e3",
    "1E3",
    "1e-2",
    "0x19",
    "0b1",
    "NaN",
    "Infinity",
    "null",
    "025.00",
    "00",
    "00.00",
    "-25.00",
    "-25",
    "-0.00",
    "+25.00",
    "+25",
    " 25.00",
    "25.00 ",
    "25.00\n",
    "25 .00",
    "\u00a025.00",
    "25.00 USD",
    "$25.00",
    "25.0.0",
    "25..00",
    "25.0o",
    "２５.００",
    "٢٥٫٠٠",
    "25．00",
    "25n",
    "1/2",
    "25'00",
    "\u000025.00",
    "x".repeat(1_000_000),
  ];
  const refused = Object.entries(REFUSED).flatMap(([currency, texts]) =>
    [...texts, ...NEVER].map((text) => ({ currency, text, shown: JSON.stringify(text).slice(0, 20) })),
  );

  test.each(refused)("$shown is refused for $currency, with the form that is expected", ({ text, currency }) => {
    expect(parseAmount(text, currency)).toEqual({ kind: "malformed", expected: exampleAmount(currency) });
  });

  test("is written like the example that a refusal shows", () => {
    for (const code of CURRENCIES) expect(parseAmount(exampleAmount(code), code).kind).toBe("amount");
    expect(["JPY", "USD", "KWD", "CLF"].map(exampleAmount)).toEqual(["25", "25.00", "25.000", "25.0000"]);
  });

  test("of a currency outside the table is a mistake of ours", () => {
    expect(() => parseAmount("25.00", "XXX")).toThrow(InvariantError);
  });
});

describe("formatting", () => {
  test("keeps the sign", () => {
    expect(formatAmount(-5n, "USD")).toBe("-0.05");
    expect(formatAmount(-2_500n, "USD")).toBe("-25.00");
    expect(formatAmount(-5n, "JPY")).toBe("-5");
    expect(formatAmount(0n, "KWD")).toBe("0.000");
  });

  test("gives no digits to a currency outside the table", () => {
    expect(formatAmount(2_500n, "XXX")).toBe("2500");
  });

  test("and reading are inverse, for every amount and currency", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_AMOUNT_MINOR }), currency, (minor, code) => {
        expect(parseAmount(formatAmount(minor, code), code)).toEqual({ kind: "amount", minor });
      }),
      { seed: SEED },
    );
  });

  test("writes exactly the currency's digits, whatever the size and the sign", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }), currency, (minor, code) => {
        const text = formatAmount(minor, code);
        const digits = exponentOf(code) ?? 0;
        expect(text).toMatch(digits === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${digits}}$`));
        expect(BigInt(text.replace(".", ""))).toBe(minor);
      }),
      { seed: SEED },
    );
  });

  test("and only one text reads as one amount", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9.+e-]{0,24}$/), currency, (text, code) => {
        const parsed = parseAmount(text, code);
        if (parsed.kind === "amount") expect(formatAmount(parsed.minor, code)).toBe(text);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
