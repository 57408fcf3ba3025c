/**
 * What the engine knows of an actor kind. A kind (payment order; later refund, payout, dispute) brings its
 * machine, its tables, its effects and its posting rules; the engine brings mailboxes, the commit, ownership,
 * timers, calls and recovery. States are immutable: a decision yields the next one, and the engine lets it
 * become the present only after a known commit.
 */
import type { PaymentOrderEvent } from "../../machines/payment-order-types.ts";
import type { ActorRow, ActorTable } from "../db/statements/actors.ts";
import type { Posting } from "../ledger/posting-rules.ts";
import type { Connector } from "../psp/connector.ts";

/** Inputs of every registered machine; a machine ignores the types that it does not know. */
export type ActorEvent = PaymentOrderEvent;

export interface ActorRef {
  readonly kind: string;
  readonly merchantId: number;
  /** Internal UUID. */
  readonly id: string;
}

/** `merchant/uuid`: unique over all kinds, because UUIDs are. */
export const refName = (ref: { readonly merchantId: number; readonly id: string }): string =>
  `${ref.merchantId}/${ref.id}`;

/** A call to a PSP that the machine wants. `request` is null where an earlier attempt stored the same bytes. */
export interface CallIntent {
  readonly kind: "charge" | "inquiry";
  readonly attempt: number;
  readonly operationNumber: number;
  readonly psp: string;
  readonly idempotencyKey: string;
  readonly request: string | null;
}

/** A journal entry for the commit. A PSP's reference can be booked once. */
export interface EntryIntent {
  readonly rule: string;
  readonly psp: string | null;
  readonly pspReference: string | null;
  readonly postings: readonly Posting[];
}

export interface AnnouncementIntent {
  readonly type: string;
  readonly orderVersion: number;
  readonly data: unknown;
}

export interface TimerIntent {
  readonly name: string;
  readonly dueAtMs: number;
}

export interface Decision {
  /** False when the event changes nothing; then `next` is the state itself. */
  readonly isChange: boolean;
  readonly next: ActorState;
  readonly calls: readonly CallIntent[];
  readonly entries: readonly EntryIntent[];
  readonly announcements: readonly AnnouncementIntent[];
}

export interface ActorState {
  readonly ref: ActorRef;
  /** Such as `EXECUTING.sending`. */
  readonly name: string;
  /** A call is out at a PSP: the node that made it owns the actor until the answer is committed. */
  readonly hasOpenCall: boolean;
  /** Nothing more will happen without an operator, the buyer or a merchant. */
  readonly isSettled: boolean;
  readonly isTerminal: boolean;
  readonly timer: TimerIntent | null;
  decide(event: ActorEvent): Decision;
  /** What the row knows and this copy does not is needed for the event: the actor has to be read again. */
  isStaleFor(event: ActorEvent): boolean;
  /** Whether the machine takes this command now. */
  accepts(event: ActorEvent): boolean;
  /** Columns of the kind's own table, for a row of `p_created` and of `p_moved`. */
  toCreatedRow(): Record<string, unknown>;
  toMovedRow(before: ActorState): Record<string, unknown>;
  /** What the payment event counts when this step ended its order; null when it did not. */
  toEndedRow(before: ActorState): Record<string, unknown> | null;
}

/** An actor as it lies in the database. */
export interface StoredActor {
  readonly state: ActorState;
  readonly version: number;
  readonly token: number;
  readonly owner: string | null;
}

/** What can't be restored stays untouched and is set aside with the reason. */
export interface UnreadableActor {
  readonly ref: ActorRef;
  readonly version: number;
  readonly owner: string | null;
  readonly reason: string;
}

export interface LoadResult {
  readonly actors: readonly StoredActor[];
  readonly unreadable: readonly UnreadableActor[];
}

/** Registration of an actor kind: its table, and how a row of it becomes an actor again. */
export interface ActorKind extends ActorTable {
  restore(row: ActorRow): StoredActor | UnreadableActor;
}

export type Connectors = ReadonlyMap<string, Connector>;
