/** What users of a payment processor want to be sure of, and the invariants of the simulation that together say it. */
import type { Invariant } from "../simulate/invariants.ts";
import type { SeedsReport } from "../simulate/campaigns/seeds.ts";

export interface Property {
  readonly property: string;
  readonly invariants: readonly Invariant[];
  /** How many chances a campaign of seeds gave it to be false. */
  readonly triesOf: (report: SeedsReport) => number;
}

export const PROPERTIES: readonly Property[] = [
  {
    property: "An operation takes effect at most once, at one PSP",
    invariants: ["one effect", "one PSP", "new key after proof", "known money"],
    triesOf: ({ effects }) => effects,
  },
  {
    property: "No PSP is called without a committed intent, nor with other bytes than it holds",
    invariants: ["intent first", "same bytes"],
    triesOf: ({ calls }) => calls,
  },
  {
    property: "While an outcome is unknown nothing is sent again, and nothing is failed",
    invariants: ["proof before resend", "ended by proof"],
    triesOf: ({ calls }) => calls,
  },
  {
    property: "The books balance after every commit, and hold what was asked for, once",
    invariants: ["books balance", "booked as asked", "late bookkeeping", "whole checkout"],
    triesOf: ({ commits }) => commits,
  },
  {
    property: "Every effect is booked or in a queue, and nothing is booked without one",
    invariants: ["effects accounted", "nothing invented"],
    triesOf: ({ effects }) => effects,
  },
  {
    property: "Logs are gapless and replay to their snapshots; who lost an order writes nothing",
    invariants: ["gapless log", "snapshot is replay", "token decides", "deadline kept", "foreign version"],
    triesOf: ({ commits }) => commits,
  },
  {
    property: "What was acknowledged is there, and is answered with the same bytes for ever",
    invariants: [
      "acknowledged payment",
      "acknowledged notice",
      "same answer",
      "one checkout",
      "receipts kept",
      "repeats do nothing",
    ],
    triesOf: ({ acknowledged }) => acknowledged,
  },
  {
    property: "When all is healed, every order is at an end or in a queue, and no mail is unread",
    invariants: ["comes to rest", "mail is read", "events complete", "recovery is idle", "readers see the rows"],
    triesOf: ({ orders }) => orders,
  },
  {
    property: "Forged notices move nothing; no request and no step meets a fault of ours",
    invariants: ["forged moves nothing", "no surprise", "no quarantine"],
    triesOf: ({ orders }) => orders,
  },
];
