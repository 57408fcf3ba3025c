/**
 * The model of the database: PostgreSQL's answers, rows and errors for everything that Florin asks of it, in the memory
 * of this process and on a clock that is handed in. What it says is held against PostgreSQL by
 * `scripts/simulate/differential/run-differential.ts`. Snapshots and other JSON are shared, not copied: nobody may change them.
 */
import postgres from "postgres";
import { DrizzleQueryError } from "../../../src/db/drizzle.ts";
import type { Reads } from "../../../src/db/reads.ts";
import type { ModelDatabase, Synchronous } from "../model-contract.ts";
import { runCommit } from "./commit/commit-steps.ts";
import { textArgument } from "./casts.ts";
import { uniqueViolation } from "./errors.ts";
import { createApiKeyReads } from "./reads/api-keys.ts";
import { createHistoryReads } from "./reads/history.ts";
import { createLedgerReads } from "./reads/ledger.ts";
import { createOrderReads } from "./reads/orders.ts";
import { createActorStatements } from "./statements/actors.ts";
import { createDueStatements } from "./statements/due.ts";
import { createKeyStatements } from "./statements/keys.ts";
import { createMailStatements } from "./statements/mail.ts";
import { beatNode, createOperationStatements, stopNode } from "./statements/operation.ts";
import { createStore } from "./store.ts";

export function createModelDatabase(options: { readonly nowMs: () => number }): ModelDatabase {
  const store = createStore(options.nowMs);
  const database: ModelDatabase = {
    statements: {
      ...createActorStatements(store),
      ...createDueStatements(store),
      ...createKeyStatements(store),
      ...createMailStatements(store),
      ...createOperationStatements(store),
    },
    reads: failAsDrizzle({
      ...createOrderReads(store),
      ...createHistoryReads(store),
      ...createLedgerReads(store),
      ...createApiKeyReads(store),
    }),
    commitSteps(parameters) {
      const { verdicts, hasWritten, touched } = runCommit(store, parameters);
      if (database.onCommit !== null && hasWritten) {
        database.onCommit(new Set([...touched].filter((key) => store.orders.has(key))));
      }
      return verdicts;
    },
    beatNode: (node, name) => beatNode(store, node, name),
    stopNode: (node) => stopNode(store, node),
    insertMerchant: (merchant) => void store.merchants.set(merchant.merchantId, merchant),
    insertSetting(name, value) {
      if (store.settings.has(name)) throw uniqueViolation("settings", "settings_pkey");
      store.settings.set(textArgument(name), textArgument(value));
    },
    tables: store,
    onCommit: null,
  };
  return database;
}

/** The reading side gets the server's errors as the cause of Drizzle's own. */
function failAsDrizzle(reads: Synchronous<Reads>): Synchronous<Reads> {
  const wrapped = Object.entries(reads).map(([name, read]) => {
    const answer = (...rest: readonly unknown[]): unknown => {
      try {
        return (read as (...rest: readonly unknown[]) => unknown)(...rest);
      } catch (error) {
        if (error instanceof postgres.PostgresError) throw new DrizzleQueryError(name, [], error);
        throw error;
      }
    };
    return [name, answer];
  });
  return Object.fromEntries(wrapped) as Synchronous<Reads>;
}
