/** Every cell of `payment-order-table.md`: what the machine makes of each happening in each state. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { paymentOrderMachine } from "../../machines/payment-order.ts";
import { type GivenName, GIVENS } from "./payment-order-table/givens.ts";
import { HAPPENINGS, type HappeningName } from "./payment-order-table/happenings.ts";
import { judge, showState } from "./payment-order-table/judge.ts";
import { IGNORED, readTable, writeRow } from "./payment-order-table/table.ts";

const isGiven = (name: string): name is GivenName => name in GIVENS;
const isHappening = (name: string): name is HappeningName => name in HAPPENINGS;
const givenNames = Object.keys(GIVENS).filter(isGiven);
const happeningNames = Object.keys(HAPPENINGS).filter(isHappening);

const typeOf = new Map<string, string>(
  happeningNames.map((name) => [name, judge("sending: the first send", name).eventType]),
);
const namesOf = (eventType: string): readonly string[] => {
  const names = happeningNames.filter((name) => typeOf.get(name) === eventType);
  return names.length === 0 ? [`every ${eventType}, which is no event type`] : names;
};

const text = readFileSync(new URL("payment-order-table.md", import.meta.url), "utf8");
const sections = readTable(text, namesOf);

const leafStates = (): readonly string[] =>
  Object.values(paymentOrderMachine.root.states).flatMap((node) =>
    node.type === "atomic" ? [node.key] : Object.keys(node.states),
  );

describe("the table of the payment order", () => {
  test("knows every state of the machine", () => {
    const states = new Set(givenNames.map((name) => showState(GIVENS[name]().state)));
    expect([...states].sort()).toEqual([...leafStates()].sort());
  });

  test("knows every event that the machine knows", () => {
    expect([...new Set(typeOf.values())].sort()).toEqual([...paymentOrderMachine.events].sort());
  });

  test("has a section for each memory that an order can have in a state, in that state", () => {
    expect(sections.map(({ given }) => given)).toEqual(givenNames);
    for (const name of givenNames) expect(name.split(":")[0]).toBe(showState(GIVENS[name]().state));
  });

  test.each(sections)("$given: has a cell for everything that can happen, and one only", ({ cells, repeated }) => {
    expect(repeated).toEqual([]);
    expect([...cells.keys()].sort()).toEqual([...happeningNames].sort());
  });

  test.each(sections)("$given: every cell is what the machine does", ({ given, cells }) => {
    if (!isGiven(given)) throw new Error(`nobody knows how an order comes to be ${given}`);
    const names = [...cells.keys()].filter(isHappening);
    // As rows, so that a failure shows what to write into the table when the chart was changed on purpose.
    const expected = names.map((name) => writeRow([name], cells.get(name) ?? IGNORED));
    const found = names.map((name) => writeRow([name], judge(given, name).outcome));
    expect(found).toEqual(expected);
  });

  test.each(sections)("$given: what is ignored is refused beforehand, and nothing else is", ({ given, cells }) => {
    if (!isGiven(given)) throw new Error(`nobody knows how an order comes to be ${given}`);
    for (const name of [...cells.keys()].filter(isHappening)) {
      expect({ name, isAccepted: judge(given, name).isAccepted }).toEqual({
        name,
        isAccepted: cells.get(name) !== IGNORED,
      });
    }
  });

  test("a wrong cell is noticed", () => {
    const broken = readTable(text.replace("| FAILED | announce failed |", "| SUCCESS | announce failed |"), namesOf);
    const differing = broken.filter((section, index) =>
      [...section.cells].some(([name, outcome]) => {
        const right = sections[index]?.cells.get(name);
        return JSON.stringify(outcome) !== JSON.stringify(right);
      }),
    );
    expect(differing).toHaveLength(1);
  });
});
