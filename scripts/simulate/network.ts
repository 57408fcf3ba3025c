/**
 * The way to the database, for one process: statements take time, get lost before or after they were carried out, are
 * carried out late by a backend whose client has gone, fail for reasons of the server's own, or hang. Each statement is
 * one transaction, so it happens wholly or not at all.
 */
import postgres from "postgres";
import type { DatabaseAccess, Statements } from "../../src/db/access.ts";
import type { Reads } from "../../src/db/reads.ts";
import type { CommitVerdicts } from "../../src/db/statements/commit-steps.ts";
import type { Life } from "./life.ts";
import type { Seams } from "./seams.ts";
import type { World } from "./world.ts";

type Call = (name: string, rest: readonly unknown[]) => unknown;

/** The database itself: carries out a statement at once, or in its own time. */
export interface Server {
  readonly call: Call;
  /** Nobody gets an answer. */
  isDown: boolean;
  /** Statements that are on their way, or whose answers are. */
  inFlight: number;
}

/** Who looks at what goes over the wire. */
export interface WireWatcher {
  onCommitted?(life: Life, verdicts: CommitVerdicts): void;
}

/** The server's own `statement_timeout`. */
const HANG_MS = 15_000;
const [FASTEST_MS, SLOWEST_MS] = [0.2, 2];

/** Commits are many: of those at which a node may fall asleep, one in ten. */
const SHARE_OF_NEWS = 0.1;
/** Around the ownership time: just awake in time, and just too late. */
const NEWS_PAUSE_MS = [9_500, 12_500] as const;

const connectionLost = (): Error =>
  Object.assign(new Error("write CONNECTION_CLOSED 127.0.0.1:5432"), { code: "CONNECTION_CLOSED" });

function serverError(code: string, message: string): Error {
  // The driver's own class, with what its parser would have put into it.
  return Object.assign(Object.create(postgres.PostgresError.prototype) as Error, {
    name: "PostgresError",
    message,
    code,
    severity: "ERROR",
  });
}

const foundNothing = (result: unknown): boolean =>
  result === undefined || result === null || (Array.isArray(result) && result.length === 0);

/** Statements that leave no trace when they find nothing. */
const isRead = (name: string): boolean => /^(find|list|load|count|read|probe|adopt|purge|sum|beat|discard)/.test(name);

export function connectSimulated(
  world: World,
  life: Life,
  parts: { readonly server: Server; readonly seams: Seams; readonly watcher?: WireWatcher },
): DatabaseAccess & { readonly reads: Reads } {
  const { timeline } = world;
  const { server, seams } = parts;
  const latency = (): number =>
    world.between("db latency", FASTEST_MS, SLOWEST_MS) +
    (world.strikes("db_slow") ? world.between("db slow", 50, 4_000) : 0);

  async function carryOutUnheard(name: string, rest: readonly unknown[]): Promise<void> {
    server.inFlight -= 1;
    if (server.isDown) return;
    world.trace(life.name, `${name} carried out, and nobody hears of it`);
    try {
      await server.call(name, rest);
    } catch {
      // Nobody hears of that either.
    }
  }

  /** Others take over what it is about to send; when it wakes up it must not send it any more. */
  function oversleepNews(): void {
    if (life.isPaused() || world.between("news", 0, 1) >= SHARE_OF_NEWS || !world.strikes("node_pause_news")) return;
    life.pause();
    world.trace(life.name, "is paused at the news of its commit");
    timeline.in(world.between("news pause", ...NEWS_PAUSE_MS), () => {
      if (!life.isDead()) life.resume();
    });
  }

  function send(name: string, rest: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const answer = (ms: number, settle: () => void): void =>
        void timeline.in(ms, () => {
          server.inFlight -= 1;
          life.run(settle);
        });
      const lose = (ms: number): void => answer(ms, () => reject(connectionLost()));
      const isQuiet = isRead(name);
      if (!isQuiet && seams.pass(life, `before ${name}`)) return;
      server.inFlight += 1;
      if (world.strikes("db_lost_before")) return lose(latency());
      if (world.strikes("db_late")) {
        lose(latency());
        timeline.in(world.between("db late", 20, 3_000), () => carryOutUnheard(name, rest));
        server.inFlight += 1;
        return;
      }
      if (world.strikes("db_conflict")) {
        const code = world.pick("db conflict", ["40001", "40P01", "57P01", "53300"]);
        return answer(latency(), () => reject(serverError(code, `${name} failed`)));
      }
      if (world.strikes("db_mute")) {
        lose(HANG_MS);
        timeline.in(latency(), () => carryOutUnheard(name, rest));
        server.inFlight += 1;
        return;
      }
      if (world.strikes("db_hang")) {
        return answer(HANG_MS, () => reject(serverError("57014", "canceling statement due to statement timeout")));
      }
      timeline.in(latency(), async () => {
        if (server.isDown) return lose(latency());
        try {
          const result = await server.call(name, rest);
          if (!(isQuiet && foundNothing(result)) && seams.pass(life, `after ${name}`)) {
            server.inFlight -= 1;
            return;
          }
          if (world.strikes("db_lost_after")) lose(latency());
          else {
            if (name === "commitSteps") oversleepNews();
            answer(latency(), () => resolve(result));
          }
        } catch (error) {
          answer(latency(), () => reject(error));
        }
      });
    });
  }

  const bind = <T>(): T =>
    new Proxy(
      {},
      // Without `then`, or whoever awaits it would send it.
      { get: (_, name) => (name === "then" ? undefined : (...rest: readonly unknown[]) => send(String(name), rest)) },
    ) as T;

  return {
    statements: bind<Statements>(),
    reads: bind<Reads>(),
    openLane: () => ({
      commitSteps: async (parameters) => {
        const verdicts = (await send("commitSteps", [parameters])) as CommitVerdicts;
        parts.watcher?.onCommitted?.(life, verdicts);
        return verdicts;
      },
      discardPlans: async () => {},
      end: async () => {},
    }),
    openHeart: () => ({
      beat: (node, name) => send("beatNode", [node, name]) as Promise<void>,
      stopNode: (node) => send("stopNode", [node]) as Promise<void>,
      end: async () => {},
    }),
    end: async () => {},
  };
}

/** Statements beside the group commit that change whose an order is. */
const TAKING: ReadonlySet<string> = new Set(["adoptActors", "reclaimActors", "releaseActor", "quarantineActor"]);

/** The model as a server. `onTaken` is called when an order may have changed hands. */
export function serveModel(
  model: {
    readonly statements: object;
    readonly reads: object;
    readonly commitSteps: unknown;
    readonly beatNode: unknown;
    readonly stopNode: unknown;
  },
  onTaken: () => void,
): Server {
  const functions = new Map<string, (...rest: readonly unknown[]) => unknown>();
  const { commitSteps, beatNode, stopNode } = model;
  const all = { ...model.statements, ...model.reads, commitSteps, beatNode, stopNode };
  for (const [name, value] of Object.entries(all)) {
    if (typeof value === "function") functions.set(name, value as (...rest: readonly unknown[]) => unknown);
  }
  return {
    isDown: false,
    inFlight: 0,
    call(name, rest) {
      const found = functions.get(name);
      if (found === undefined) throw new Error(`the model has no statement ${name}`);
      const result = found(...rest);
      if (TAKING.has(name) && !(Array.isArray(result) && result.length === 0)) onTaken();
      return result;
    },
  };
}
