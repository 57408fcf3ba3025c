import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

export default defineConfig({
  test: {
    environment: "node",
    // Hundreds of processes start in a run; what they have in common is compiled once.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/node", import.meta.url)) },
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // Processes, not threads: tests change into folders, take signals and are killed.
    pool: "forks",
    // More than twice the cores of a small machine: many tests wait for a deadline or a process.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    // Limits for what hangs; a machine that stands still for half a minute fails nothing.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    teardownTimeout: 20_000,
  },
});
