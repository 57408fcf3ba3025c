/** All rows of all tables, of the model in the form in which PostgreSQL's driver gives its own. */
import type { ModelDatabase } from "../model-contract.ts";
import type { Store } from "../model/store.ts";
import { asSet, toCanonical } from "./canonical.ts";

/** Rows by the name of their table. */
export type Dump = ReadonlyMap<string, readonly unknown[]>;

type Row = Record<string, unknown>;

interface Table {
  readonly name: string;
  readonly rowsOf: (store: Store) => Iterable<object>;
}

/** The rows of lists by actor, with the actor. */
function* ofActors(lists: ReadonlyMap<string, readonly object[]>): Generator<object> {
  for (const [key, list] of lists) {
    const [merchantId, actorId] = key.split("/");
    for (const row of list) yield { merchantId: Number(merchantId), actorId, ...row };
  }
}

export const TABLES: readonly Table[] = [
  { name: "idempotency_keys", rowsOf: ({ keys }) => keys.values() },
  { name: "payment_events", rowsOf: ({ paymentEvents }) => paymentEvents.values() },
  { name: "payment_orders", rowsOf: ({ orders }) => orders.values() },
  { name: "transitions", rowsOf: ({ transitions }) => ofActors(transitions) },
  { name: "attempts", rowsOf: ({ attempts }) => ofActors(attempts) },
  { name: "observations", rowsOf: ({ observations }) => ofActors(observations) },
  { name: "timers", rowsOf: ({ timers }) => timers.values() },
  { name: "inbox", rowsOf: ({ inbox }) => inbox.values() },
  { name: "commands", rowsOf: ({ commands }) => commands.values() },
  // Positions are given by the relay, which the simulation leaves out.
  { name: "events", rowsOf: ({ events }) => events.map((event) => ({ ...event, position: null })) },
  { name: "postings", rowsOf: ({ postings }) => ofActors(postings) },
  { name: "journal_entries", rowsOf: ({ entries }) => ofActors(entries) },
  { name: "accounts", rowsOf: ({ accounts }) => accounts.values() },
  { name: "nodes", rowsOf: ({ nodes }) => nodes.values() },
  { name: "api_keys", rowsOf: ({ apiKeys }) => apiKeys.values() },
  { name: "settings", rowsOf: ({ settings }) => [...settings].map(([name, value]) => ({ name, value })) },
];

const toSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Columns that the model keeps in another form than its name says. */
function toColumn(table: string, name: string, value: unknown): readonly [string, unknown] | null {
  if (table === "payment_orders" && name === "key") return null;
  if (table === "payment_orders" && name === "status") return ["payment_order_status", value];
  if (name === "fencingToken") return ["fencing_token", String(value)];
  if (name === "bodyBase64") return ["body", Buffer.from(String(value), "base64")];
  if (/Hash$/.test(name)) return [toSnake(name), Buffer.from(String(value), "hex")];
  if (/Ms$/.test(name) && name !== "latencyMs") {
    return [toSnake(name.slice(0, -2)), typeof value === "number" ? new Date(value) : value];
  }
  return [toSnake(name), typeof value === "bigint" ? value.toString() : value];
}

export function dumpModel(model: ModelDatabase): Dump {
  const store = model.tables as Store;
  return new Map(
    TABLES.map(({ name, rowsOf }) => [
      name,
      [...rowsOf(store)].map((row) => {
        const columns: Row = {};
        for (const [field, value] of Object.entries(row)) {
          const column = toColumn(name, field, value);
          if (column !== null) columns[column[0]] = column[1];
        }
        return columns;
      }),
    ]),
  );
}

/** One line for each row that only one side has. */
export function compareDumps(model: Dump, server: Dump): readonly string[] {
  return TABLES.flatMap(({ name }) => {
    const ours = model.get(name) ?? [];
    const theirs = server.get(name) ?? [];
    if (toCanonical(asSet(ours)) === toCanonical(asSet(theirs))) return [];
    const [a, b] = [ours.map(toCanonical), theirs.map(toCanonical)];
    return [
      ...a.filter((row) => !b.includes(row)).map((row) => `${name}: only the model has ${row}`),
      ...b.filter((row) => !a.includes(row)).map((row) => `${name}: only PostgreSQL has ${row}`),
      ...(a.length === b.length ? [] : [`${name}: the model has ${a.length} rows, PostgreSQL ${b.length}`]),
    ];
  });
}
