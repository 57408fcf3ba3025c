/** The lease store of a simulated run: the process's own memory leases on a store that may be gone, forgetful or a liar. */
import type { LeaseOptions, Leases, LeaseVerdict } from "../../src/engine/leases/leases.ts";
import { createLeaseStore, createMemoryLeases } from "../../src/engine/leases/memory-leases.ts";
import type { Life } from "./life.ts";
import type { Seams } from "./seams.ts";
import type { World } from "./world.ts";

export interface SimulatedLeases {
  open(life: Life, options: LeaseOptions): Leases;
  isDown: boolean;
  isLying: boolean;
  flush(): void;
}

/** What a dead process hears. */
const silence = (): Promise<never> => new Promise(() => {});

export function createSimulatedLeases(world: World, seams: Seams): SimulatedLeases {
  const { timeline } = world;
  const store = createLeaseStore();
  /** Leases expire on the store's clock, not on that of whoever took them. */
  const storeClock = { nowMs: () => timeline.nowMs(), monotonicMs: () => timeline.nowMs() };

  const simulated: SimulatedLeases = {
    isDown: false,
    isLying: false,
    flush: () => store.leases.clear(),
    open(life, options) {
      const inner = createMemoryLeases({ ...options, ports: { ...options.ports, clock: storeClock }, store });
      const later = <T>(value: () => T): Promise<T> =>
        new Promise((resolve) => {
          timeline.in(world.between("lease latency", 0.1, 1), () => life.run(() => resolve(value())));
        });
      const judge = async (name: string): Promise<LeaseVerdict> => {
        if (simulated.isDown) return { kind: "unavailable" };
        if (world.strikes("lease_expiry")) store.leases.delete(name);
        const verdict = await inner.take(name);
        if (verdict.kind === "held" && simulated.isLying) {
          world.probe("a lying lease was granted to two");
          return { kind: "taken" };
        }
        return verdict;
      };
      return {
        ...inner,
        async take(name) {
          const verdict = await later(() => judge(name));
          // Its lease outlives whoever dies here.
          return verdict.kind === "taken" && seams.pass(life, "after it took the lease") ? silence() : verdict;
        },
        wake(node, name) {
          if (!simulated.isDown) timeline.in(world.between("lease latency", 0.1, 1), () => inner.wake(node, name));
        },
        isAvailable: () => !simulated.isDown,
      };
    },
  };
  return simulated;
}
