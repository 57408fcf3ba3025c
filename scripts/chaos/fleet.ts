/** Florin's nodes: processes that are killed, paused and started again, however long the database is away meanwhile. */
import { appendFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FlorinProcess, startFlorin } from "../support/florin-process.ts";

export type NodeState = "starting" | "serving" | "paused";

export interface FleetNode {
  readonly url: string;
  readonly logFile: string;
  state(): NodeState;
  /** The life that runs now, by the name it has in the table `nodes`. */
  lifeName(): string;
  /** `kill -9`; resolves when that life is over. Another one is started at once: `served` waits for it. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  served(): Promise<void>;
}

export interface Fleet {
  readonly nodes: readonly FleetNode[];
  serving(): readonly FleetNode[];
  /** Every node serves. */
  whole(): Promise<void>;
  /** No node is started again. */
  close(): void;
  /** Lives that ended although nobody killed them. */
  readonly unexpectedEnds: string[];
}

const RETRY_MS = 200;
const WATCH_MS = 250;
/** No outage of ours is that long: whoever can't start by then never will. */
const START_LIMIT_MS = 180_000;

export interface FleetPlan {
  readonly folder: string;
  readonly urls: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export async function startFleet({ folder, urls, environment }: FleetPlan): Promise<Fleet> {
  const unexpectedEnds: string[] = [];
  let isClosed = false;
  const nodes = urls.map((url, index) => {
    const plan = {
      url,
      logFile: join(folder, `node-${index + 1}.log`),
      environment: { ...environment, PORT: new URL(url).port, DATA_DIR: join(folder, `node-${index + 1}`) },
    };
    return createNode(plan, {
      isClosed: () => isClosed,
      onUnexpectedEnd: (name) => unexpectedEnds.push(`${name} (${plan.logFile})`),
    });
  });
  const fleet: Fleet = {
    nodes,
    unexpectedEnds,
    serving: () => nodes.filter((node) => node.state() === "serving"),
    whole: async () => void (await Promise.all(nodes.map((node) => node.served()))),
    close() {
      isClosed = true;
    },
  };
  await fleet.whole();
  return fleet;
}

type NodePlan = Parameters<typeof startFlorin>[0];

function createNode(
  plan: NodePlan,
  fleet: { readonly isClosed: () => boolean; readonly onUnexpectedEnd: (name: string) => void },
): FleetNode {
  let life: FlorinProcess | null = null;
  let state: NodeState = "starting";
  let serving = begin();

  /** Starts it until it serves: a node that finds no database ends, and is started again, as any service manager does. */
  async function begin(): Promise<void> {
    const giveUpMs = performance.now() + START_LIMIT_MS;
    while (!fleet.isClosed()) {
      try {
        const next = await startFlorin(plan, "SIGKILL");
        life = next;
        state = "serving";
        void watchOver(next);
        return;
      } catch (error) {
        if (performance.now() > giveUpMs) throw error;
        appendFileSync(plan.logFile, `start again: ${error instanceof Error ? error.message.split("\n")[0] : error}\n`);
        await sleep(RETRY_MS);
      }
    }
  }

  async function watchOver(own: FlorinProcess): Promise<void> {
    while (own.isRunning()) await sleep(WATCH_MS, undefined, { ref: false });
    if (life !== own || fleet.isClosed()) return;
    fleet.onUnexpectedEnd(nameOf(own));
    restart();
  }

  function restart(): void {
    life = null;
    state = "starting";
    serving = begin();
    // Whoever waits for it hears of it.
    serving.catch(() => {});
  }

  return {
    url: plan.url,
    logFile: plan.logFile,
    state: () => state,
    lifeName: () => (life === null ? "" : nameOf(life)),
    async kill() {
      const victim = life;
      if (victim === null) return;
      life = null;
      state = "starting";
      await victim.kill();
      restart();
    },
    pause() {
      if (life === null) return;
      process.kill(life.pid, "SIGSTOP");
      state = "paused";
    },
    resume() {
      if (life === null) return;
      process.kill(life.pid, "SIGCONT");
      state = "serving";
    },
    served: () => serving,
  };
}

/** As Florin writes it into `nodes.name`. */
const nameOf = ({ pid }: FlorinProcess): string => `${hostname()}:${pid}`;
