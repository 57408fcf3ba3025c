/** Which texts are taken for card numbers. Errors in one direction leak cards, in the other they refuse honest ids. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromPublicId, toPublicId, toUuid } from "../../src/core/ids.ts";
import { containsCardNumber } from "../../src/http/body/card-guard.ts";
import { isPlainJson } from "../../src/http/body/text-guards.ts";

const PREFIXES = [
  "4",
  "51",
  "55",
  "2221",
  "2720",
  "34",
  "37",
  "6011",
  "65",
  "300",
  "36",
  "3528",
  "62",
  "5018",
  "6304",
  "2200",
];

/** The digit that makes the Luhn sum valid. */
function checkDigit(body: string): number {
  let sum = 0;
  for (let index = 0; index < body.length; index += 1) {
    const digit = Number(body[body.length - 1 - index]);
    sum += index % 2 === 0 ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return (10 - (sum % 10)) % 10;
}

const cardNumber = fc
  .record({
    prefix: fc.constantFrom(...PREFIXES),
    length: fc.integer({ min: 13, max: 19 }),
    seed: fc.bigInt({ min: 0n, max: 10n ** 19n }),
  })
  .map(({ prefix, length, seed }) => {
    const body = (prefix + seed.toString().padStart(20, "7")).slice(0, length - 1);
    return body + checkDigit(body);
  });

const toFullWidth = (text: string): string =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
const toArabic = (text: string): string => text.replace(/\d/g, (digit) => String.fromCodePoint(0x0660 + Number(digit)));
const separate = (text: string, by: string): string => text.replace(/(\d{4})(?=\d)/g, `$1${by}`);

describe("a card number is found", () => {
  test.each([
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4242.4242.4242.4242",
    "4242 - 4242 - 4242 - 4242",
    "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
    "3782 822463 10005",
    "po_4242424242424242",
    "card:5555555555554444,exp 12/26",
    "12 4242 4242 4242 4242 99",
    "4242\u00a04242\u20094242\u202f4242",
    "4242\u200b4242\u200b4242\u200b4242",
    "4242\u20134242\u20144242\u22124242",
    "４２４２４２４２４２４２４２４２",
    "４２４２　４２４２　４２４２　４２４２",
    "a@4242424242424242.example",
    "https://shop.example/?n=4242424242424242",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
    "6200000000000005",
    "4222222222222",
  ])("%s", (text) => {
    expect(containsCardNumber(text)).toBe(true);
  });

  test("in any form, anywhere in a text", () => {
    const form = fc.constantFrom<(text: string) => string>(
      (text) => text,
      (text) => separate(text, " "),
      (text) => separate(text, "-"),
      (text) => separate(text, "\u2009"),
      toFullWidth,
      (text) => separate(toFullWidth(text), "－"),
      toArabic,
    );
    const around = fc.string({ unit: fc.constantFrom(..."abcXYZ:()#é価"), maxLength: 12 });
    fc.assert(
      fc.property(cardNumber, form, around, around, (number, toForm, before, after) => {
        expect(containsCardNumber(before + toForm(number) + after)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test("and a body that holds one never skips the search", () => {
    fc.assert(
      fc.property(cardNumber, fc.constantFrom("", " ", "-"), (number, by) => {
        const text = JSON.stringify({ description: `a ${separate(number, by)} b` });
        expect(isPlainJson(text, Buffer.byteLength(text))).toBe(false);
      }),
    );
  });
});

describe("honest text is let be", () => {
  test.each([
    "4242424242424241",
    "424242424242",
    "42424242424242424242",
    "1234567812345670",
    "9999999999999995",
    "550e8400-e29b-41d4-a716-446655440000",
    "1731234567890",
    "2026-01-31T12:00:00.000Z",
    "+49 170 123456",
    "order 2026/11/22 no 17",
    "100.00",
    "",
  ])("%s", (text) => {
    expect(containsCardNumber(text)).toBe(false);
  });

  test("a number that fails its Luhn sum is no card", () => {
    fc.assert(
      fc.property(cardNumber, fc.integer({ min: 1, max: 9 }), (number, shift) => {
        const last = (Number(number.at(-1)) + shift) % 10;
        expect(containsCardNumber(number.slice(0, -1) + last)).toBe(false);
      }),
    );
  });

  test("our own ids are never taken for cards, however many digits they have", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 25, maxLength: 25 });
    let suspicious = 0;
    fc.assert(
      fc.property(fc.constantFrom("po", "chk", "evt"), digits, (prefix, text) => {
        const uuid = fromPublicId("po", `po_0${text}`) ?? "";
        const id = toPublicId(prefix, toUuid(`${uuid.slice(0, 14)}7${uuid.slice(15)}`));
        expect(containsCardNumber(id)).toBe(false);
        if (containsCardNumber(`x${id}`)) suspicious += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(suspicious).toBeGreaterThan(0);
  });

  test("long texts of digits are searched in time that grows with their length", () => {
    const startedMs = performance.now();
    containsCardNumber("4 ".repeat(30_000));
    containsCardNumber("4".repeat(60_000));
    containsCardNumber("4-......".repeat(8_000));
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
});
