import { setTimeout as sleep } from "node:timers/promises";

const TRIES = 300;
const STEP_MS = 50;

/** Looks again and again until it is so; fails when it never is. */
export async function poll(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < TRIES; look += 1) {
    if (await isSo()) return;
    await sleep(STEP_MS);
  }
  throw new Error(`it did not become so: ${isSo.toString()}`);
}
