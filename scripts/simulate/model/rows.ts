/** Rows of the model: what the contract shows of them, and what only statements and reads ask for. */
import type * as contract from "../model-contract.ts";

/** `merchant/uuid`. */
export type Key = string;

interface OfActor {
  readonly merchantId: number;
  readonly actorId: string;
}

export type PaymentEvent = contract.PaymentEventRow;
export interface Order extends contract.OrderRow {
  readonly key: Key;
}
export interface Transition extends contract.TransitionRow {
  readonly actorKind: string;
  readonly trace: string | null;
}
export type Attempt = contract.AttemptRow;
export interface Observation extends contract.ObservationRow, OfActor {}
export type Timer = contract.TimerRow;
export type Notice = contract.InboxRow;
export type Command = contract.CommandRow;
export type OutboxEvent = contract.EventRow;
export type Account = contract.AccountRow;
export type Entry = contract.EntryRow;
export interface Posting extends contract.PostingRow, OfActor {}
export type IdempotencyKey = contract.IdempotencyKeyRow;
export type Node = contract.NodeRow;

export interface Merchant {
  readonly merchantId: number;
  readonly name: string;
  readonly mode: "test" | "live";
}

export interface ApiKey {
  readonly apiKeyId: string;
  readonly merchantId: number;
  readonly name: string;
  /** Hex. */
  readonly secretHash: string;
  readonly lastFour: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  revokedAtMs: number | null;
}

/** The parts joined so that no two lists of them give the same key: no text of a row holds a NUL. */
export const joinKey = (one: string | number, other: string): string => `${one}\u0000${other}`;

export const keyOf = (merchantId: number | null, id: string | null): Key => `${merchantId}/${id}`;
