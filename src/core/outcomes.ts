/**
 * What one call to a PSP can mean. There are five outcomes and no sixth: everything that is not surely one
 * of the first four is `unknown`, which is asked about and never guessed.
 */

/** Money that the PSP says it holds or moved. `amountMinor` is in minor units of `currency`. */
export interface PspMoney {
  readonly reference: string;
  readonly amountMinor: bigint;
  readonly currency: string;
}

export interface Redirect {
  readonly type: "redirect";
  readonly url: string;
}

/** The PSP did it. `captured` is false while the money is only held (authorized). */
export interface Succeeded extends PspMoney {
  readonly kind: "succeeded";
  readonly captured: boolean;
}

/** The PSP has it and will tell; `nextAction` is what the buyer has to do, if anything. */
export interface Pending {
  readonly kind: "pending";
  readonly reference: string | null;
  readonly nextAction: Redirect | null;
}

/** The PSP surely did not and will not. `retryable` says whether a new operation may be tried (a soft decline). */
export interface Declined {
  readonly kind: "declined";
  readonly reference: string | null;
  readonly code: string;
  readonly declineCode: string | null;
  readonly message: string;
  readonly retryable: boolean;
}

/** This attempt surely did not happen; `retryAfterMs` is what the PSP asked for. */
export interface Unsent {
  readonly kind: "unsent";
  /** We held it back ourselves (breaker, full queue, doubtful claim): it says nothing about the PSP's health. */
  readonly heldBack?: true;
  readonly reason: string;
  readonly retryAfterMs: number | null;
}

/** Anything else. It may have happened. */
export interface Unknown {
  readonly kind: "unknown";
  readonly reason: string;
}

/** Only an inquiry says this: the PSP knows no charge under that key (yet: final after its settle time). */
export interface NotFound {
  readonly kind: "not_found";
}

export type Outcome = Succeeded | Pending | Declined | Unsent | Unknown;
export type InquiryOutcome = Succeeded | Pending | Declined | NotFound | Unknown;
