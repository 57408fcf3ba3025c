/**
 * What the journal makes of an error of its statement. A lane that answers with every error there is stands in for the
 * database: rejecting an item for what the data did not cause sets its order aside, or calls a step undone that was written.
 */
import { expect, test } from "vitest";
import { postgresError } from "../../scripts/simulate/model/errors.ts";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import type { CommitLane } from "../../src/db/access.ts";
import { ItemBuilder, type JournalItem } from "../../src/engine/item.ts";
import { createJournal, type Verdict } from "../../src/engine/journal.ts";

/** The pauses between two runs are over at once; whatever bounds a run is not. */
const LONGEST_PAUSE_MS = 1_000;
const hastyPorts: Ports = {
  ...systemPorts,
  timers: {
    ...systemPorts.timers,
    after: (ms, callback) => systemPorts.timers.after(ms > LONGEST_PAUSE_MS ? ms : 0, callback),
  },
};

const ITEMS = ["a", "b", "bad", "d"] as const;
type Name = (typeof ITEMS)[number];

function toItem(name: Name): JournalItem {
  const ref = { kind: "payment_order", merchantId: 1, id: "00000000-0000-7000-8000-000000000000" };
  const observation = { attempt: 1, source: "answer", httpStatus: 200, bodyBase64: "", latencyMs: 1 } as const;
  const stamp = { at: "2026-01-01T00:00:00.000Z", node: ref.id, isHandled: true };
  return new ItemBuilder().observation(ref, { ...observation, fact: name }, stamp).build();
}

interface Outcome {
  readonly verdicts: Readonly<Record<string, Verdict | undefined>>;
  /** Which items each run of the statement had. */
  readonly runs: readonly string[];
}

/** Commits items that wait at the same moment; the first `failures` runs that have the bad one fail. */
async function commit(
  names: readonly Name[],
  { error, failures }: { error: Error; failures: number },
): Promise<Outcome> {
  const runs: string[] = [];
  let left = failures;
  const lane: CommitLane = {
    async commitSteps(parameters) {
      const present = ITEMS.filter((name) => parameters.some((rows) => rows?.includes(`"fact":"${name}"`)));
      runs.push(present.join(" "));
      if (!present.includes("bad") || left === 0) return new Map();
      left -= 1;
      throw error;
    },
    discardPlans: async () => {},
    end: async () => {},
  };
  const journal = createJournal({ openLane: () => lane, lanes: 1, ports: hastyPorts });
  const verdicts = await Promise.all(names.map((name) => journal.commit(toItem(name))));
  await journal.close();
  return { verdicts: Object.fromEntries(names.map((name, index) => [name, verdicts[index]])), runs };
}

const COMMITTED = { kind: "committed" };
const ALL_COMMITTED = { a: COMMITTED, b: COMMITTED, bad: COMMITTED, d: COMMITTED };
const toError = (code: string): Error => postgresError(code, "as told", { constraint_name: "a_constraint" });

test.each([
  ["21000", "a row that is hit twice"],
  ["22001", "a text that is too long"],
  ["22003", "a number that is out of range"],
  ["22021", "bytes that are no text"],
  ["22P05", "a character that can't be stored"],
  ["23502", "a null where none may be"],
  ["23503", "a reference to nothing"],
  ["23514", "a check that fails"],
  ["54000", "a limit of the program"],
  ["54001", "a statement that is too complex"],
])("%s, %s, is the data's: the batch is split until the bad item stands alone and is rejected", async (code) => {
  const { verdicts, runs } = await commit(ITEMS, { error: toError(code), failures: Number.POSITIVE_INFINITY });
  const rejected = { kind: "rejected", constraint: "a_constraint", sqlState: code, message: "as told" };
  expect(verdicts).toEqual({ ...ALL_COMMITTED, bad: rejected });
  expect(runs).toEqual(["a b bad d", "a b", "bad d", "bad", "d"]);
});

test("23505 may be a race, so it splits only when it comes twice in a row", async () => {
  const error = toError("23505");
  const raced = await commit(ITEMS, { error, failures: 1 });
  expect(raced).toEqual({ verdicts: ALL_COMMITTED, runs: ["a b bad d", "a b bad d"] });
  const { verdicts, runs } = await commit(ITEMS, { error, failures: Number.POSITIVE_INFINITY });
  expect(verdicts).toMatchObject({ ...ALL_COMMITTED, bad: { kind: "rejected", sqlState: "23505" } });
  expect(runs).toEqual(["a b bad d", "a b bad d", "a b", "bad d", "bad d", "bad", "bad", "d"]);
});

test("57014 splits a batch that takes too long, and rejects nothing", async () => {
  const { verdicts, runs } = await commit(ITEMS, { error: toError("57014"), failures: 5 });
  expect(verdicts).toEqual(ALL_COMMITTED);
  expect(runs).toEqual(["a b bad d", "a b", "bad d", "bad", "bad", "bad", "bad", "d"]);
});

const FAILURES = 9;
test.each([
  ["08006", "a connection that failed"],
  ["0A000", "what the server can't do, such as a plan that went stale"],
  ["20000", "a class that is next to the data's"],
  ["25006", "a server that has become read-only"],
  ["28P01", "a password that was changed"],
  ["40001", "a serialization failure"],
  ["40P01", "a deadlock"],
  ["42501", "a right that is missing"],
  ["42883", "a function that is not there yet"],
  ["53100", "a full disk"],
  ["53300", "too many connections"],
  ["55P03", "a lock that is not to be had"],
  ["57P01", "a server that is being stopped"],
  ["57P03", "a server that is starting"],
  ["58030", "an error of the disk"],
  ["P0001", "an exception of a function"],
  ["XX000", "an error inside the server"],
  ["XX001", "damaged data"],
  ["", "an error without a code"],
])("%s, %s, is not the data's: the same batch runs again, and nothing is rejected", async (code) => {
  const error = toError(code);
  const batch = await commit(ITEMS, { error, failures: FAILURES });
  expect(batch).toEqual({ verdicts: ALL_COMMITTED, runs: Array.from({ length: FAILURES + 1 }, () => "a b bad d") });
  const alone = await commit(["bad"], { error, failures: FAILURES });
  expect(alone).toEqual({ verdicts: { bad: COMMITTED }, runs: Array.from({ length: FAILURES + 1 }, () => "bad") });
});

test("an error that is none of the server's, such as a lost connection, runs the same batch again", async () => {
  const error = Object.assign(new Error("write CONNECTION_CLOSED"), { code: "CONNECTION_CLOSED" });
  const { verdicts, runs } = await commit(ITEMS, { error, failures: FAILURES });
  expect(verdicts).toEqual(ALL_COMMITTED);
  expect(new Set(runs)).toEqual(new Set(["a b bad d"]));
});
