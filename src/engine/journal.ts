/**
 * The group commit. Items that wait at the same moment share one statement: one round trip and one fsync for
 * some hundreds of steps. Each lane has a connection of its own and runs one batch at a time.
 *
 * - Serialization failures, deadlocks and lost servers run the whole batch again.
 * - Commit unknown: after a lost connection the identical statement is run again until its result is known.
 *   It finds its own step ids, so nothing is written twice; until then nothing is answered or acted on.
 * - What the data itself may cause (SQLSTATE classes 21, 22, 23 and 54) splits a batch, until the bad item stands alone and
 *   is rejected. One that takes too long is split too, and never rejected.
 */
import postgres from "postgres";
import { type Ports, sleep, withinTime } from "../core/ports.ts";
import type { CommitLane } from "../db/access.ts";
import { SECTIONS } from "../db/statements/commit-steps.ts";
import type { JournalItem } from "./item.ts";

export type Verdict =
  | { readonly kind: "committed" }
  | { readonly kind: "fenced" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "checkout" }
  | { readonly kind: "order" }
  | {
      readonly kind: "rejected";
      readonly constraint: string | null;
      readonly sqlState: string;
      readonly message: string;
    };

export interface BatchReport {
  readonly items: number;
  readonly durationMs: number;
  readonly runs: number;
}

export interface JournalOptions {
  readonly openLane: (index: number) => CommitLane;
  readonly lanes: number;
  readonly ports: Ports;
  readonly onBatch?: (report: BatchReport) => void;
  readonly onTrouble?: (trouble: { readonly error: unknown; readonly items: number; readonly runs: number }) => void;
}

export interface Journal {
  /** Resolves when the item's fate is known, however long the database is away. Never rejects. */
  commit(item: JournalItem): Promise<Verdict>;
  /** Items that wait or are under way. */
  depth(): number;
  /** Waits for what is under way, then closes the lanes. */
  close(): Promise<void>;
}

/** More in one statement gains nothing and makes a lost connection dearer. */
const MAX_BATCH_ITEMS = 400;
/** 400 checkouts of 100 orders each ran into the statement's timeout, again and again; this much takes about a second. */
const MAX_BATCH_CHARS = 4_000_000;
/** After this without any answer the connection is given up; the server has given up the statement before. */
const CLIENT_DEADLINE_MS = 20_000;
const RERUN_DELAYS_MS = [0, 20, 50, 100, 250, 500, 1_000];
/** By then PostgreSQL has analyzed the tables by itself. */
const LAST_PLAN_RENEWAL = 2_048;
const CLOSE_POLL_MS = 5;
const CLOSE_SECONDS = 5;
const COMMITTED: Verdict = { kind: "committed" };

/**
 * What the data itself may cause: cardinality, data exceptions, integrity constraints, limits of the program. Whatever else
 * goes wrong is the server's, its settings' or nobody's that we know: rejecting the item would set its order aside, or call a
 * step undone that a lost answer had committed. So everything else runs again, however long it takes.
 */
const THE_DATA = /^(21|22|23|54)/;

interface Waiting {
  readonly item: JournalItem;
  readonly resolve: (verdict: Verdict) => void;
}

type Failure = "rerun" | "split";

const UNIQUE_VIOLATION = "23505";
const STATEMENT_TIMEOUT = "57014";
const codeOf = (error: unknown): string | null => (error instanceof postgres.PostgresError ? error.code : null);

/**
 * What to do about an error of the statement. A unique violation may be a race, perhaps with an earlier run of this very
 * statement whose connection was lost: the rerun's guards see the winner. The second in a row is the data's own.
 */
function classify(error: unknown, batch: { readonly items: number; readonly violationsInARow: number }): Failure {
  const code = codeOf(error);
  if (code === null) return "rerun";
  if (code === UNIQUE_VIOLATION) return batch.violationsInARow < 2 ? "rerun" : "split";
  if (code === STATEMENT_TIMEOUT) return batch.items === 1 ? "rerun" : "split";
  return THE_DATA.test(code) ? "split" : "rerun";
}

function toRejection(error: unknown): Verdict {
  if (error instanceof postgres.PostgresError) {
    return {
      kind: "rejected",
      constraint: error.constraint_name ?? null,
      sqlState: error.code,
      message: error.message,
    };
  }
  return { kind: "rejected", constraint: null, sqlState: "", message: String(error) };
}

function toVerdict(text: string): Verdict {
  switch (text) {
    case "committed":
    case "fenced":
    case "duplicate":
    case "checkout":
    case "order":
      return { kind: text };
    default:
      return { kind: "rejected", constraint: null, sqlState: "", message: `commit_steps returned the verdict ${text}` };
  }
}

export function createJournal(options: JournalOptions): Journal {
  const { ports } = options;
  const queue: Waiting[] = [];
  let underWay = 0;
  let isPumpScheduled = false;
  const lanes = Array.from({ length: options.lanes }, (_, index) => ({
    connection: options.openLane(index),
    isBusy: false,
    hasBatch: false,
    index,
    batches: 0,
  }));
  type Lane = (typeof lanes)[number];

  /**
   * What waits is shared among the lanes that are free: one makes its batch while PostgreSQL works on the other's.
   * When one lane took everything, all payments in flight went in lockstep (1,700/s instead of 2,400/s).
   */
  function takeBatch(): Waiting[] {
    const freeLanes = lanes.filter(({ hasBatch }) => !hasBatch).length;
    const size = Math.min(MAX_BATCH_ITEMS, Math.ceil(queue.length / Math.max(1, freeLanes)));
    const batch: Waiting[] = [];
    const deferred: Waiting[] = [];
    const claimed = new Set<string>();
    let taken = 0;
    let chars = 0;
    for (; taken < queue.length && batch.length < size && chars < MAX_BATCH_CHARS; taken += 1) {
      const waiting = queue[taken];
      if (waiting === undefined) break;
      if (waiting.item.claims.some((claim) => claimed.has(claim))) {
        deferred.push(waiting);
        continue;
      }
      for (const claim of waiting.item.claims) claimed.add(claim);
      batch.push(waiting);
      chars += waiting.item.chars;
    }
    queue.splice(0, taken, ...deferred);
    return batch;
  }

  function schedulePump(): void {
    if (isPumpScheduled) return;
    isPumpScheduled = true;
    // Everything that arrives within this turn of the event loop joins the batch.
    ports.timers.soon(() => {
      isPumpScheduled = false;
      for (const lane of lanes) {
        if (queue.length === 0) return;
        if (!lane.isBusy) void runLane(lane);
      }
    });
  }

  async function runLane(lane: Lane): Promise<void> {
    lane.isBusy = true;
    while (queue.length > 0) {
      await renewPlans(lane);
      const batch = takeBatch();
      if (batch.length === 0) break;
      underWay += batch.length;
      lane.hasBatch = true;
      await settle(lane, batch);
      lane.hasBatch = false;
      underWay -= batch.length;
    }
    lane.isBusy = false;
  }

  /** Cached plans that were made while the tables were small are thrown away as they grow: 1, 2, 4, 8, … batches. */
  async function renewPlans(lane: Lane): Promise<void> {
    const { batches } = lane;
    lane.batches += 1;
    if (batches > LAST_PLAN_RENEWAL || (batches & (batches - 1)) !== 0) return;
    await answerOf(lane, (connection) => connection.discardPlans()).catch(() => {});
  }

  /** Runs a batch until the fate of each of its items is known. */
  async function settle(lane: Lane, batch: readonly Waiting[]): Promise<void> {
    const parameters = SECTIONS.map((section) => {
      const rows = batch.flatMap(({ item }) => item.rows[section] ?? []);
      return rows.length === 0 ? null : `[${rows.join(",")}]`;
    });
    const startedMs = ports.clock.monotonicMs();
    let violationsInARow = 0;
    for (let runs = 1; ; runs += 1) {
      try {
        const refused = await answerOf(lane, (connection) => connection.commitSteps(parameters));
        options.onBatch?.({ items: batch.length, durationMs: ports.clock.monotonicMs() - startedMs, runs });
        for (const { item, resolve } of batch) {
          const verdict = refused.get(item.number);
          resolve(verdict === undefined ? COMMITTED : toVerdict(verdict));
        }
        return;
      } catch (error) {
        options.onTrouble?.({ error, items: batch.length, runs });
        violationsInARow = codeOf(error) === UNIQUE_VIOLATION ? violationsInARow + 1 : 0;
        if (classify(error, { items: batch.length, violationsInARow }) === "split") {
          await split(lane, batch, error);
          return;
        }
        await sleep(ports, RERUN_DELAYS_MS[Math.min(runs - 1, RERUN_DELAYS_MS.length - 1)] ?? 0);
      }
    }
  }

  async function split(lane: Lane, batch: readonly Waiting[], error: unknown): Promise<void> {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      only.resolve(toRejection(error));
      return;
    }
    const middle = Math.ceil(batch.length / 2);
    await settle(lane, batch.slice(0, middle));
    await settle(lane, batch.slice(middle));
  }

  /** Nothing that a lane asks may hold it up for longer: a network that swallows packets says nothing for a quarter of an hour. */
  function answerOf<T>(lane: Lane, ask: (connection: CommitLane) => Promise<T>): Promise<T> {
    const { connection } = lane;
    return withinTime(ports, CLIENT_DEADLINE_MS, ask(connection), () => {
      // The statement may still commit: the lane gets a new connection and runs it again.
      lane.connection = options.openLane(lane.index);
      void connection.end(0);
      throw new Error(`no answer from the database within ${CLIENT_DEADLINE_MS} ms`);
    });
  }

  return {
    commit: (item) =>
      new Promise((resolve) => {
        queue.push({ item, resolve });
        schedulePump();
      }),
    depth: () => queue.length + underWay,
    async close() {
      while (queue.length + underWay > 0) await sleep(ports, CLOSE_POLL_MS);
      await Promise.all(lanes.map((lane) => lane.connection.end(CLOSE_SECONDS)));
    },
  };
}
