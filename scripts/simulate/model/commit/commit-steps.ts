/** `commit_steps`: the sections of a batch in the order of the SQL function, all of them or nothing. */
import {
  type CommitParameters,
  type CommitVerdicts,
  SECTIONS,
  type Section,
} from "../../../../src/db/statements/commit-steps.ts";
import type { Store } from "../store.ts";
import { Undo } from "../undo.ts";
import { insertEntries, insertPostings } from "./book.ts";
import { insertCheckouts, insertKeys, insertOrders } from "./create.ts";
import { insertAttempts, insertEvents, insertObservations, insertTransitions } from "./history.ts";
import { judgeClaims, judgeGuards, type Refused } from "./judge.ts";
import { takeMail, writeTimers } from "./mail.ts";
import { countEnded, moveOrders } from "./move.ts";

type Writer = (store: Store, section: string, refused: Refused, undo: Undo) => void;

const WRITERS: readonly (readonly [Section, Writer])[] = [
  ["guards", judgeGuards],
  ["claims", judgeClaims],
  ["keys", insertKeys],
  ["checkouts", insertCheckouts],
  ["created", insertOrders],
  ["moved", moveOrders],
  ["ended", countEnded],
  ["transitions", insertTransitions],
  ["attempts", insertAttempts],
  ["observations", insertObservations],
  ["mail", takeMail],
  ["timers", writeTimers],
  ["events", insertEvents],
  ["entries", insertEntries],
];
const PLACES: readonly (readonly [number, Writer])[] = WRITERS.map(([section, write]) => [
  SECTIONS.indexOf(section),
  write,
]);
const ENTRIES = SECTIONS.indexOf("entries");
const POSTINGS = SECTIONS.indexOf("postings");

export interface Commit {
  readonly verdicts: CommitVerdicts;
  readonly hasWritten: boolean;
  /** Actors (`merchant/uuid`) whose rows it wrote. */
  readonly touched: ReadonlySet<string>;
}

/** Throws PostgreSQL's error, with nothing written. */
export function runCommit(store: Store, parameters: CommitParameters): Commit {
  const refused: Refused = new Map();
  const undo = new Undo();
  try {
    for (const [place, write] of PLACES) {
      const section = parameters[place];
      if (section !== null && section !== undefined) write(store, section, refused, undo);
    }
    // Postings belong to entries: without any they are not read.
    if (parameters[ENTRIES]) insertPostings(store, parameters[POSTINGS] ?? null, refused, undo);
  } catch (error) {
    undo.rollBack();
    throw error;
  }
  const verdicts = new Map<number, string>();
  for (const [item, verdict] of refused) if (item !== null) verdicts.set(item, verdict);
  return { verdicts, hasWritten: undo.hasSteps, touched: undo.touched };
}
