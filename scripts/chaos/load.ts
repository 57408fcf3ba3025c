/** A dozen customers at a bounded rate: the PSP's truth and the final check must stay within reach. */
import { setTimeout as sleep } from "node:timers/promises";
import { sendCustomer, type Shopping } from "../support/customers.ts";

export interface Load {
  /** No new customers; resolves when all have their answers. */
  stop(): Promise<void>;
}

const CUSTOMERS = 12;
const LOOK_MS = 20;
/** After an outage the crowd catches up on no more than this: what waits for long goes elsewhere. */
const ARREARS_MS = 1_000;

export function startLoad(shopping: Shopping, paymentsPerSecond: number): Load {
  const pauseMs = 1_000 / paymentsPerSecond;
  let nextAtMs = performance.now();
  let isOver = false;
  const beCustomer = async (): Promise<void> => {
    while (!isOver) {
      const nowMs = performance.now();
      if (nextAtMs > nowMs) {
        await sleep(LOOK_MS);
        continue;
      }
      nextAtMs = Math.max(nextAtMs, nowMs - ARREARS_MS) + pauseMs;
      await sendCustomer(shopping);
    }
  };
  const crowd = Promise.all(Array.from({ length: CUSTOMERS }, beCustomer));
  return {
    async stop() {
      isOver = true;
      await crowd;
    },
  };
}
