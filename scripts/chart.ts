/**
 * Draws the payment order's machine into README.md: `node scripts/chart.ts --write`. With `--check` it exits 1 when
 * the picture there is not what the machine draws; without an option it prints the picture.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { drawMermaid } from "../machines/draw-mermaid.ts";
import { paymentOrderMachine } from "../machines/payment-order.ts";

export const README = new URL("../README.md", import.meta.url);
const START = "<!-- chart:start -->";
const END = "<!-- chart:end -->";

export function drawChart(): string {
  return `\`\`\`mermaid\n${drawMermaid(paymentOrderMachine.root)}\n\`\`\``;
}

/** The text with the chart between its markers. Throws when it does not have each marker once, in this order. */
export function putChart(text: string, chart: string): string {
  const [before, rest, ...more] = text.split(START);
  const [, after, ...evenMore] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || evenMore.length > 0) {
    throw new Error(`The text needs ${START} and ${END}, each once and in this order.`);
  }
  return `${before}${START}\n${chart}\n${END}${after}`;
}

function main(option: string | undefined): void {
  if (option === undefined) {
    console.log(drawChart());
    return;
  }
  const text = readFileSync(README, "utf8");
  const drawn = putChart(text, drawChart());
  if (option === "--write") {
    if (drawn !== text) writeFileSync(README, drawn);
  } else if (option === "--check") {
    if (drawn === text) return;
    console.error("README.md does not show the machine as it is. Run: node scripts/chart.ts --write");
    process.exitCode = 1;
  } else {
    console.error("usage: node scripts/chart.ts [--write | --check]");
    process.exitCode = 2;
  }
}

if (import.meta.main) main(process.argv[2]);
