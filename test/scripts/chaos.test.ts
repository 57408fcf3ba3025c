/** The short form of `npm run chaos`, with every fault in it at least once. */
import { expect, test } from "vitest";
import { FAULT_KINDS } from "../../scripts/chaos/options.ts";
import { runChaos } from "../../scripts/chaos/run-chaos.ts";
import { runScript } from "./run-script.ts";
import { isThorough } from "../support/thorough.ts";

const isLinux = process.platform === "linux";
/** How fast a node's orders are taken over depends on the machine; here it counts that they are. */
const ADOPTION_LIMIT_MS = 80_000;

test.runIf(isLinux)(
  "nodes, PostgreSQL and Redis are killed, paused, flushed, cut off and failed over, and no payment is lost or doubled",
  async () => {
    const faults = {
      kills: isThorough ? 4 : 3,
      pauses: 1,
      crashes: isThorough ? 2 : 1,
      failovers: 1,
      lateFailovers: 1,
      redisKills: 1,
      redisFlushes: 1,
      sentinelFailovers: 1,
      cutsBefore: isThorough ? 3 : 2,
      cutsAfter: isThorough ? 3 : 2,
    };
    const report = await runChaos({
      nodes: 3,
      paymentsPerSecond: 10,
      isQuick: true,
      seed: 1,
      faults,
      adoptionLimitMs: ADOPTION_LIMIT_MS,
      keep: false,
      onProgress: () => {},
    });
    expect(report.findings.filter(({ violations }) => violations.length > 0)).toEqual([]);
    expect(report.faults).toEqual(faults);
    expect(report.counts["payments acknowledged"]).toBeGreaterThan(50);
    expect(report.isClean).toBe(true);
  },
  600_000,
);

test("what can't be meant is refused, and the help names every fault", async () => {
  const help = await runScript("chaos", ["--help"]);
  expect(help.code).toBe(0);
  for (const kind of FAULT_KINDS)
    expect(help.stdout).toContain(`--${kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} `);
  const refused = await runScript("chaos", ["--nodes", "2"]);
  expect(refused.code).toBe(1);
  if (isLinux) expect(refused.stderr).toContain("--nodes takes a number from 3 to 9");
});
