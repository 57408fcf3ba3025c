/** What a run came to, as data and as a text for people. */
import type { LogSummary } from "../support/florin-process.ts";
import { countOf, renderTable } from "../support/terminal.ts";
import type { Adoption } from "./adoption.ts";
import type { Finding } from "./checker/finding.ts";
import { DISTURBANCE_MS, FAULT_KINDS, FAULTS, type FaultCounts } from "./options.ts";

export interface ChaosReport {
  readonly isClean: boolean;
  readonly seed: number;
  /** Databases and logs, where they were kept. */
  readonly folder: string | null;
  readonly seconds: number;
  readonly faults: FaultCounts;
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly killAdoptions: AdoptionSummary;
  readonly pauseAdoptions: AdoptionSummary;
  /** Of time with a database; each disturbance has its margin on top. */
  readonly adoptionLimitMs: number;
  /** What clients heard instead of an answer, and how often. */
  readonly troubles: Readonly<Record<string, number>>;
  /** What nodes logged as errors, and how often. */
  readonly nodeErrors: Readonly<Record<string, number>>;
  /** Orders that were left to an operator although their token says otherwise; their money is accounted for. */
  readonly notes: readonly string[];
}

export interface AdoptionSummary {
  readonly nodes: number;
  readonly orders: number;
  readonly worstMs: number;
  /** Of those during which the database was never away. */
  readonly worstUndisturbedMs: number;
}

export function summarizeAdoptions(adoptions: readonly Adoption[]): AdoptionSummary {
  const worst = (of: readonly Adoption[]): number => Math.round(Math.max(0, ...of.map(({ tookMs }) => tookMs)));
  return {
    nodes: adoptions.length,
    orders: adoptions.reduce((sum, { orders }) => sum + orders, 0),
    worstMs: worst(adoptions),
    worstUndisturbedMs: worst(adoptions.filter(({ disturbances }) => disturbances === 0)),
  };
}

export function summarizeErrors(logs: readonly LogSummary[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  const add = (text: string, count: number): void => {
    sums[text] = (sums[text] ?? 0) + count;
  };
  for (const { errors, strange } of logs) {
    // What the driver said of one failure is different each time; Florin's own words are not.
    for (const [text, count] of errors) add(text.split(": ", 1)[0] ?? text, count);
    for (const text of strange) add(text, 1);
  }
  return sums;
}

/** With none in n tries, the rate is below 3/n with 95 % confidence. */
export const boundOf = (tried: number): number | null => (tried === 0 ? null : Math.min(1, 3 / tried));

const MAX_SHOWN = 20;
const TEXT_CHARS = 100;

function toBoundText(tried: number, violations: number): string {
  const bound = boundOf(tried);
  if (violations > 0) return "violated";
  return bound === null ? "not tried" : `below ${Number((bound * 100).toPrecision(2))} %`;
}

export function renderReport(report: ChaosReport): string {
  const { faults, findings } = report;
  const violations = findings.flatMap((finding) => finding.violations);
  const lost = violations.length;
  const parts = [
    renderTable(
      ["fault", "times", "rate (95 %)"],
      FAULT_KINDS.map((kind) => [FAULTS[kind], faults[kind], toBoundText(faults[kind], lost)]),
    ),
    renderTable(["counted", "number"], Object.entries(report.counts)),
    renderTable(
      ["taken over from nodes that were", "nodes", "orders", "worst ms", "worst ms, database up"],
      [
        ["killed", ...toCells(report.killAdoptions)],
        ["paused", ...toCells(report.pauseAdoptions)],
      ],
    ),
    `They must be taken over within ${report.adoptionLimitMs / 1_000} s, not counting time without a database, and ${DISTURBANCE_MS / 1_000} s more for each time that it went away meanwhile.`,
    renderTable(
      ["property", "tried", "violations", "rate (95 %)"],
      findings.map(({ property, tried, violations: own }) => [
        property,
        tried,
        own.length,
        toBoundText(tried, own.length),
      ]),
    ),
    renderCounts("instead of an answer", report.troubles),
    renderCounts("errors that nodes logged", report.nodeErrors),
    renderList(`${countOf(report.notes.length, "order")} left to an operator, money accounted for:`, report.notes),
    lost === 0
      ? `Nothing was lost, doubled or stuck (seed ${report.seed}, ${report.seconds} s).`
      : renderList(`${countOf(lost, "violation")} (seed ${report.seed}):`, violations),
    report.folder === null ? "" : `Databases and logs stay in ${report.folder}`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

const toCells = ({ nodes, orders, worstMs, worstUndisturbedMs }: AdoptionSummary): readonly number[] => [
  nodes,
  orders,
  worstMs,
  worstUndisturbedMs,
];

function renderCounts(title: string, counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .slice(0, MAX_SHOWN)
    .map(([text, count]) => [text.slice(0, TEXT_CHARS), count]);
  return rows.length === 0 ? "" : renderTable([title, "times"], rows);
}

function renderList(title: string, texts: readonly string[]): string {
  if (texts.length === 0) return "";
  const shown = texts.slice(0, MAX_SHOWN).map((text) => `  ${text}`);
  if (texts.length > MAX_SHOWN) shown.push(`  … and ${texts.length - MAX_SHOWN} more`);
  return [title, ...shown].join("\n");
}
