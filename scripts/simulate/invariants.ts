/**
 * What must hold, whatever happens. The judge checks it after every commit, every PSP call and every effect, and once more
 * when the run has healed; `npm run simulate -- --invariants` prints it.
 */
export const INVARIANTS = {
  "one effect": "an operation of an order takes effect at most once, at one PSP; a second success is never asked for",
  "intent first": "every PSP call had its attempt committed before, with the bytes that are sent",
  "same bytes": "whatever is sent again under a key is the same, byte for byte",
  "proof before resend":
    "nothing is sent under a key whose outcome is unknown, until the PSP has proven that it is not there",
  "one PSP": "an order is never sent to another PSP than the one it was opened for",
  "new key after proof": "a new operation is sent only when the one before is surely declined or was proven absent",
  "known money": "an order is not charged while the PSP is known to have taken, or to hold, other money for it",
  "ended by proof":
    "an order fails only when no call of it can have taken effect: declined, never sent, or proven absent",
  "books balance": "debits equal credits in every currency, and every balance equals its postings",
  "booked as asked":
    "a pay-in is booked with the order's own amount and currency, once, and only to an order that is SUCCESS",
  "gapless log":
    "transitions are gapless from 1, each begins where the last ended, and their number is the order's version",
  "snapshot is replay": "an order's snapshot is what its log gives when the pure machine replays it",
  "token decides": "the fencing token never falls, and no step is written by a node that is not the owner",
  "late bookkeeping": "each late success is counted, and booked to suspense, exactly once",
  "deadline kept": "a timer fires when it is due, never before, and each at most once",
  "forged moves nothing": "a notice that is forged or too old is refused, and is in no table",
  "acknowledged notice": "a notice that was answered 2xx is in the inbox",
  "acknowledged payment": "a payment that was acknowledged is in the database, as it was acknowledged",
  "same answer": "a key that was answered is answered with the same status and bytes for ever",
  "one checkout": "two clicks on one checkout get the same payment event",
  "no surprise": "a request gets an answer that its contract allows, never 500",
  "no quarantine": "no order is set aside: no step breaks an assertion",
  "foreign version": "an order of a newer machine version is left alone",
  "whole checkout": "a payment event has all its orders or does not exist, and counts them right",
  "receipts kept": "what a PSP answered to a living process is stored, by whoever asked, also when its step is refused",
  "effects accounted":
    "in the end every effect is booked to its order, booked to suspense, or its order stands in a queue",
  "nothing invented": "nothing is booked without an effect of that amount and currency at the PSP",
  "comes to rest": "in the end every order is terminal or in a queue with a deadline, a person or a PSP to wait for",
  "mail is read": "in the end no webhook, answer or command waits for somebody",
  "events complete": "each order's events begin with its creation, rise in version, and end with what became of it",
  "model is PostgreSQL": "on a real PostgreSQL every answer, error and row is what the model says",
  "repeats do nothing": "an old request that is sent again makes no order, no effect and no booking",
  "readers see the rows": "in the end order, timeline, explanation and trial balance tell what is in the rows",
  "recovery is idle": "recovery on a healthy system writes nothing and calls no PSP",
} as const;

export type Invariant = keyof typeof INVARIANTS;
