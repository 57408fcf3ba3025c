/**
 * Paths that enough seeds must reach, or the simulation does not try what it is said to try: every fault, and these. Whoever
 * takes one of them counts it with `world.probe`; an edge of the chart is counted by the judge when it replays the log.
 */
import { FAULTS } from "./faults.ts";

const FAULT_PATHS = Object.fromEntries(Object.entries(FAULTS).map(([name, what]) => [`fault ${name}`, what]));

export const RARE_PATHS: Readonly<Record<string, string>> = {
  ...FAULT_PATHS,
  "verdict fenced": "a step is refused because the order has moved on, or is another's",
  "verdict committed": "a step whose answer was lost finds itself written",
  "verdict duplicate": "a key is taken",
  "verdict checkout": "a checkout id is taken",
  "a zombie woke up": "a process wakes up after others may have adopted its orders",
  "a lying lease was granted to two": "two processes hold the same lease",
  "a node did not come up at first": "a start fails because the database is away",
  "a client was told to come back (409)": "the first request under a key is still running",
  "a client was told to come back (503)": "a request can't be taken now",
  "a charge is sent again under its key": "a resend",
  "a new operation follows a decline": "a soft decline is tried anew",
  "a charge is not sent again because an earlier one was paid after all": "what is in suspense forbids another send",
  "a lost charge is proven absent": "the PSP says 'not found' after its settle time",
  "not found before the settle time": "the PSP says 'not found' too early to be believed",
  "a forged notice is refused": "a wrong signature",
  "an old notice is refused": "a genuine signature on an old stamp",
  "an effect is booked as late_success": "money goes to suspense",
  "an effect waits in a queue": "money that the PSP holds waits for a person or a poll",
  "an operator's retry is carried out": "a parked order is tried again",
  "an operator's resolve as succeeded is carried out": "a parked order is booked by hand",
  "an operator takes too much": "more than was asked for, or than is held",
  "an answer is of another charge altogether": "the PSP mixes up its answers",
  "recovery was watched on a healthy system": "and wrote nothing",
  "edge EXECUTING.sending → EXECUTING.resolving on order.adopted": "the caller is gone, the PSP is asked first",
  "edge EXECUTING.resolving → EXECUTING.resolving on order.adopted": "whoever asked is gone, another asks again",
  "edge EXECUTING.pending → EXECUTING.pending on order.adopted": "whoever polled is gone, another polls",
  "edge EXECUTING.resolving → EXECUTING.sending on psp.not_found": "sent again after proof of absence",
  "edge EXECUTING.resolving → EXECUTING.resolving on order.cancel": "a cancel waits for the PSP's word",
  "edge EXECUTING.resolving → FAILED on psp.not_found": "a cancel is carried out after proof of absence",
  "edge EXECUTING.resolving → EXECUTING.parked on psp.succeeded": "an inquiry finds money that does not fit",
  "edge EXECUTING.resolving → EXECUTING.retrying on psp.declined": "an inquiry finds a soft decline",
  "edge EXECUTING.retrying → FAILED on order.cancel": "canceled between two sends",
  "edge EXECUTING.sending → EXECUTING.parked on order.conflicted": "a reference that another order has booked",
  "edge EXECUTING.sending → EXECUTING.parked on psp.declined": "soft declines until the sends are spent",
  "edge EXECUTING.pending → EXECUTING.parked on psp.pending": "pending until the polls are spent",
  "edge EXECUTING.parked → SUCCESS on psp.succeeded": "the fact that was missing arrives",
  "edge EXECUTING.parked → EXECUTING.resolving on order.retry": "a retry asks first",
  "edge EXECUTING.parked → EXECUTING.parked on psp.succeeded": "more money for an order that waits for a person",
  "edge EXECUTING.pending → FAILED on psp.declined": "declined after it was pending",
  "edge FAILED → FAILED on psp.succeeded": "a success after we failed the order",
  "edge NOT_STARTED → FAILED on order.cancel": "canceled before the buyer came",
  "edge NOT_STARTED → FAILED on timer.fired": "the buyer never came",
};
