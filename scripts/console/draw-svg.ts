/** A laid-out machine as a picture that stands alone: no script, dark and light by the reader's own setting. */
import type { ChartEdge, ChartNode, MachineChart, Point } from "../../src/console/contract.ts";

const STYLE = `
    svg { --ink: #1d2733; --soft: #5b6878; --line: #8794a5; --page: #ffffff; --box: #f6f8fa; --group: #fbfcfd; --edge: #c9d2dc;
      --good: #1a7f4b; --bad: #b3362b; --review: #a15c00; font: 13px ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; }
    @media (prefers-color-scheme: dark) {
      svg { --ink: #e6ebf1; --soft: #9aa7b6; --line: #76859a; --page: #12171e; --box: #1d2530; --group: #171d26; --edge: #344152;
        --good: #5bc98c; --bad: #ff8f84; --review: #f0b45e; }
    }
    .page { fill: var(--page); }
    .box { fill: var(--box); stroke: var(--edge); stroke-width: 1.5; }
    .group .box { fill: var(--group); stroke-dasharray: 5 4; }
    .state.success .box { stroke: var(--good); } .state.failed .box { stroke: var(--bad); } .state.review .box { stroke: var(--review); }
    .name { fill: var(--ink); font-weight: 600; }
    .text { fill: var(--soft); font-size: 11px; }
    .line { fill: none; stroke: var(--line); stroke-width: 1.4; }
    .head { fill: var(--line); }
    .start { fill: var(--ink); }
    .back { fill: var(--page); opacity: 0.92; }
    .label { fill: var(--ink); font-size: 12px; }`;

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeText = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char);

/** Characters in a line below a state's name. */
const LINE_CHARS = 29;
const MAX_LINES = 2;
const LINE_HEIGHT = 14;
const CORNER = 8;
const HEAD_LENGTH = 9;

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= LINE_CHARS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  if (lines.length <= MAX_LINES) return lines;
  const [last = ""] = lines.slice(MAX_LINES - 1);
  return [...lines.slice(0, MAX_LINES - 1), `${last.slice(0, LINE_CHARS - 1)}…`];
}

function lookOf({ id, tags }: ChartNode): string {
  if (id === "SUCCESS") return " success";
  if (id === "FAILED") return " failed";
  return tags.includes("needsReview") ? " review" : "";
}

function drawNode(node: ChartNode, isGroup: boolean): string {
  const { x, y, width, height } = node;
  const box = `<rect class="box" x="${x}" y="${y}" width="${width}" height="${height}" rx="${isGroup ? 14 : 10}"/>`;
  const title = `<title>${escapeText(`${node.id}: ${node.description}`)}</title>`;
  if (isGroup) {
    return `<g class="group">${title}${box}<text class="name" x="${x + 16}" y="${y + 26}">${escapeText(node.label)}</text></g>`;
  }
  const lines = wrap(node.description);
  const center = x + width / 2;
  const top = y + height / 2 - (lines.length * LINE_HEIGHT) / 2 + 4;
  const name = `<text class="name" x="${center}" y="${top}" text-anchor="middle">${escapeText(node.label)}</text>`;
  const texts = lines.map(
    (line, index) =>
      `<text class="text" x="${center}" y="${top + (index + 1) * LINE_HEIGHT}" text-anchor="middle">${escapeText(line)}</text>`,
  );
  const start = node.is_initial ? `<circle class="start" cx="${x + 12}" cy="${y + 12}" r="3.5"/>` : "";
  return `<g class="state${lookOf(node)}">${title}${box}${name}${texts.join("")}${start}</g>`;
}

/** From one point towards another, so far. */
function towards(from: Point, to: Point, length: number): Point {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  if (distance === 0) return from;
  const share = Math.min(1, length / distance);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

const show = ({ x, y }: Point): string => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;

/** Corners are rounded by at most half of the shorter leg. */
function toPath(points: readonly Point[]): string {
  return points
    .map((point, index) => {
      const [before, after] = [points[index - 1], points[index + 1]];
      if (before === undefined) return `M ${show(point)}`;
      if (after === undefined) return `L ${show(point)}`;
      const legs = [before, after].map((end) => Math.hypot(end.x - point.x, end.y - point.y) / 2);
      const radius = Math.min(CORNER, ...legs);
      return `L ${show(towards(point, before, radius))} Q ${show(point)} ${show(towards(point, after, radius))}`;
    })
    .join(" ");
}

function drawHead(points: readonly Point[]): string {
  const [before, tip] = points.slice(-2);
  if (before === undefined || tip === undefined) return "";
  const base = towards(tip, before, HEAD_LENGTH);
  const [dx, dy] = [(tip.x - base.x) / 2.4, (tip.y - base.y) / 2.4];
  return `<polygon class="head" points="${show(tip)} ${show({ x: base.x - dy, y: base.y + dx })} ${show({ x: base.x + dy, y: base.y - dx })}"/>`;
}

function drawEdge({ from, to, events, points }: ChartEdge): string {
  const what = events.map(({ event, guard }) => (guard === null ? event : `${event} when ${guard}`)).join("\n");
  return `<g><title>${escapeText(`${from} → ${to}\n${what}`)}</title><path class="line" d="${toPath(points)}"/>${drawHead(points)}</g>`;
}

function drawLabel({ label }: ChartEdge): string {
  if (label === null) return "";
  const { x, y, width, height, text } = label;
  const back = `<rect class="back" x="${x}" y="${y}" width="${width}" height="${height}" rx="4"/>`;
  return `${back}<text class="label" x="${x + width / 2}" y="${y + height - 4.5}" text-anchor="middle">${escapeText(text)}</text>`;
}

/** `title`: what the picture is of, for whoever can't see it. */
export function drawSvg(chart: MachineChart, { title }: { readonly title: string }): string {
  const groups = new Set(chart.nodes.map(({ parent }) => parent));
  const [boxes, states] = [true, false].map((isGroup) =>
    chart.nodes.filter(({ id }) => groups.has(id) === isGroup).map((node) => drawNode(node, isGroup)),
  );
  const words = chart.nodes.map(({ id, description }) => `${id}: ${description}`).join("\n");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${chart.width} ${chart.height}" width="${chart.width}" height="${chart.height}" role="img" aria-labelledby="title words">`,
    `<title id="title">${escapeText(title)}</title>`,
    `<desc id="words">${escapeText(words)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${chart.width}" height="${chart.height}"/>`,
    ...(boxes ?? []),
    ...chart.edges.map(drawEdge),
    ...(states ?? []),
    ...chart.edges.map(drawLabel),
    "</svg>\n",
  ].join("\n");
}
