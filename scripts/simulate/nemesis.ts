/** Who makes processes die and sleep, the database restart, the lease store forget and clocks jump, while a run may suffer. */
import type { SimulatedLeases } from "./leases.ts";
import type { Judge } from "./judge.ts";
import type { ModelDatabase, OrderRow } from "./model-contract.ts";
import type { Server } from "./network.ts";
import type { SimulatedNode } from "./node.ts";
import type { SimulatedPsp } from "./psp.ts";
import type { World } from "./world.ts";

export interface NemesisParts {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly server: Server;
  readonly leases: SimulatedLeases;
  readonly psps: readonly SimulatedPsp[];
  readonly model: ModelDatabase;
  readonly judge: Judge;
}

export interface Nemesis {
  start(): void;
  /** Ends every fault: all are up, answer at once, and have what they need. */
  heal(): Promise<void>;
  /** How far the nodes' clocks were off at worst. */
  clockErrorMs(): number;
}

const ROUND_MS = 1_000;
/** No clock is further off than a start allows; jumps come on top. */
const MAX_JUMP_MS = 4_000;
const FOREIGN_VERSION = 99;

export function createNemesis(parts: NemesisParts): Nemesis {
  const { world, nodes, server, leases, psps, model, judge } = parts;
  const { timeline } = world;
  let worstClockMs = 0;
  const foreign = new Set<string>();

  /** Starts a process again and again until it is up: its database may be away. */
  function keepUp(node: SimulatedNode): void {
    node.start().catch((error: unknown) => {
      world.trace(node.name, `did not start: ${String(error)}`);
      world.probe("a node did not come up at first");
      node.kill();
      timeline.in(500, () => keepUp(node));
    });
  }

  function rebirth(node: SimulatedNode): void {
    timeline.in(world.between("restart", 50, 4_000), () => {
      if (!node.isReady()) keepUp(node);
    });
  }

  function troubleNode(node: SimulatedNode): void {
    const life = node.life();
    if (life === null || life.isDead() || !node.isReady()) return;
    if (world.strikes("node_crash")) {
      node.kill();
      rebirth(node);
    } else if (world.strikes("node_stop")) {
      void node.stop().then(() => rebirth(node));
    } else if (world.strikes("node_pause") && !life.isPaused()) {
      life.pause();
      world.trace(node.name, "is paused");
      const ms = world.between("pause", 2_000, 25_000);
      timeline.in(ms, () => {
        if (life.isDead()) return;
        world.trace(node.name, `wakes up after ${Math.round(ms)} ms`);
        if (ms > 10_000) world.probe("a zombie woke up");
        life.resume();
      });
    }
    if (world.strikes("clock_jump")) {
      const byMs = world.between("jump", -MAX_JUMP_MS, MAX_JUMP_MS);
      life.jumpClock(byMs);
      worstClockMs = Math.max(worstClockMs, Math.abs(life.clockErrorMs()));
      world.trace(node.name, `its clock jumps by ${Math.round(byMs)} ms`);
    }
  }

  function troubleServers(): void {
    if (world.strikes("db_restart")) {
      server.isDown = true;
      world.trace("database", "is down");
      timeline.in(world.between("db down", 100, 4_000), () => {
        server.isDown = false;
        world.trace("database", "is up");
      });
    }
    if (world.strikes("lease_down")) {
      leases.isDown = true;
      timeline.in(world.between("lease down", 500, 6_000), () => {
        leases.isDown = false;
      });
    }
    if (world.strikes("lease_flush")) leases.flush();
    if (world.strikes("lease_lying")) leases.isLying = true;
    else if (world.plan.lease_lying < 1) leases.isLying = false;
    for (const psp of psps) {
      if (!world.strikes("psp_down")) continue;
      psp.isDown = true;
      world.trace(psp.account, "is down");
      timeline.in(world.between("psp down", 1_000, 9_000), () => {
        psp.isDown = false;
      });
    }
    if (world.strikes("machine_version")) makeForeign();
  }

  /** As if a newer build had moved an order that rests, and gives it back when the upgrade is taken back. */
  function makeForeign(): void {
    const resting = [...model.tables.orders.entries()].filter(
      ([, row]) =>
        row.owner === null && row.machineVersion === 1 && row.status === "EXECUTING" && row.quarantinedAtMs === null,
    );
    if (resting.length === 0) return;
    const [name, row] = world.pick("foreign", resting) as [string, OrderRow];
    row.machineVersion = FOREIGN_VERSION;
    row.fencingToken += 1;
    foreign.add(name);
    judge.setForeign(name, true);
    world.trace("upgrade", "is a newer build's", row.id);
    timeline.in(world.between("foreign", 2_000, 8_000), () => giveBack(name));
  }

  function giveBack(name: string): void {
    const row = model.tables.orders.get(name);
    if (row === undefined || !foreign.delete(name)) return;
    row.machineVersion = 1;
    row.fencingToken += 1;
    judge.setForeign(name, false);
    world.trace("upgrade", "is ours again", row.id);
  }

  function round(): void {
    if (world.isHealed) return;
    for (const node of nodes) troubleNode(node);
    troubleServers();
    timeline.in(ROUND_MS, round);
  }

  return {
    start() {
      for (const node of nodes) keepUp(node);
      if (world.plan.lease_lying === 1) leases.isLying = true;
      timeline.in(ROUND_MS, round);
    },
    async heal() {
      world.isHealed = true;
      server.isDown = false;
      leases.isDown = false;
      if (world.plan.lease_lying < 1) leases.isLying = false;
      for (const name of [...foreign]) giveBack(name);
      for (const psp of psps) psp.isDown = false;
      for (const node of nodes) {
        const life = node.life();
        if (life?.isPaused() === true) life.resume();
      }
      for (const psp of psps) psp.heal();
    },
    clockErrorMs: () => Math.max(worstClockMs, world.plan.clock_skew > 0 ? MAX_SKEW_MS : 0),
  };
}

/** Less than the 2 s that a start refuses. */
export const MAX_SKEW_MS = 900;
