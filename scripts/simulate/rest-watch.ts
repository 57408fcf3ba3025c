/** Whether a run that has healed has come to rest: nobody waits for anybody any more, by the rows and beyond them. */
import type { Clients } from "./clients.ts";
import { whyRestless } from "./final-checks.ts";
import type { CallJudge } from "./judge-calls.ts";
import { EPOCH_MS } from "./life.ts";
import type { ModelDatabase } from "./model-contract.ts";
import type { Server } from "./network.ts";
import type { SimulatedNode } from "./node.ts";
import type { SimulatedPsp } from "./psp.ts";
import type { World } from "./world.ts";

export interface RestWatch {
  /** Looks now and then, whenever no statement is under way. */
  isAtRest(): boolean;
  /** Who still waits for whom, beyond what the rows say; null for nobody. */
  whoWaits(): string | null;
}

const LOOK_EVERY_MS = 500;

export function createRestWatch(parts: {
  readonly world: World;
  readonly model: ModelDatabase;
  readonly calls: CallJudge;
  readonly clients: Clients;
  readonly nodes: readonly SimulatedNode[];
  readonly psps: readonly SimulatedPsp[];
  readonly server: Server;
}): RestWatch {
  const { timeline } = parts.world;
  const { tables } = parts.model;
  let nextLookMs = 0;

  function whoWaits(): string | null {
    const open = parts.clients.open();
    if (open > 0) return `${open} clients still wait for answers`;
    const psp = parts.psps.find((one) => one.openMatters() > 0);
    if (psp !== undefined) return `${psp.account} has calls or notices that nobody takes`;
    const node = parts.nodes.find((one) => !one.isIdle());
    return node === undefined ? null : `${node.name} is ${node.isReady() ? "not idle" : "not up"}`;
  }

  function areRowsQuiet(): boolean {
    const nowMs = EPOCH_MS + timeline.nowMs();
    const paid = new Set([...parts.calls.effects.values()].map(({ orderId }) => orderId));
    for (const row of tables.orders.values()) {
      if (whyRestless(row, parts.model, nowMs) !== null) return false;
      // The next poll will find the money.
      if (row.phase === "pending" && paid.has(row.id)) return false;
    }
    for (const notice of tables.inbox.values()) if (notice.handledAtMs === null) return false;
    for (const command of tables.commands.values()) if (command.handledAtMs === null) return false;
    for (const seen of tables.observations.values()) {
      if (seen.some(({ handledAtMs }) => handledAtMs === null)) return false;
    }
    return true;
  }

  return {
    whoWaits,
    isAtRest() {
      if (timeline.nowMs() < nextLookMs || parts.server.inFlight > 0) return false;
      nextLookMs = timeline.nowMs() + LOOK_EVERY_MS;
      return whoWaits() === null && areRowsQuiet();
    },
  };
}
