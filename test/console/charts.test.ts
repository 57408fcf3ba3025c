/** The drawn charts tell what the machines do, and can be read. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Box, MachineChart } from "../../src/console/contract.ts";
import { findEdge } from "../../src/console/client/chart/find-edge.ts";
import { drawSvg } from "../../scripts/console/draw-svg.ts";
import { layOutMachine } from "../../scripts/console/lay-out-machine.ts";
import { DRAWN_MACHINES } from "../../scripts/console/machines.ts";
import { allStates } from "../../scripts/console/read-chart.ts";

const isApart = (one: Box, other: Box): boolean =>
  one.x + one.width <= other.x ||
  other.x + other.width <= one.x ||
  one.y + one.height <= other.y ||
  other.y + other.height <= one.y;

const isWithin = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

function overlapsOf(boxes: readonly (Box & { readonly name: string })[]): readonly string[] {
  return boxes.flatMap((one, index) =>
    boxes.slice(index + 1).flatMap((other) => (isApart(one, other) ? [] : [`${one.name} and ${other.name}`])),
  );
}

const charts = DRAWN_MACHINES.flatMap((drawn) =>
  (["down", "right"] as const).map((direction) => ({ id: drawn.id, drawn, direction })),
);

describe.each(charts)("the chart of $id to the $direction", ({ drawn, direction }) => {
  let chart: MachineChart;
  beforeAll(async () => {
    chart = await layOutMachine(drawn, direction);
  });

  test("has every state of the machine, with its words and tags", () => {
    const states = allStates(drawn.machine.root);
    expect(chart.nodes.map(({ id }) => id)).toEqual(states.map(({ path }) => path.join(".")));
    expect(chart.nodes.map(({ description }) => description)).toEqual(states.map(({ description }) => description));
    expect(chart.nodes.map(({ tags }) => tags)).toEqual(states.map(({ tags }) => tags));
    expect(chart.nodes.filter((node) => node.is_initial).map(({ id }) => id)).toContain("NOT_STARTED");
  });

  test("has an arrow for every transition that moves or does something, and no other", () => {
    const drawnNow = chart.edges.flatMap(({ from, to, events }) => events.map(({ event }) => `${from} ${event} ${to}`));
    const real = allStates(drawn.machine.root).flatMap((node) =>
      [...node.transitions.values()].flat().flatMap(({ eventType, target, actions }) => {
        const from = node.path.join(".");
        if (target === undefined) return actions.length === 0 ? [] : [`${from} ${eventType} ${from}`];
        return target.map((to) => `${from} ${eventType} ${to.path.join(".")}`);
      }),
    );
    expect(drawnNow.toSorted()).toEqual(real.toSorted());
    expect(new Set(chart.edges.map(({ id }) => id)).size).toBe(chart.edges.length);
  });

  test("has an arrow that an order which is created goes along", () => {
    const edge = findEdge(chart, { from: "new", to: "EXECUTING.sending" });
    expect(edge).toMatchObject({ from: "NOT_STARTED", to: "EXECUTING" });
  });

  test("is laid out the same each time", async () => {
    expect(await layOutMachine(drawn, direction)).toEqual(chart);
  });

  test("has no box over another, and no words over words", () => {
    const groups = new Set(chart.nodes.map(({ parent }) => parent));
    const leaves = chart.nodes.filter(({ id }) => !groups.has(id)).map((node) => ({ ...node, name: node.id }));
    const labels = chart.edges.flatMap(({ id, label }) => (label === null ? [] : [{ ...label, name: `label ${id}` }]));
    expect(overlapsOf([...leaves, ...labels])).toEqual([]);
    for (const node of chart.nodes) {
      const parent = chart.nodes.find(({ id }) => id === node.parent);
      expect(isWithin(node, parent ?? { x: 0, y: 0, width: chart.width, height: chart.height })).toBe(true);
    }
  });

  test("leads each arrow from the edge of its state to the edge of the other", () => {
    const touches = ({ x, y }: { x: number; y: number }, box: Box): boolean =>
      !isApart({ x: x - 1, y: y - 1, width: 2, height: 2 }, box);
    for (const { id, from, to, points } of chart.edges) {
      const [start, end] = [points[0], points.at(-1)];
      const [source, target] = [from, to].map((name) => chart.nodes.find((node) => node.id === name));
      if (start === undefined || end === undefined || source === undefined || target === undefined)
        throw new Error(`${id} is drawn from nowhere or to nowhere`);
      expect(touches(start, source), `${id} starts at ${from}`).toBe(true);
      expect(touches(end, target), `${id} ends at ${to}`).toBe(true);
    }
  });

  test("is a picture that stands alone: well formed, without script, with words for who can't see it", () => {
    const svg = drawSvg(chart, { title: "A <chart> & more" });
    const open: string[] = [];
    for (const [, isEnd, name = "", isEmpty] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
      if (isEnd === "/") expect(open.pop()).toBe(name);
      else if (isEmpty !== "/") open.push(name);
    }
    expect(open).toEqual([]);
    expect(svg).toContain('<title id="title">A &lt;chart&gt; &amp; more</title>');
    expect(svg).not.toMatch(/<script|href=|url\(|NaN|undefined/);
    expect(svg).toContain("prefers-color-scheme: dark");
    for (const { description } of chart.nodes) expect(svg).toContain(description.replaceAll('"', "&quot;"));
  });
});
