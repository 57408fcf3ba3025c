import { describe, expect, test } from "vitest";
import { CURRENCIES, exponentOf, isCurrency } from "../../src/core/currencies.ts";

describe("our table of currencies", () => {
  test("holds each code once, sorted, as three upper-case letters", () => {
    expect(new Set(CURRENCIES).size).toBe(CURRENCIES.length);
    expect([...CURRENCIES].sort()).toEqual(CURRENCIES);
    for (const code of CURRENCIES) expect(code).toMatch(/^[A-Z]{3}$/);
  });

  test.each([
    { digits: 0, codes: ["JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "UYI"] },
    { digits: 2, codes: ["USD", "EUR", "GBP", "CHF", "HUF", "TWD", "MGA", "MRU", "HKD", "IDR", "UYU"] },
    { digits: 3, codes: ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"] },
    { digits: 4, codes: ["CLF", "UYW"] },
  ])("gives $digits digits to $codes", ({ digits, codes }) => {
    for (const code of codes) expect([code, exponentOf(code)]).toEqual([code, digits]);
  });

  test.each([
    "usd",
    "Usd",
    " USD",
    "USD ",
    "",
    "US",
    "USDT",
    "EURO",
    "XXX",
    "XAU",
    "XTS",
    "BTC",
    "toString",
    "__proto__",
  ])("does not know %j", (code) => {
    expect(isCurrency(code)).toBe(false);
    expect(exponentOf(code)).toBeNull();
  });

  test("knows a currency exactly when it knows its digits", () => {
    for (const code of CURRENCIES) {
      expect(isCurrency(code)).toBe(true);
      expect(exponentOf(code)).toBeTypeOf("number");
    }
  });
});
