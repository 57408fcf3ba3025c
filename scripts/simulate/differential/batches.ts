/** Batches of random items as the journal joins them, some of them spoilt by hand. */
import { type CommitParameters, SECTIONS, type Section } from "../../../src/db/statements/commit-steps.ts";
import type { JournalItem } from "../../../src/engine/item.ts";
import { createOddly, moveOddly } from "./odd-items.ts";
import type { Chance } from "./random.ts";
import { createCheckout, keepObservation, moveOrder, refuseMail, succeedTogether } from "./real-items.ts";
import type { World } from "./world.ts";

type Row = Record<string, unknown>;
type Rows = Map<Section, Row[]>;

const MAX_ITEMS = 6;

function randomItems(world: World): readonly (JournalItem | null)[] {
  const dice = world.chance.unit();
  if (world.store.orders.size === 0 || dice < 0.2) return [createCheckout(world)];
  if (dice < 0.25) return succeedTogether(world);
  if (dice < 0.45) return [moveOrder(world)];
  if (dice < 0.75) return [moveOddly(world)];
  if (dice < 0.85) return [createOddly(world)];
  return [dice < 0.92 ? keepObservation(world) : refuseMail(world)];
}

export function randomBatch(world: World): CommitParameters {
  const { chance, sent } = world;
  if (sent.length > 0 && chance.of(0.08)) return chance.pick(sent.slice(-4));
  const items: JournalItem[] = [];
  const claimed = new Set<string>();
  // The journal lets no two items of a batch claim the same; the statement must not fall apart when they do.
  const isCareful = chance.of(0.9);
  const count = 1 + chance.int(MAX_ITEMS);
  for (let tries = 0; tries < count; tries += 1) {
    for (const item of randomItems(world)) {
      if (item === null || (isCareful && item.claims.some((claim) => claimed.has(claim)))) continue;
      for (const claim of item.claims) claimed.add(claim);
      items.push(item);
    }
  }
  const rows: Rows = new Map();
  for (const section of SECTIONS) {
    const own = items.flatMap((item) => JSON.parse(`[${item.rows[section] ?? ""}]`) as Row[]);
    if (own.length > 0) rows.set(section, own);
  }
  if (chance.of(0.25)) {
    spoil(chance, rows);
    untie(rows);
  }
  const parameters = SECTIONS.map((section) => {
    const own = rows.get(section);
    return own === undefined ? null : JSON.stringify(own);
  });
  sent.push(parameters);
  return parameters;
}

const POISON: readonly unknown[] = [
  null,
  null,
  "",
  "text",
  "nul \u0000",
  "half \ud800",
  0,
  -1,
  1.5,
  40_000,
  2 ** 31 - 1,
  3e9,
  1e21,
  "9223372036854775807",
  "9223372036854775808",
  " 12 ",
  "0x10",
  "1_000",
  true,
  "yes",
  { a: 1, b: ["\u0001"] },
  { deep: { text: "nul \u0000" } },
  [],
  "00000000-0000-7000-8000-00000000000A",
  "{00000000-0000-7000-8000-00000000000a}",
];
const TIMES: readonly unknown[] = [
  null,
  "",
  "text",
  "2027-01-01T00:00:00.123456Z",
  "2027-01-01 01:00:00+01",
  "2027-02-30T00:00:00Z",
];
/** Counted by one, a fencing token never comes near to what a JavaScript number can't hold. */
const isToken = (column: string): boolean => /^(token|new_token)$/.test(column);
const TOKENS = POISON.filter((value) => !String(value).startsWith("9223372036854775807"));
const isTime = (column: string): boolean => /^(at|due_at|created_at)$/.test(column);

/** One to three changes by hand. */
function spoil(chance: Chance, rows: Rows): void {
  for (let times = 1 + chance.int(3); times > 0 && rows.size > 0; times -= 1) {
    const section = chance.pick([...rows.keys()]);
    const own = rows.get(section) ?? [];
    if (own.length === 0) continue;
    const row = chance.pick(own);
    const columns = Object.keys(row).filter((column) => column !== "item");
    if (columns.length === 0) continue;
    const column = chance.pick(columns);
    switch (chance.int(8)) {
      case 0:
        rows.delete(section);
        break;
      case 1:
        own.push({ ...row });
        break;
      case 2:
        delete row[column];
        break;
      case 3:
        row.item = chance.pick(own).item;
        break;
      case 4:
        row[column] = chance.pick(own)[column];
        break;
      default:
        row[column] = chance.pick(isTime(column) ? TIMES : isToken(column) ? TOKENS : POISON);
    }
  }
}

/** Items as the journal joins them, untouched. */
export function joinItems(items: readonly JournalItem[]): CommitParameters {
  return SECTIONS.map((section) => {
    const own = items.flatMap(({ rows }) => rows[section] ?? []);
    return own.length === 0 ? null : `[${own.join(",")}]`;
  });
}

/** What the statement sorts the rows of these sections by. */
const SORTED: Readonly<Partial<Record<Section, readonly string[]>>> = {
  keys: ["merchant_id", "key"],
  checkouts: ["merchant_id", "checkout_id"],
  created: ["merchant_id", "payment_order_id"],
  observations: ["merchant_id", "actor_id", "attempt"],
  timers: ["merchant_id", "actor_id"],
  entries: ["psp", "psp_reference"],
};
/** PostgreSQL sorts fewer than this by insertion, which leaves equal rows in their order. */
const MIN_UNSTABLE = 7;

/** Which of many equal rows comes first, and whose error is told, is left to the server; so there are none. */
function untie(rows: Rows): void {
  for (const section of SECTIONS) {
    const columns = SORTED[section];
    const own = rows.get(section);
    if (columns === undefined || own === undefined || own.length < MIN_UNSTABLE) continue;
    const byRank = new Map(own.map((row) => [JSON.stringify(columns.map((column) => row[column] ?? null)), row]));
    rows.set(section, [...byRank.values()]);
  }
}
