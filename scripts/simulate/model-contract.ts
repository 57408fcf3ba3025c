/**
 * What the model of the database must do: the same functions as PostgreSQL's, but at once, each as one whole statement
 * that happens or does not. The network in front of it (delays, lost answers, late commits) is the simulation's.
 */
import type { Statements } from "../../src/db/access.ts";
import type { Reads } from "../../src/db/reads.ts";
import type { CommitParameters, CommitVerdicts } from "../../src/db/statements/commit-steps.ts";

/** The same functions without the wait; what they would reject with, these throw (a `postgres.PostgresError`). */
export type Synchronous<T> = {
  readonly [Name in keyof T]: T[Name] extends (...rest: infer Arguments) => Promise<infer Result>
    ? (...rest: Arguments) => Result
    : never;
};

export interface ModelDatabase {
  readonly statements: Synchronous<Statements>;
  readonly reads: Synchronous<Reads>;
  commitSteps(parameters: CommitParameters): CommitVerdicts;
  beatNode(node: string, name: string): void;
  stopNode(node: string): void;
  /** What operators and set-up write. */
  insertMerchant(merchant: {
    readonly merchantId: number;
    readonly name: string;
    readonly mode: "test" | "live";
  }): void;
  insertSetting(name: string, value: string): void;
  /** The rows, for whoever judges them. */
  readonly tables: ModelTables;
  /** Called after each `commitSteps` that wrote something, with the orders (`merchant/uuid`) that it touched. */
  onCommit: ((orders: ReadonlySet<string>) => void) | null;
}

/** Money is bigint, times are milliseconds on the database's clock, stored JSON is parsed. */
export interface ModelTables {
  /** By `merchant/uuid`. */
  readonly paymentEvents: ReadonlyMap<string, PaymentEventRow>;
  /** By `merchant/uuid`. */
  readonly orders: ReadonlyMap<string, OrderRow>;
  /** Of an order (`merchant/uuid`), by `seq` ascending. */
  readonly transitions: ReadonlyMap<string, readonly TransitionRow[]>;
  readonly attempts: ReadonlyMap<string, readonly AttemptRow[]>;
  readonly observations: ReadonlyMap<string, readonly ObservationRow[]>;
  /** By `merchant/uuid`. */
  readonly timers: ReadonlyMap<string, TimerRow>;
  /** By `psp/event id`. */
  readonly inbox: ReadonlyMap<string, InboxRow>;
  /** By command id. */
  readonly commands: ReadonlyMap<string, CommandRow>;
  /** The outbox, in the order of commit. */
  readonly events: readonly EventRow[];
  /** By `merchant/currency/account`. */
  readonly accounts: ReadonlyMap<string, AccountRow>;
  readonly entries: ReadonlyMap<string, readonly EntryRow[]>;
  readonly postings: ReadonlyMap<string, readonly PostingRow[]>;
  /** By `merchant/key`. */
  readonly keys: ReadonlyMap<string, IdempotencyKeyRow>;
  readonly nodes: ReadonlyMap<string, NodeRow>;
}

export interface PaymentEventRow {
  readonly merchantId: number;
  readonly id: string;
  readonly checkoutId: string;
  readonly contentHash: string;
  readonly buyerInfo: unknown;
  paymentMethodToken: string | null;
  readonly returnUrl: string | null;
  readonly metadata: unknown;
  readonly orderCount: number;
  openOrderCount: number;
  succeededOrderCount: number;
  isPaymentDone: boolean;
  readonly createdAtMs: number;
}

export interface OrderRow {
  readonly merchantId: number;
  readonly id: string;
  readonly paymentOrderId: string;
  readonly paymentEventId: string;
  readonly ordinal: number;
  readonly sellerAccount: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly platformFee: bigint;
  readonly psp: string;
  readonly description: string | null;
  readonly metadata: unknown;
  readonly createdAtMs: number;
  status: "NOT_STARTED" | "EXECUTING" | "SUCCESS" | "FAILED";
  phase: string | null;
  pspReference: string | null;
  amountCaptured: bigint;
  readonly amountRefunded: bigint;
  lateOpen: number;
  ledgerUpdated: boolean;
  walletUpdated: boolean;
  stateSinceMs: number;
  updatedAtMs: number;
  machineVersion: number;
  snapshot: unknown;
  version: number;
  revision: number;
  owner: string | null;
  fencingToken: number;
  quarantinedAtMs: number | null;
  quarantineReason: string | null;
}

export interface TransitionRow {
  readonly merchantId: number;
  readonly actorId: string;
  readonly seq: number;
  readonly stepId: string;
  readonly fromState: string;
  readonly toState: string;
  readonly event: unknown;
  readonly atMs: number;
  readonly node: string;
}

export interface AttemptRow {
  readonly attempt: number;
  readonly operation: string;
  readonly operationNumber: number;
  readonly psp: string;
  readonly idempotencyKey: string;
  readonly request: string | null;
  readonly atMs: number;
  readonly node: string;
}

export interface ObservationRow {
  readonly attempt: number;
  readonly source: string;
  readonly actorKind: string;
  readonly fact: unknown;
  readonly httpStatus: number | null;
  readonly bodyBase64: string;
  readonly latencyMs: number;
  readonly atMs: number;
  readonly node: string;
  handledAtMs: number | null;
}

export interface TimerRow {
  readonly merchantId: number;
  readonly actorId: string;
  readonly actorKind: string;
  readonly seq: number;
  readonly name: string;
  readonly dueAtMs: number;
}

export interface InboxRow {
  readonly psp: string;
  readonly eventId: string;
  readonly type: string;
  readonly merchantId: number | null;
  readonly actorKind: string | null;
  readonly actorId: string | null;
  readonly fact: unknown;
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
  handledAtMs: number | null;
  disposition: string | null;
}

export interface CommandRow {
  readonly commandId: string;
  readonly merchantId: number;
  readonly actorKind: string;
  readonly actorId: string;
  readonly command: unknown;
  readonly createdAtMs: number;
  handledAtMs: number | null;
  result: unknown;
}

export interface EventRow {
  readonly merchantId: number;
  readonly id: string;
  readonly type: string;
  readonly subjectId: string;
  readonly orderVersion: number | null;
  readonly data: unknown;
  readonly createdAtMs: number;
}

export interface AccountRow {
  readonly merchantId: number;
  readonly currency: string;
  readonly account: string;
  readonly kind: string;
  debits: bigint;
  credits: bigint;
}

export interface EntryRow {
  readonly seq: number;
  readonly rule: string;
  readonly psp: string | null;
  readonly pspReference: string | null;
  readonly atMs: number;
}

export interface PostingRow {
  readonly seq: number;
  readonly leg: number;
  readonly currency: string;
  readonly debitAccount: string;
  readonly creditAccount: string;
  readonly amount: bigint;
  readonly atMs: number;
}

export interface IdempotencyKeyRow {
  readonly merchantId: number;
  readonly key: string;
  readonly requestHash: string;
  readonly subject: string;
  status: number | null;
  answer: string | null;
  readonly createdAtMs: number;
}

export interface NodeRow {
  readonly nodeId: string;
  readonly name: string;
  readonly startedAtMs: number;
  heartbeatAtMs: number;
  stoppedAtMs: number | null;
}
