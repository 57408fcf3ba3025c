/** The data of the payment order's machine: what it remembers, what happens to it, what it wants done. */
import type { PolicyName } from "./payment-order-policy.ts";

export type TimerName = "retry" | "poll" | "inquiry" | "expiry";

/** The deadline that the order waits for. It is part of the state; the engine keeps a row for it. */
export interface PendingTimer {
  readonly name: TimerName;
  readonly dueAt: number;
}

/** A call that is out at the PSP, or was when its node died. */
export interface OpenCall {
  readonly attempt: number;
  readonly kind: "charge" | "inquiry";
  readonly at: number;
}

/** Money as a snapshot holds it: a decimal string of minor units, because JSON has no bigint. */
export interface HeldMoney {
  readonly reference: string;
  readonly amount: string;
  readonly currency: string;
}

export type ParkReason =
  | "retries_spent"
  | "inquiries_spent"
  | "pending_too_long"
  | "amount_mismatch"
  | "currency_mismatch"
  | "reference_conflict"
  | "booked_elsewhere"
  | "charged_before";

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly declineCode: string | null;
  readonly retryable: boolean;
}

export interface PaymentOrderInput {
  readonly amount: string;
  readonly platformFee: string;
  readonly currency: string;
  readonly psp: string;
  readonly policy: PolicyName;
  readonly settleTimeMs: number;
  readonly keyLifetimeMs: number;
}

export interface PaymentOrderContext extends PaymentOrderInput {
  /** Number of the charge operation; advances only after a decline that the PSP has proven. */
  readonly operation: number;
  /** Calls of any kind so far; the number of the newest attempt. */
  readonly attempt: number;
  /** Sends of the charge so far: all, those of the current operation, and those that count against the retry budget. */
  readonly sends: number;
  readonly operationSends: number;
  readonly budgetUsed: number;
  /** Inquiries since the order began to wait for an answer. */
  readonly asks: number;
  readonly call: OpenCall | null;
  /** When the PSP may first have seen the current operation's key; null while it surely has not. */
  readonly keySince: number | null;
  /** Since when an outcome of the current operation is unknown. Cleared only by proof. */
  readonly unknownSince: number | null;
  readonly timer: PendingTimer | null;
  readonly cancelRequested: boolean;
  readonly reference: string | null;
  readonly nextActionUrl: string | null;
  readonly failure: Failure | null;
  readonly captured: string;
  /** Money that the PSP holds and that is in no book yet, because facts disagree. */
  readonly held: HeldMoney | null;
  /** Successes beyond the one that settled this order; each is booked to suspense. */
  readonly late: readonly HeldMoney[];
  readonly parked: { readonly reason: ParkReason; readonly since: number } | null;
}

/** Every event carries its time (ms since the epoch) and a number in [0, 1): the machine has neither. */
export interface Stamp {
  readonly at: number;
  readonly jitter: number;
}

/** Which call or operation a PSP's fact belongs to; a webhook belongs to an operation, not to an attempt. */
export interface Origin {
  readonly source: "answer" | "inquiry" | "webhook" | "settlement";
  readonly operation: number;
  readonly attempt: number | null;
}

export type PspFact =
  | ({ readonly type: "psp.succeeded"; readonly captured: boolean } & HeldMoney & Origin & Stamp)
  | ({
      readonly type: "psp.pending";
      readonly reference: string | null;
      readonly nextActionUrl: string | null;
    } & Origin &
      Stamp)
  | ({ readonly type: "psp.declined"; readonly reference: string | null } & Failure & Origin & Stamp)
  | ({
      readonly type: "psp.unsent";
      readonly reason: string;
      readonly retryAfterMs: number | null;
      readonly heldBack: boolean;
    } & Origin &
      Stamp)
  | ({ readonly type: "psp.unknown"; readonly reason: string } & Origin & Stamp)
  | ({ readonly type: "psp.not_found" } & Origin & Stamp);

export type OrderCommand =
  | ({ readonly type: "order.started" } & Stamp)
  | ({ readonly type: "order.cancel" } & Stamp)
  | ({ readonly type: "order.retry" } & Stamp)
  | ({ readonly type: "order.ask" } & Stamp)
  | ({
      readonly type: "order.resolve";
      readonly outcome: "succeeded" | "failed";
      readonly amount: string;
      readonly reference: string | null;
      readonly reason: string;
    } & Stamp);

export type PaymentOrderEvent =
  | PspFact
  | OrderCommand
  | ({ readonly type: "order.awaited"; readonly expiresInMs: number; readonly payUrl: string } & Stamp)
  | ({ readonly type: "order.adopted" } & Stamp)
  | ({
      readonly type: "order.conflicted";
      readonly reference: string;
      readonly amount: string;
      readonly currency: string;
    } & Stamp)
  | ({ readonly type: "timer.fired"; readonly name: TimerName } & Stamp);

/** What the machine wants done, as data. Calls are performed after the commit, the others are written in it. */
export type PaymentOrderEffect =
  | { readonly type: "charge"; readonly params: ChargeParams }
  | { readonly type: "inquire"; readonly params: CallParams }
  | { readonly type: "post"; readonly params: PostParams }
  | { readonly type: "announce"; readonly params: AnnounceParams };

export interface CallParams {
  readonly attempt: number;
  readonly operation: number;
}

/** `isResend`: an earlier attempt of this operation has the bytes; they are sent unchanged. */
export interface ChargeParams extends CallParams {
  readonly isResend: boolean;
}

export interface PostParams extends HeldMoney {
  readonly rule: "pay_in" | "late_success";
}

export interface AnnounceParams {
  readonly type: string;
}
