/** The acceptance scenarios' first lines as an assertion, for use after each test. */
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { expect } from "vitest";
import { checkEffects, checkIntegrity, type IntegrityReport, type PspEffect } from "../../scripts/integrity.ts";

export interface IntegrityOf {
  readonly sql: postgres.Sql;
  /** A running simulator, the effects of a double, or null where no PSP has a truth of its own. */
  readonly psp: { readonly url: string } | { readonly effects: readonly PspEffect[] } | null;
  readonly pspAccount?: string;
  readonly graceMs?: number;
}

/** What is on its way when a test ends (a webhook, a deadline) may arrive within this. */
const SETTLE_MS = 5_000;

/** Fails with the list of violations; returns what was counted. */
export async function expectIntegrity({ psp, ...rest }: IntegrityOf): Promise<IntegrityReport["counts"]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const report =
      psp !== null && "url" in psp
        ? await checkIntegrity({ ...rest, simulatorUrl: psp.url })
        : await checkEffects({ ...rest, effects: psp?.effects ?? null });
    if (report.violations.length === 0 || performance.now() > deadline) {
      expect(report.violations).toEqual([]);
      return report.counts;
    }
    await sleep(100);
  }
}
