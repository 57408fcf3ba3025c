/**
 * Ends everything that works in a folder when its standard input closes, and removes the folder. The kernel closes
 * that input with the run, however the run ends, so nothing that the run started outlives it: not after Ctrl-C, not
 * after `kill -9`. `node guardian.ts FOLDER`; any word on the input leaves the folder where it is.
 */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { killWorkersIn } from "../support/florin-process.ts";

const LOOK_EVERY_MS = 50;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("the guardian needs a folder");
// It must not be its own victim.
process.chdir("/");
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

let isKept = false;
process.stdin.on("data", () => {
  isKept = true;
});
process.stdin.once("close", async () => {
  // A process that was just being started appears after the first look.
  for (let quietLooks = 0; quietLooks < 3; ) {
    quietLooks = killWorkersIn(folder) === 0 ? quietLooks + 1 : 0;
    await sleep(LOOK_EVERY_MS);
  }
  if (!isKept) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.exit(0);
});
process.stdout.write("ready\n");
