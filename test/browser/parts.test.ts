/** Small parts of the pages that a browser is not needed for. */
import { describe, expect, test } from "vitest";
import { toProblem } from "../../src/console/client/api/problem.ts";
import { toArrowHead, toLabelSpot, toRoundedPath } from "../../src/console/client/chart/geometry.ts";
import { toCsv } from "../../src/console/client/pages/csv.ts";
import { formatAge, formatDuration, formatMoney, formatRate, formatShare } from "../../src/console/client/ui/format.ts";

describe("a file for a spreadsheet", () => {
  test("quotes what has commas, quotes and line ends", () => {
    expect(toCsv([["a,b", 'say "x"', "one\ntwo", "plain"]])).toBe('"a,b","say ""x""","one\ntwo",plain\r\n');
  });

  test("has no cell that a spreadsheet would run as a formula, and leaves numbers alone", () => {
    expect(toCsv([["=1+1", "@sum", "+x", "-x", "-12.50", "12.50"]])).toBe("'=1+1,'@sum,'+x,'-x,-12.50,12.50\r\n");
  });
});

describe("money", () => {
  test.each([
    ["1234.50", "1,234.50"],
    ["5000", "5,000"],
    ["0.001", "0.001"],
    ["-0.05", "-0.05"],
    // Beyond what a float holds.
    ["99999999999999999.99", "99,999,999,999,999,999.99"],
  ])("%s is read as %s", (decimal, text) => {
    expect(formatMoney(decimal)).toBe(text);
  });

  test("that is no decimal is shown as it came", () => {
    expect(formatMoney("1e3")).toBe("1e3");
  });
});

test.each([
  [12, "12 ms"],
  [2_100, "2.1 s"],
  [59_000, "59 s"],
  [250_000, "4 min 10 s"],
  [11_100_000, "3 h 5 min"],
  [1_036_800_000, "12 d"],
])("%i ms last %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test("an age ticks in whole seconds and is never below zero", () => {
  expect([formatAge(-50), formatAge(999), formatAge(61_000)]).toEqual(["0 s", "0 s", "1 min 1 s"]);
});

test("rates and shares have the digits that tell something", () => {
  expect([formatRate(0), formatRate(0.042), formatRate(3.24), formatRate(187.4)]).toEqual(["0", "0.04", "3.2", "187"]);
  expect([formatShare(1), formatShare(0.987)]).toEqual(["100%", "98.7%"]);
});

describe("arrows", () => {
  test("are rounded at their bends", () => {
    const path = toRoundedPath([
      { x: 0, y: 0 },
      { x: 100, y: 0 },
      { x: 100, y: 100 },
    ]);
    expect(path).toBe("M0 0L92 0Q100 0 100 8L100 100");
  });

  test("end in a triangle whose tip is their last point", () => {
    const head = toArrowHead(
      [
        { x: 0, y: 0 },
        { x: 50, y: 0 },
      ],
      10,
    );
    expect(head.split(" ")[0]).toBe("50,0");
  });

  test("that are loops without a label's place have it beyond their bend", () => {
    const points = [
      { x: 40, y: 100 },
      { x: 40, y: 86 },
      { x: 60, y: 86 },
      { x: 60, y: 100 },
    ];
    const spot = toLabelSpot(
      { id: "a", from: "a", to: "a", events: [], points, label: null },
      { width: 30, height: 16 },
    );
    expect(spot).toEqual({ x: 50, y: 77 });
  });
});

test("an answer that is no problem document still says what can be done", () => {
  expect(toProblem(502, "<html>bad gateway</html>")).toMatchObject({
    status: 502,
    detail: expect.stringContaining("Try again"),
  });
});
