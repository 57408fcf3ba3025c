/** The picture of the machine in README.md, and that it is text which Mermaid can read. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { setup } from "xstate";
import { drawMermaid } from "../../machines/draw-mermaid.ts";
import { paymentOrderMachine } from "../../machines/payment-order.ts";
import { drawChart, putChart, README } from "../../scripts/chart.ts";

const script = fileURLToPath(new URL("../../scripts/chart.ts", import.meta.url));
const lines = drawMermaid(paymentOrderMachine.root)
  .split("\n")
  .map((line) => line.trim());
const [header, ...body] = lines;

/** Every kind of line that we draw; `:` and `;` end a label in Mermaid, `#` and `"` have a meaning there. */
const ARROW = /^(\[\*\]|[a-z_]+) --> ([a-z_]+)( : [^:;#"]+)?$/;
const BOX = /^([a-z_]+) : [^:;#"]+$/;
const GROUP = /^state "[A-Z_]+" as ([a-z_]+) \{$/;
const OTHER = /^(direction TB|%% .*|\})$/;

/** Words that Mermaid keeps for itself. */
const RESERVED = ["state", "note", "end", "direction", "class", "classdef", "style", "default", "click", "as"];

describe("the chart in README.md", () => {
  test("is what the machine draws; else run: node scripts/chart.ts --write", () => {
    const text = readFileSync(README, "utf8");
    expect(text).toBe(putChart(text, drawChart()));
  });

  test("passes the script's own check", async () => {
    await expect(promisify(execFile)(process.execPath, [script, "--check"])).resolves.toMatchObject({ stderr: "" });
  });

  test("is put between its markers, and nothing else changes", () => {
    const text = "a\n<!-- chart:start -->\nold\n<!-- chart:end -->\nb\n";
    expect(putChart(text, "new")).toBe("a\n<!-- chart:start -->\nnew\n<!-- chart:end -->\nb\n");
  });

  test.each(["", "<!-- chart:start -->", "<!-- chart:end --><!-- chart:start -->"])("needs its markers: %j", (text) => {
    expect(() => putChart(text, "new")).toThrow("chart:start");
  });
});

describe("the drawing", () => {
  test("is a state diagram in lines that Mermaid can read", () => {
    expect(header).toBe("stateDiagram-v2");
    const strange = body.filter((line) => ![ARROW, BOX, GROUP, OTHER].some((form) => form.test(line)));
    expect(strange).toEqual([]);
    expect(body.filter((line) => line.endsWith("{"))).toHaveLength(body.filter((line) => line === "}").length);
  });

  test("names each box before an arrow leads to it, by no word of Mermaid's own", () => {
    const boxes = body.flatMap((line) => BOX.exec(line)?.[1] ?? GROUP.exec(line)?.[1] ?? []);
    const arrows = body.flatMap((line) => {
      const [, from, to] = ARROW.exec(line) ?? [];
      return from === undefined || to === undefined || BOX.test(line) ? [] : [from, to];
    });
    expect(arrows.filter((name) => name !== "[*]" && !boxes.includes(name))).toEqual([]);
    expect(boxes.filter((name) => RESERVED.includes(name))).toEqual([]);
  });

  test("shows every state with its description, and every event", () => {
    const words = lines.map((line) => line.replace(/^[a-z_]+ : /, "")).join(" ");
    const nodes = Object.values(paymentOrderMachine.root.states).flatMap((node) => [
      node,
      ...Object.values(node.states),
    ]);
    for (const node of nodes) {
      expect(words).toContain(node.key);
      const isDrawn = words.includes((node.description ?? "?").replaceAll(";", " –"));
      expect(isDrawn || lines.includes(`%% ${node.key}: ${node.description}`)).toBe(true);
    }
    for (const event of paymentOrderMachine.events) expect(words).toContain(event);
  });

  test("has one arrow between two states, whatever leads from one to the other", () => {
    const arrows = body.filter((line) => line.includes(" --> ")).map((line) => line.split(" : ")[0]);
    expect(new Set(arrows).size).toBe(arrows.length);
    expect(lines).toContain("not_started --> failed : order.cancel, timer.fired");
  });

  test("draws no arrow from a group to one of its own states, which Mermaid can't", () => {
    expect(body.filter((line) => line.startsWith("executing --> executing_"))).toEqual([]);
    expect(lines).toContain("any_executing --> executing_pending : psp.pending");
  });

  test("tells what happens without leaving a state, but not what is forbidden there", () => {
    const machine = setup({ actions: { ring: () => {} } }).createMachine({
      initial: "Here",
      states: {
        Here: { description: "Waits; at: home.", on: { bell: { actions: "ring" }, silence: {}, leave: "There" } },
        There: {},
      },
    });
    expect(drawMermaid(machine.root).split("\n").slice(2)).toEqual([
      "  [*] --> here",
      "  here : Here",
      "  here : Waits – at – home.",
      "  here : stays on bell",
      "  there : There",
      "  here --> there : leave",
    ]);
  });
});
