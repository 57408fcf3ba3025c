/** A dozen customers at a bounded rate: the PSP's truth and the final check must stay within reach. */
import { setTimeout as sleep } from "node:timers/promises";
import { sendCustomer, type Shopping } from "../support/customers.ts";

export interface Load {
  /** No new customers; resolves when all have their answers. */
  stop(): Promise<void>;
}

const CUSTOMERS = 12;
const LOOK_MS = 20;

export function startLoad(shopping: Shopping, paymentsPerSecond: number): Load {
  const { history } = shopping;
  const startedMs = performance.now();
  let isOver = false;
  const isAhead = (): boolean => history.sent > ((performance.now() - startedMs) / 1_000) * paymentsPerSecond;
  const beCustomer = async (): Promise<void> => {
    while (!isOver) {
      if (isAhead()) await sleep(LOOK_MS);
      else await sendCustomer(shopping);
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
