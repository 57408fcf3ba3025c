/** Where a merchant's open orders stand and in which queue, as of one moment: two counts side by side must not differ. */
import { countOpenStates, type OpenStateRow } from "./count-order-states.ts";
import { countQueues, type QueueCountRow } from "./count-queues.ts";
import type { Database } from "./database.ts";

export interface Standing {
  readonly open: readonly OpenStateRow[];
  readonly queues: readonly QueueCountRow[];
}

export async function readStanding(db: Database, merchantId: number): Promise<Standing> {
  return await db.transaction(
    async (snapshot) => ({
      open: await countOpenStates(snapshot, merchantId),
      queues: await countQueues(snapshot, merchantId),
    }),
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
}
